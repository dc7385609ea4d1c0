"""A verdict follows from the items of evidence by fixed rules, and the outcome of a run from its verdicts."""

from collections.abc import Sequence
from typing import Any, get_args

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.catalogue import labels_by_requirement
from image_variations_conformance.contract.declarations import KEYS
from image_variations_conformance.contract.document import Contract
from image_variations_conformance.engine.run import _SHOWN_BY, Cost, Item, Outcome, Result, Run, Verdict
from image_variations_conformance.engine.verdicts import Circumstances, verdicts
from image_variations_conformance.oracles import Finding
from image_variations_conformance.oracles.base import State
from image_variations_conformance.wire import reasons
from image_variations_conformance.wire.exchange import Exchange, Failure, NotTested, Response
from image_variations_conformance.wire.exchange import Outcome as Answer
from image_variations_conformance.wire.reasons import Reason
from support.profiles import effective
from support.requests import CONTRACT, TARGET, builder, case, observed

SIZES = ("size=256x256", "size=512x512", "size=1024x1024")
PARTS = ("part-type=octet-stream", "part-type=absent")  # of IV-IMAGE-OCTET-STREAM, a SHOULD


def judged(requirement: str, *findings: Finding, contract: Contract = CONTRACT, **changes: Any) -> Verdict:
    """Return the verdict on a requirement in a standard run with a key, changed as stated."""
    usual = Circumstances(
        contract=contract, seed=0, quick=False, strict=False, has_key=True, only=(), cases={}, unsent=[]
    )
    found = verdicts(findings, evolve(usual, **changes))
    return next(verdict for verdict in found if verdict.requirement.id == requirement)


def of(item: str, state: State = "holds", requirement: str = "IV-SIZE-ENUM", **more: Any) -> Finding:
    message = f"not {item}" if state == "contradicted" else ""
    return evolve(Finding(requirement, state, message, f"case-{item}", item), **more)


HELD = [of(item) for item in SIZES]

# --- items

FINDINGS = st.builds(
    Finding,
    st.just("IV-SIZE-ENUM"),
    st.sampled_from(get_args(State)),
    st.just("a message"),
    st.sampled_from(["one", "one-again", "two"]),
    st.just(SIZES[0]),
    reason=st.just(None),
    company=st.sampled_from([(), ("n=2",), ("n=2", "user=ascii")]),
    reported_as=st.sampled_from([None, None, "IV-STATE-PARALLEL"]),
)


@given(st.lists(FINDINGS, max_size=5))
def test_alone_counts_before_in_company_then_contradicted_unstable_holds_and_blocked_at_last(
    findings: list[Finding],
) -> None:
    verdict = judged("IV-SIZE-ENUM", *findings, *HELD[1:])
    (item,) = (item for item in verdict.items if item.name == SIZES[0])
    for state, is_alone in [
        *((state, True) for state in ("contradicted", "unstable", "holds")),
        *((state, False) for state in ("contradicted", "unstable", "holds")),
    ]:
        same = [it for it in findings if it.state == state and (it.company == ()) is is_alone]
        if state == "contradicted" and same and all(it.reported_as for it in same):
            assert (item.state, item.reason) == (None, reasons.ReportedAs(("IV-STATE-PARALLEL",)))
            return
        own = [it for it in same if it.reported_as is None]
        if own:
            assert item.state == state
            assert set(item.findings) <= set(own)
            # The first sending shows more than the second.
            assert ("again" in item.findings[0].label) is all("again" in it.label for it in own)
            return
    blocked = any(it.state == "blocked" and it.reported_as is None for it in findings)
    assert item.state == ("blocked" if blocked else None)


def test_of_many_findings_on_an_item_the_first_three_are_kept() -> None:
    found = [of(SIZES[0], "contradicted", label=f"case-{number}") for number in range(9)]
    (item,) = (item for item in judged("IV-SIZE-ENUM", *found).items if item.state == "contradicted")
    assert [finding.label for finding in item.findings] == ["case-0", "case-1", "case-2"]


def test_a_finding_of_a_request_drawn_at_random_is_kept_behind_them() -> None:
    found = [of(SIZES[0], "contradicted", label=f"case-{number}") for number in range(9)]
    cases = {"case-7": evolve(case("case-7", "", builder().form()), code="Drawn()")}
    verdict = judged("IV-SIZE-ENUM", *found, cases=cases)
    (item,) = (item for item in verdict.items if item.state == "contradicted")
    assert [finding.label for finding in item.findings] == ["case-0", "case-1", "case-2", "case-7"]


# --- requirements


def test_every_item_held_passes() -> None:
    verdict = judged("IV-SIZE-ENUM", *HELD)
    assert (verdict.result, verdict.reason, verdict.missing) == ("pass", None, False)
    assert verdict.cases == tuple(f"case-{item}" for item in SIZES)


def test_every_item_held_is_declared_where_a_profile_changed_the_requirement() -> None:
    contract = effective(sizes=["256x256", "512x512"], default_size="512x512")
    assert judged("IV-SIZE-ENUM", *HELD[:2], contract=contract).result == "declared"
    assert judged("IV-SIZE-ENUM", *HELD[:1], contract=contract).result == "partial"
    of_other = of("n-zero", requirement="IV-N-BOUNDS")
    assert judged("IV-N-BOUNDS", of_other, contract=contract).result == "partial"


def test_what_a_profile_opens_is_not_tested_as_declared() -> None:
    contract = effective(sizes="any", default_size="any")
    opened = [it for it in contract.requirements.values() if it.is_open]
    assert opened
    for requirement in opened:
        verdict = judged(requirement.id, contract=contract)
        assert (verdict.result, verdict.reason, verdict.missing) == ("not-tested", reasons.Declared(), False)


@pytest.mark.parametrize(
    ("requirement", "items", "strict", "result"),
    [
        ("IV-SIZE-ENUM", SIZES, False, "fail"),
        ("IV-SIZE-ENUM", SIZES, True, "fail"),
        ("IV-IMAGE-OCTET-STREAM", PARTS, False, "warn"),
        ("IV-IMAGE-OCTET-STREAM", PARTS, True, "fail"),
    ],
)
@pytest.mark.parametrize("other", ["holds", "unstable", "blocked"])
def test_one_contradicted_item_breaks_the_requirement_whatever_the_others_are(
    requirement: str, items: Sequence[str], strict: bool, result: Result, other: State
) -> None:
    found = [of(item, other, requirement) for item in items[:-1]] + [of(items[-1], "contradicted", requirement)]
    verdict = judged(requirement, *found, strict=strict)
    assert (verdict.result, verdict.message, verdict.cases) == (result, f"not {items[-1]}", (f"case-{items[-1]}",))


@pytest.mark.parametrize("reason", [reasons.ControlRefused(), reasons.RateLimited(), reasons.Unreachable("gone"), None])
def test_a_blocked_or_unstable_item_leaves_the_requirement_untested_because_of_the_server(
    reason: Reason | None,
) -> None:
    state: State = "unstable" if reason is None else "blocked"
    verdict = judged("IV-SIZE-ENUM", *HELD[1:], of(SIZES[0], state, reason=reason))
    assert (verdict.result, verdict.reason) == ("not-tested", reason or reasons.Unstable())
    assert verdict.blocked
    assert not verdict.deselected


@pytest.mark.parametrize("reason", [reasons.MaxImages(3, 1, 2), reasons.MaxRequests(5), reasons.MaxSeconds(1.0)])
def test_an_item_kept_back_by_a_limit_of_the_user_leaves_the_requirement_tested_in_part(reason: Reason) -> None:
    verdict = judged("IV-SIZE-ENUM", *HELD[1:], of(SIZES[0], "blocked", reason=reason))
    assert (verdict.result, verdict.reason) == ("partial", reason)
    assert verdict.deselected
    assert not verdict.blocked


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, reasons.NotShown()),
        ({"quick": True}, reasons.NotAtThisDepth()),
        ({"quick": True, "only": ("IV-SIZE-ENUM",)}, reasons.Deselected()),
        ({"quick": True, "unsent": [reasons.MaxRequests(9)]}, reasons.MaxRequests(9)),
        ({"unsent": [reasons.MaxRequests(9), reasons.RateLimited()]}, reasons.RateLimited()),
        ({"unsent": [reasons.RateLimited(), reasons.Interrupted()]}, reasons.Interrupted()),
        ({"unsent": [reasons.InvalidAccepted("n-zero", 80)]}, reasons.NotShown()),
    ],
)
@pytest.mark.parametrize(("found", "result"), [(HELD[1:], "partial"), ([], "not-tested")])
def test_items_that_were_left_out_have_the_strongest_reason_of_the_run(
    changes: dict[str, Any], reason: Reason, found: list[Finding], result: Result
) -> None:
    verdict = judged("IV-SIZE-ENUM", *found, **changes)
    assert (verdict.result, verdict.reason) == (result, reason)
    assert verdict.items[0] == Item(SIZES[0], None, (), reason)


def test_a_requirement_that_the_user_did_not_select_is_left_out_even_if_it_is_broken() -> None:
    verdict = judged("IV-SIZE-ENUM", of(SIZES[0], "contradicted"), only=("IV-N-BOUNDS",))
    assert (verdict.result, verdict.reason) == ("not-tested", reasons.Deselected())


def test_requirements_on_keys_are_not_missing_in_a_run_without_a_key() -> None:
    for requirement in ("IV-AUTH-REQUIRED", "IV-AUTH-WRONG", "IV-AUTH-401", "IV-AUTH-FIRST"):
        verdict = judged(requirement, has_key=False)
        assert (verdict.result, verdict.reason, verdict.missing) == ("not-tested", reasons.NoKey(), False)


def test_an_excluded_requirement_is_not_missing() -> None:
    verdict = judged("IV-LIMIT-RETRY")
    assert (verdict.result, verdict.missing) == ("not-tested", False)
    assert isinstance(verdict.reason, reasons.Excluded)


def test_what_no_server_has_to_show_is_not_seen_by_chance() -> None:
    verdict = judged("IV-LIMIT-RETRY-AFTER")
    assert (verdict.result, verdict.reason, verdict.blocked) == ("not-tested", reasons.NotSeen(), False)


def test_a_value_that_the_server_refuses_masks_what_only_it_could_show() -> None:
    """The number of images of n=10 cannot be seen where n=10 is refused, which is one failure and not two."""
    numbers = ("n=1", "n=2", "n=10", "n=3", "n=8")
    found = [of(item, requirement="IV-RES-COUNT") for item in numbers if item != "n=10"]
    refused = of("n=10", "contradicted", "IV-N-RANGE")
    verdict = judged("IV-RES-COUNT", *found, refused)
    assert (verdict.result, verdict.reason) == ("partial", reasons.Masked("IV-N-RANGE"))
    assert judged("IV-N-RANGE", *found, refused).result == "fail"


def test_a_refused_response_format_masks_the_responses_in_it() -> None:
    found = of("url", requirement="IV-RES-JSON")
    refused = of("response_format=b64_json", "contradicted", "IV-FORMAT-ENUM")
    verdict = judged("IV-RES-JSON", found, refused)
    assert (verdict.result, verdict.reason) == ("partial", reasons.Masked("IV-FORMAT-ENUM"))


def test_an_echo_breaks_nothing_and_is_named_by_the_requirement_that_it_echoes() -> None:
    echo = of("n-zero", "contradicted", "IV-ERR-NO-5XX", reported_as="IV-N-BOUNDS")
    own = of("n-zero", "contradicted", "IV-N-BOUNDS")
    assert judged("IV-N-BOUNDS", own, echo).also == ("IV-ERR-NO-5XX",)
    verdict = judged("IV-ERR-NO-5XX", own, echo)
    assert (verdict.result, verdict.also) == ("not-tested", ())
    assert Item("n-zero", None, (echo,), reasons.ReportedAs(("IV-N-BOUNDS",))) in verdict.items
    # Not "also broken by this" of itself.
    assert judged("IV-ERR-NO-5XX", evolve(echo, reported_as="IV-ERR-NO-5XX")).also == ()


@pytest.mark.parametrize(
    ("reported_as", "findings", "result"),
    [
        ("IV-WIRE-PREAMBLE", HELD, "pass"),
        ("IV-WIRE-ORDER", HELD, "partial"),
        ("IV-WIRE-PREAMBLE", HELD[1:], "partial"),
    ],
)
def test_an_echo_of_a_warning_takes_nothing_from_a_must_that_holds_elsewhere(
    reported_as: str, findings: list[Finding], result: Result
) -> None:
    echo = of(SIZES[0], "contradicted", label="padded", reported_as=reported_as)
    assert judged("IV-SIZE-ENUM", echo, *findings).result == result


def test_each_case_of_a_requirement_is_an_item_unless_its_violation_is_one() -> None:
    bad = case("n-hundred", "n=100", builder().form(n="100"))
    cases = {"n-hundred": evolve(bad, tests=("IV-N-BOUNDS", "IV-ERR-400"))}
    found = [of(item, requirement="IV-N-BOUNDS") for item in ("n-zero", "n-eleven", "n-negative", "n-huge")]
    assert judged("IV-N-BOUNDS", *found).result == "pass"
    assert judged("IV-N-BOUNDS", *found, cases=cases).result == "partial"
    assert judged("IV-N-BOUNDS", *found, of("n-hundred", requirement="IV-N-BOUNDS"), cases=cases).result == "pass"
    assert "n-hundred" not in {item.name for item in judged("IV-ERR-400", cases=cases).items}


def test_what_holds_beyond_the_evidence_is_an_item_of_values_only() -> None:
    assert "size=768x768" in {item.name for item in judged("IV-SIZE-ENUM", of("size=768x768")).items}
    names = {item.name for item in judged("IV-N-BOUNDS", of("n-other", requirement="IV-N-BOUNDS")).items}
    assert "n-other" not in names
    found = of("n-other", "contradicted", "IV-N-BOUNDS")
    assert judged("IV-N-BOUNDS", found).result == "fail"


# --- the outcome of a run


def run_of(*made: Verdict, answers: Sequence[Answer] = (Response(200),), **changes: Any) -> Run:
    exchanges = [Exchange(f"case-{at}", builder().form(), answer, 1.0, 0.1) for at, answer in enumerate(answers)]
    run = Run(
        target=TARGET,
        contract=CONTRACT,
        seed=1,
        depth="standard",
        cases={},
        observations={exchange.label: observed(exchange) for exchange in exchanges},
        findings=(),
        verdicts=made,
        cost=Cost(1, 1, 0, 0.1),
    )
    return evolve(run, **changes)


def verdict(result: Result, level: str = "must", reason: Reason | None = None) -> Verdict:
    requirement = next(it for it in CONTRACT.requirements.values() if it.level == level)
    return Verdict(requirement, result, reason=reason)


MAX = reasons.MaxImages(3, 0, 1)


@pytest.mark.parametrize(
    ("made", "outcome", "exit_code", "exit_code_if_complete"),
    [
        (verdict("pass"), "conforms", 0, 0),
        (verdict("declared"), "conforms", 0, 0),
        (verdict("warn", "should"), "conforms", 0, 0),
        (verdict("fail"), "fails", 1, 1),
        (verdict("partial", reason=MAX), "incomplete", 0, 1),
        (verdict("not-tested", reason=MAX), "incomplete", 0, 1),
        (verdict("not-tested", reason=reasons.Deselected()), "incomplete", 0, 1),
        (verdict("partial", reason=reasons.NotAtThisDepth()), "incomplete", 0, 1),
        (verdict("not-tested", reason=reasons.RateLimited()), "incomplete", 1, 1),
        (verdict("not-tested", reason=reasons.Unstable()), "incomplete", 1, 1),
        (verdict("partial", reason=reasons.NotShown()), "incomplete", 1, 1),
        (verdict("not-tested", reason=reasons.ControlRefused()), "fails", 1, 1),
        (verdict("not-tested", reason=reasons.ServerGone(("n-ten",))), "fails", 1, 1),
        (verdict("not-tested", reason=reasons.Interrupted()), "fails", 1, 1),
        (verdict("not-tested", reason=reasons.NoKey()), "conforms", 0, 0),
        (verdict("not-tested", reason=reasons.Declared()), "conforms", 0, 0),
        (verdict("not-tested", reason=reasons.Excluded("why")), "conforms", 0, 0),
        (verdict("not-tested", "should", reasons.RateLimited()), "conforms", 0, 0),
        (verdict("partial", "should", MAX), "conforms", 0, 0),
    ],
)
def test_outcome_and_exit_code_follow_from_the_verdict(
    made: Verdict, outcome: Outcome, exit_code: int, exit_code_if_complete: int
) -> None:
    run = run_of(verdict("pass"), made)
    assert (run.outcome, run.exit_code) == (outcome, exit_code)
    assert evolve(run, require_complete=True).exit_code == exit_code_if_complete


@pytest.mark.parametrize(
    ("run", "headline"),
    [
        (run_of(verdict("pass")), "Conforms to contract 1.1.0."),
        (run_of(verdict("warn", "should")), "Conforms to contract 1.1.0 with 1 warning."),
        (run_of(verdict("fail"), verdict("fail")), "Does not conform to contract 1.1.0: 2 requirements broken."),
        (
            run_of(verdict("fail"), verdict("not-tested", reason=reasons.ControlRefused())),
            "Does not conform to contract 1.1.0: 1 requirement broken and "
            "1 requirement that the server kept from being tested.",
        ),
        (
            run_of(verdict("partial", reason=MAX), verdict("not-tested", reason=reasons.RateLimited())),
            "Incomplete: no requirement of contract 1.1.0 is broken, but 1 requirement could not be tested completely "
            "and 1 requirement was left out or tested in part.",
        ),
    ],
)
def test_the_headline_says_the_outcome_and_why(run: Run, headline: str) -> None:
    assert run.headline == headline


def test_the_headline_names_the_profile_and_its_declared_differences() -> None:
    contract = effective(auth="none", max_n=4)
    assert run_of(verdict("declared"), contract=contract).headline == (
        f"Conforms to contract 1.1.0 with 2 declared differences (profile {contract.profile})."
    )


GONE = NotTested(reasons.Interrupted())


@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_operation_that_is_not_offered_is_one_headline(status: int) -> None:
    run = run_of(verdict("fail"), answers=[Response(status)] * 3)
    assert run.not_offered == status
    assert run.headline == (
        "Does not conform to contract 1.1.0: POST /images/variations is not offered; "
        f"every request was answered {status}."
    )


@pytest.mark.parametrize(
    "answers",
    [
        [Response(404), Response(400)],
        [Response(404), Response(405)],
        [Response(404), Failure("dropped", "")],
        [Response(400)],
        [Response(403)],
        [GONE],
    ],
)
def test_an_operation_that_answers_otherwise_is_offered(answers: list[Answer]) -> None:
    assert run_of(verdict("fail"), answers=answers).not_offered is None


def test_other_methods_and_requests_that_were_not_sent_say_nothing_of_whether_the_operation_is_offered() -> None:
    run = run_of(verdict("fail"), answers=[Response(404), Response(404)])
    get = observed(Exchange("get", evolve(builder().form(), method="GET"), Response(200), 1.0, 0.1))
    unsent = observed(Exchange("unsent", builder().form(), NotTested(MAX), 0.0, 0.0))
    assert evolve(run, observations={**run.observations, "get": get, "unsent": unsent}).not_offered == 404


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([Response(401), Response(403)], "the server does not take the API key; every request was answered 401 or 403"),
        ([Response(500), Response(502)], "the server fails at every request; every POST was answered 500 or 502"),
        ([Failure("dropped", "")] * 2, "the server answers nothing; every connection broke"),
        ([Failure("timeout", "")] * 2, "the server answers nothing; every request timed out"),
        ([Failure("malformed", "")] * 2, "the server does not speak HTTP/1.1"),
        ([Response(400)], "1 requirement broken"),
        ([NotTested(reasons.AnswerDiscarded(1))], "1 requirement broken"),
    ],
)
def test_one_reason_for_every_failure_is_the_headline(answers: list[Answer], words: str) -> None:
    assert words in run_of(verdict("fail"), answers=answers).headline


def test_an_interrupted_run_says_so_first() -> None:
    run = run_of(verdict("fail"), verdict("partial", reason=reasons.Interrupted()), answers=[Response(200), GONE])
    assert run.interrupted
    assert run.headline == "Interrupted before its end: 1 requirement broken so far, and 1 kept from being tested."


def test_a_failure_of_what_profiles_declare_looks_deliberate() -> None:
    deliberate = Verdict(CONTRACT.requirements["IV-N-RANGE"], "fail")
    bug = Verdict(CONTRACT.requirements["IV-RES-JSON"], "fail")
    assert run_of(bug, deliberate).looks_deliberate == {"IV-N-RANGE": "max_n"}
    assert not run_of(bug, evolve(deliberate, result="partial")).looks_deliberate


@pytest.mark.parametrize(("answer", "is_meant"), [(Response(400), True), (Response(500), False), (GONE, False)])
def test_a_failure_by_a_crash_does_not_look_deliberate(answer: Answer, is_meant: bool) -> None:
    refused = Verdict(CONTRACT.requirements["IV-N-RANGE"], "fail", cases=("case-0",))
    assert bool(run_of(refused, answers=[answer]).looks_deliberate) is is_meant


@pytest.mark.parametrize(
    ("answers", "wants"),
    [
        ([Response(404, body=b'{"detail": "Model unknown"}'), Response(422, body=b"No model")], True),
        ([Response(404, body=b"model unknown"), Response(400, body=b"The size is wrong.")], False),
        ([Response(404, body=b"model unknown"), Response(200, body=b'{"data": [{"url": "http://a/"}]}')], False),
    ],
)
def test_a_server_wants_a_model_if_each_valid_request_is_refused_for_it(answers: list[Answer], wants: bool) -> None:
    assert run_of(answers=answers).wants_model is wants


def test_a_failure_by_mistakes_alone_does_not_look_deliberate() -> None:
    """A server that takes n=0 for 1 has the same limit, and one that takes a word behind the key needs a key."""
    mistakes = (
        ("IV-IMAGE-MAX-BYTES", "image-too-large-chunked"),
        ("IV-N-BOUNDS", "n-zero"),
        ("IV-AUTH-WRONG", "key-and-word"),
        ("IV-SIZE-UNKNOWN", "size-empty"),
    )
    made = [Verdict(CONTRACT.requirements[name], "fail", cases=(label,)) for name, label in mistakes]
    assert run_of(*made).looks_deliberate == {}
    limit = Verdict(CONTRACT.requirements["IV-N-BOUNDS"], "fail", cases=("n-zero", "n-eleven"))
    assert run_of(limit).looks_deliberate == {"IV-N-BOUNDS": "max_n"}
    too_large = Verdict(CONTRACT.requirements["IV-IMAGE-MAX-BYTES"], "fail", cases=("image-too-large",))
    assert run_of(too_large).looks_deliberate == {"IV-IMAGE-MAX-BYTES": "max_image_bytes"}


def test_the_cases_that_look_deliberate_are_ones_of_their_requirements() -> None:
    shown_by = labels_by_requirement(CONTRACT)
    for name, labels in _SHOWN_BY.items():
        assert labels <= set(shown_by[name])


def test_each_key_that_a_failure_suggests_is_one_of_profiles() -> None:
    made = [Verdict(it, "fail", cases=tuple(_SHOWN_BY.get(it.id, ()))) for it in CONTRACT.requirements.values()]
    assert set(run_of(*made).looks_deliberate.values()) <= set(KEYS)
