"""A baseline: what is known does not fail a run; what is new does, and so does an entry that is out of date."""

import datetime
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import tomlkit
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from image_variations_conformance.cases.case import Case
from image_variations_conformance.cli.baselines import GivenBaseline
from image_variations_conformance.contract.expectation import Expectation
from image_variations_conformance.engine.baseline import NO_REASON, Baseline, BaselineError, read, updated
from image_variations_conformance.engine.run import Cost, Item, Result, Run, Verdict
from image_variations_conformance.oracles import Finding, observe
from image_variations_conformance.oracles.base import State
from image_variations_conformance.version import suite_version
from image_variations_conformance.wire.exchange import Exchange, Request, Response
from image_variations_conformance.wire.reasons import NotAtThisDepth, RateLimited, ReportedAs, Unstable
from support.requests import CONTRACT, TARGET

TODAY = datetime.date(2026, 11, 29)
NOTHING: Mapping[str, bytes] = {}
RANGE, PARAM = "IV-N-RANGE", "IV-ERR-PARAM"


def item(name: str, state: State | None) -> Item:
    finding = Finding(RANGE, state, f"{name} broke", f"case-{name}") if state is not None else None
    return Item(name, state, () if finding is None else (finding,), None if state is not None else NotAtThisDepth())


def verdict(requirement: str, **states: State | None) -> Verdict:
    items = tuple(item(name, state) for name, state in states.items())
    broken = [each for each in items if each.state == "contradicted"]
    result: Result = "fail" if broken else "partial" if any(each.state is None for each in items) else "pass"
    if not any(states.values()):
        result = "not-tested"
    reason = NotAtThisDepth() if result in {"partial", "not-tested"} else None
    message = broken[0].findings[0].message if broken else ""
    return Verdict(CONTRACT.requirements[requirement], result, message, reason=reason, items=items)


def run_of(*verdicts: Verdict, sent: Mapping[str, bytes] = NOTHING, seed: int = 7) -> Run:
    """Return a run with these verdicts that sent these bodies, by the label of the case."""
    cases = {label: Case(label, "", Request("POST", "/", (), body), Expectation()) for label, body in sent.items()}
    observations = {
        label: observe(Exchange(label, case.request, Response(200), 1.0, 0.1), Expectation())
        for label, case in cases.items()
    }
    return Run(TARGET, CONTRACT, seed, "standard", cases, observations, (), verdicts, Cost(1, 1, 0, 0.1))


def baseline_of(text: str, folder: Path) -> Baseline:
    file = folder / "baseline.toml"
    file.write_bytes(text.encode())
    return read(file, CONTRACT.requirements)


def applied(text: str, run: Run, folder: Path, today: datetime.date = TODAY) -> Run:
    return baseline_of(text, folder).applied(run, today)


def entry(requirement: str = RANGE, *, kind: str = "known", more: str = "") -> str:
    more = more if "items" in more else f'items = ["a"]\n{more}'.rstrip()
    return f'[[{kind}]]\nrequirement = "{requirement}"\nreason = "four at most"\nsince = 2026-11-01\n{more}\n'


def test_a_known_failure_is_no_failure_and_says_why(tmp_path: Path) -> None:
    run = applied(entry(more='items = ["a"]'), run_of(verdict(RANGE, a="contradicted", b="holds")), tmp_path)
    (known,) = run.verdicts
    assert (known.result, known.known, run.exit_code, run.stale) == ("known", ("a",), 0, ())
    assert known.known_because == "four at most (since 2026-11-01)"
    assert "1 known failure" in run.headline


def test_a_new_item_of_a_known_requirement_fails_and_comes_first(tmp_path: Path) -> None:
    run = applied(entry(more='items = ["a"]'), run_of(verdict(RANGE, a="contradicted", b="contradicted")), tmp_path)
    (failed,) = run.verdicts
    assert (failed.result, failed.message, failed.known, run.exit_code) == ("fail", "b broke", ("a",), 1)
    assert failed.items[0].name == "b"


@pytest.mark.parametrize("more", ['items = ["a", "b"]', 'items = ["a"]'])
def test_an_entry_that_holds_now_is_stale_and_fails_the_run(more: str, tmp_path: Path) -> None:
    run = applied(entry(more=more), run_of(verdict(RANGE, a="holds", b="holds")), tmp_path)
    assert (run.outcome, run.exit_code) == ("fails", 1)
    (stale,) = run.stale
    assert stale.startswith(f"{tmp_path}/baseline.toml:1: {RANGE} holds now")
    assert "1 entry of the baseline out of date" in run.headline


def test_an_entry_of_what_was_not_seen_is_neither_stale_nor_new(tmp_path: Path) -> None:
    run = applied(entry(more='items = ["a"]'), run_of(verdict(RANGE, a=None, b="holds")), tmp_path)
    assert (run.verdicts[0].result, run.stale) == ("partial", ())


def test_an_expired_entry_fails_the_run_from_the_next_day(tmp_path: Path) -> None:
    text, run = entry(more="expires = 2026-11-29"), run_of(verdict(RANGE, a="contradicted"))
    assert applied(text, run, tmp_path).stale == ()
    (stale,) = applied(text, run, tmp_path, TODAY + datetime.timedelta(days=1)).stale
    assert "expired on 2026-11-29" in stale


def test_a_waived_requirement_may_pass_and_fail(tmp_path: Path) -> None:
    text = entry(kind="waived")
    passing = applied(text, run_of(verdict(RANGE, a="holds")), tmp_path)
    failing = applied(text, run_of(verdict(RANGE, a="contradicted")), tmp_path)
    assert (passing.exit_code, failing.exit_code, failing.verdicts[0].result) == (0, 0, "known")


def test_a_baseline_of_other_versions_says_so(tmp_path: Path) -> None:
    run = run_of(verdict(RANGE, a="contradicted"))
    assert applied('contract = "0.9.0"\n' + entry(), run, tmp_path).baseline_of == "contract 0.9.0 and suite ?"
    assert applied(updated("", run, TODAY), run, tmp_path).baseline_of == ""


# --- updates

STATES = st.sampled_from(("contradicted", "holds", None))
VERDICTS = st.builds(
    lambda states: [verdict(name, **of) for name, of in zip((RANGE, PARAM, "IV-SIZE-ENUM"), states, strict=True)],
    st.lists(st.fixed_dictionaries(dict.fromkeys("abc", STATES)), min_size=3, max_size=3),
)


def broken(run: Run) -> set[tuple[str, str]]:
    return {(it.requirement.id, each.name) for it in run.verdicts for each in it.items if each.state == "contradicted"}


def listed(text: str) -> set[tuple[str, str]]:
    return {
        (str(each["requirement"]), str(name)) for each in tomlkit.parse(text).get("known", []) for name in each["items"]
    }


@given(VERDICTS, VERDICTS)
@settings(max_examples=200)
def test_an_update_lists_what_failed_and_was_not_seen_to_hold_since(first: list[Verdict], then: list[Verdict]) -> None:
    before, after = run_of(*first), run_of(*then)
    text = updated("", before, TODAY)
    assert listed(text) == broken(before)
    held = {(it.requirement.id, each.name) for it in then for each in it.items if each.state == "holds"}
    again = updated(text, after, TODAY)
    assert listed(again) == (broken(before) - held) | broken(after)
    assert updated(again, after, TODAY) == again


@given(VERDICTS, VERDICTS)
@settings(max_examples=200)
def test_a_run_by_an_updated_baseline_fails_only_for_what_was_not_in_it(
    tmp_path_factory: pytest.TempPathFactory, first: list[Verdict], then: list[Verdict]
) -> None:
    before, after, folder = run_of(*first), run_of(*then), tmp_path_factory.mktemp("baseline")
    run = applied(updated("", before, TODAY), after, folder)
    failed = {it.requirement.id for it in run.verdicts if it.result == "fail"}
    assert failed == {requirement for requirement, _ in broken(after) - broken(before)}
    held = {(it.requirement.id, each.name) for it in then for each in it.items if each.state == "holds"}
    assert bool(run.stale) == bool(broken(before) & held)


def test_an_update_keeps_comments_order_reasons_and_what_was_not_seen(tmp_path: Path) -> None:
    text = (
        "# Ours.\n\n"
        + entry(PARAM, more='items = ["x"] # the gateway')
        + "\n# Soon.\n"
        + entry(more='items = ["a", "c"]\nexpires = 2027-01-01')
    )
    run = run_of(verdict(RANGE, a="holds", b="contradicted", c=None), verdict(PARAM, x=None))
    made = updated(text, run, TODAY)
    assert made.startswith("# Ours.")
    assert "# the gateway" in made and "# Soon." in made and "expires = 2027-01-01" in made  # noqa: PT018
    assert made.index(PARAM) < made.index(RANGE)
    assert listed(made) == {(PARAM, "x"), (RANGE, "c"), (RANGE, "b")}
    assert {each.reason for each in baseline_of(made, tmp_path).entries.values()} == {"four at most"}


def test_the_file_keeps_its_line_ends_and_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "known.toml"
    file.write_bytes(b"# Ours.\r\n\r\n" + entry(more='items = ["a", "b"]').replace("\n", "\r\n").encode())
    file.chmod(0o640)
    given = GivenBaseline.of(file, update=True, requirements=CONTRACT.requirements)
    assert given is not None
    run = given.applied(run_of(verdict(RANGE, a="holds", b="contradicted")))
    assert (run.verdicts[0].result, run.stale) == ("known", ())
    written = file.read_bytes()
    assert written.startswith(b"# Ours.\r\n")
    assert b"\r\n[[known]]\r\n" in written
    assert written.count(b"\n") == written.count(b"\r\n")
    assert file.stat().st_mode & 0o777 == 0o640


HEAD = f"contract = '{CONTRACT.version}'\nsuite = \"{suite_version()}\"\nseed = 7\n\n"
INTERLEAVED = (
    "# about one\n" + entry(PARAM, more='items = ["a"]'),
    "\n# about two\n" + entry("IV-SIZE-ENUM", kind="waived", more='items = ["a"]'),
    "\n# about three\n" + entry(more='items = [\n  "b", # soon\n  "c"  # late\n]'),
    "\n# the end",
)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_an_update_that_changes_nothing_leaves_the_bytes_as_they_are(line_end: str, tmp_path: Path) -> None:
    file = tmp_path / "known.toml"
    content = "".join((HEAD, *INTERLEAVED)).replace("\n", line_end).encode("utf-8-sig")
    file.write_bytes(content)
    given = GivenBaseline.of(file, update=True, requirements=CONTRACT.requirements)
    assert given is not None
    given.applied(run_of(verdict(PARAM, a="contradicted"), verdict(RANGE, b="contradicted", c=None)))
    assert file.read_bytes() == content


@pytest.mark.parametrize("head", [HEAD, ""])
def test_an_update_changes_each_entry_where_it_lies_and_adds_new_ones_at_the_end(head: str) -> None:
    run = run_of(
        verdict(PARAM, a="contradicted", d="contradicted"),
        verdict(RANGE, b="holds", c="contradicted"),
        verdict("IV-FORMAT-ENUM", a="contradicted"),
    )
    made = updated("".join((head, *INTERLEAVED)), run, TODAY)
    one, two, three, end = INTERLEAVED
    three = three.replace('  "b", # soon\n', "")
    new = f'[[known]]\nrequirement = "IV-FORMAT-ENUM"\nitems = ["a"]\nreason = "{NO_REASON}"\nsince = {TODAY}\n'
    head = head or HEAD.replace("'", '"')
    assert made == "".join((head, one.replace('["a"]', '["a", "d"]'), two, three, f"{end}\n\n{new}"))


def test_an_update_that_removes_an_entry_keeps_the_comments_behind_it() -> None:
    text = (
        entry(more='items = ["a"]')
        + "\n# about the next one\n"
        + entry(PARAM, more='items = ["b"]  # why')
        + "\n# the end\n"
    )
    made = updated(text, run_of(verdict(RANGE, a="holds"), verdict(PARAM, b="holds")), TODAY)
    assert sorted(line for line in made.splitlines() if line.startswith("#")) == ["# about the next one", "# the end"]
    assert "[[known]]" not in made
    made = updated(text, run_of(verdict(RANGE, a="contradicted"), verdict(PARAM, b="holds")), TODAY)
    assert "# about the next one" in made
    assert "# the end" in made


@pytest.mark.parametrize("between", ["\n", ""])
def test_comments_stay_above_their_entries_when_another_entry_is_removed(between: str) -> None:
    head = f'# Ours.\ncontract = "{CONTRACT.version}"\nsuite = "{suite_version()}"\nseed = 7\n\n'
    one, two = entry(PARAM, more='items = ["a"]'), entry(more='items = [\n  "b",  # why\n]')
    text = f"{head}# about one\n{one}{between}# about two\n{two}\n# end of file\n"
    made = updated(text, run_of(verdict(PARAM, a="holds"), verdict(RANGE, b="contradicted")), TODAY)
    assert made == f"{head}# about one\n\n# about two\n{two}\n# end of file\n"


def all_of(state: State, *names: str) -> Verdict:
    return verdict(RANGE, **dict.fromkeys(names, state))


SENT = {"case-must-3": b"three images", "case-again-270": b"again"}


def test_requests_that_are_numbered_in_each_run_anew_have_one_name_and_the_digest_of_the_first(tmp_path: Path) -> None:
    text = updated("", run_of(all_of("contradicted", "again-270", "must-3", "n=10"), sent=SENT), TODAY)
    others, named = tomlkit.parse(text)["known"][0]["items"]
    assert re.fullmatch(r"other requests [0-9a-f]{12}", others)
    assert named == "n=10"
    (known,) = applied(text, run_of(all_of("contradicted", "should-1", "n=10", "narrowed-1-again")), tmp_path).verdicts
    assert (known.result, known.known) == ("known", ("other requests", "n=10"))
    (new,) = applied(text, run_of(all_of("contradicted", "n=5")), tmp_path).verdicts
    assert new.result == "fail"


@pytest.mark.parametrize(
    ("body", "listed_still", "stale"),
    [(b"three images", [], ["other requests"]), (b"two images", ["other requests"], [])],
)
def test_other_requests_hold_only_in_a_run_that_sends_the_first_of_them_again(
    body: bytes, listed_still: list[str], stale: list[str], tmp_path: Path
) -> None:
    text = updated("", run_of(all_of("contradicted", "must-3"), sent=SENT), TODAY)
    run = run_of(all_of("holds", "n=10"), sent={"must-8": body})
    assert [text.rpartition(": ")[2][: len("other requests")] for text in applied(text, run, tmp_path).stale] == stale
    assert [name[: len("other requests")] for _, name in listed(updated(text, run, TODAY))] == listed_still


@pytest.mark.parametrize(("label", "is_left"), [("n=3", False), ("n=4", True)])
def test_an_item_that_a_passing_run_did_not_send_stays_and_so_does_the_seed(label: str, is_left: bool) -> None:
    text = updated("", run_of(all_of("contradicted", "n=3")), TODAY)
    made = updated(text, run_of(all_of("holds", "n=1"), sent={label: b""}, seed=8), TODAY)
    assert listed(made) == ({(RANGE, "n=3")} if is_left else set())
    assert tomlkit.parse(made)["seed"] == (7 if is_left else 8)


def test_other_requests_that_fail_again_have_the_digest_and_the_seed_of_the_last_run() -> None:
    text = updated("", run_of(all_of("contradicted", "must-3"), sent=SENT), TODAY)
    then = run_of(all_of("contradicted", "must-3"), sent={"case-must-3": b"other"}, seed=8)
    made = updated(text, then, TODAY)
    assert made == updated("", then, TODAY)
    assert listed(made) != listed(text)


def test_what_a_known_failure_keeps_from_being_seen_is_known_too(tmp_path: Path) -> None:
    hidden = evolve(
        verdict(RANGE),
        result="partial",
        reason=ReportedAs((PARAM,)),
        items=(item("a", "holds"), Item("b", None, (), ReportedAs((PARAM,)))),
    )
    assert run_of(hidden).exit_code == 1
    text = updated("", run_of(hidden), TODAY)
    assert applied(text, run_of(hidden), tmp_path).exit_code == 0
    more = evolve(hidden, items=(*hidden.items, Item("c", None, (), ReportedAs((PARAM,)))))
    assert applied(text, run_of(more), tmp_path).exit_code == 1
    assert "holds now: b" in applied(text, run_of(verdict(RANGE, a="holds", b="holds")), tmp_path).stale[0]
    unstable = evolve(hidden, reason=Unstable(), items=(Item("b", "unstable"),))
    assert listed(updated("", run_of(unstable), TODAY)) == {(RANGE, "b")}
    for reason in (RateLimited(), NotAtThisDepth()):
        lost = evolve(hidden, reason=reason)
        assert "[[known]]" not in updated("", run_of(lost), TODAY)


def test_a_new_entry_has_its_date_and_asks_for_a_reason(tmp_path: Path) -> None:
    baseline = baseline_of(updated("", run_of(verdict(RANGE, a="contradicted")), TODAY), tmp_path)
    known = baseline.entries[RANGE]
    assert (known.reason, known.since, known.items, baseline.seed) == (NO_REASON, TODAY, ("a",), 7)


def test_a_failure_of_the_server_itself_is_not_written() -> None:
    down = evolve(verdict(RANGE, a=None), result="not-tested")
    assert listed(updated("", run_of(down), TODAY)) == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[known]", "is not valid TOML"),
        (entry().replace("\n", "\r"), "baseline.toml:1: expected lines that end with LF or CRLF, got CR alone"),
        (
            f"# Ours.\r\n{entry()}".replace("known]]\n", "known]]\r\r\n"),
            "baseline.toml:2: expected lines that end with LF or CRLF",
        ),
        ("colour = 1", "colour is not a key of baselines; there are contract, suite, seed, known, waived"),
        ('seed = "7"', "seed: expected a whole number from 0, got '7'"),
        ("seed = true", "seed: expected a whole number from 0, got True"),
        ("seed = -1", "seed: expected a whole number from 0, got -1"),
        (entry("IV-URL-EXPIRY"), "baseline.toml:1: IV-URL-EXPIRY is never judged: No caller depends on it"),
        ("known = 1", "known: expected tables that begin with [[known]]"),
        (entry(RANGE[:-1]), f"baseline.toml:1: there is no requirement {RANGE[:-1]!r}; did you mean {RANGE}?"),
        (entry(more="items = []"), "baseline.toml:1: items: expected the items that are known to fail, such as "),
        (entry().replace("items", "# items"), "baseline.toml:1: items: expected the items that are known to fail, "),
        (entry() + entry(kind="waived"), "baseline.toml:6: IV-N-RANGE has an entry already, at "),
        (entry(more="items = [1]"), "baseline.toml:1: items: expected a list of texts, got [1]"),
        (entry(more='expires = "soon"'), "baseline.toml:1: expires: expected a date such as 2026-11-29, got 'soon'"),
        (entry(more="untl = 1"), "baseline.toml:1: untl is not a key of entries; there are requirement, items"),
        (entry().replace("four at most", " "), "baseline.toml:1: reason: say why this is known"),
        ('\n\n[[known]]\nrequirement = "IV-N-RANGE"\nitems = ["a"]', "baseline.toml:3: reason is missing: a text"),
    ],
)
def test_a_wrong_baseline_is_an_error_with_file_and_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BaselineError) as caught:
        baseline_of(text, tmp_path)
    assert message in str(caught.value)
