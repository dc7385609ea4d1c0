"""The reports contain the verdicts, their evidence and how to send a failing request again, and never the API key."""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import jsonschema_rs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.engine import check as check_module
from image_variations_conformance.engine.judging import findings_of
from image_variations_conformance.engine.run import Item, Run, Verdict
from image_variations_conformance.engine.session import Session
from image_variations_conformance.oracles import Finding
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import Running, running
from image_variations_conformance.reference.variants import faulty
from image_variations_conformance.reports import console
from image_variations_conformance.reports.document import document
from image_variations_conformance.reports.evidence import evidence_lines
from image_variations_conformance.reports.folder import ReportFolder
from image_variations_conformance.reports.reasons import describe
from image_variations_conformance.wire import reasons
from rich.console import Console
from starlette.responses import Response
from support.judging import KEY, judge_app, judge_url, verdicts
from support.profiles import effective
from support.requests import CONTRACT

SCHEMA = json.loads(resources.files("image_variations_conformance.reports").joinpath("report.schema.json").read_text())
MAX_BYTES = 5_000_000


@pytest.fixture(scope="module")
def broken_server() -> Iterator[Running]:
    with running(faulty(["n-capped", "message-with-key"], api_key=KEY)) as server:
        yield server


@pytest.fixture(scope="module")
def broken_run(broken_server: Running) -> Run:
    return judge_url(broken_server.base_url)


@pytest.fixture(scope="module")
def report(broken_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "new" / "folder"
    ReportFolder.at(path).write(broken_run)
    return path


def read(report: Path) -> Any:
    return json.loads((report / "report.json").read_text())


def lines(run: Run, report_dir: Path | None = None, **view: Any) -> list[str]:
    """Return the lines that the console shows of a run."""
    out = io.StringIO()
    console.show(run, Console(file=out, emoji=False, highlight=False, soft_wrap=True), report_dir, **view)
    return out.getvalue().splitlines()


def require_schema(value: object) -> None:
    """Require that a report fits its schema, by two validators."""
    jsonschema.validate(value, SCHEMA, cls=jsonschema.Draft202012Validator)
    jsonschema_rs.validator_for(SCHEMA).validate(value)


# --- report.json


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_report_json_of_a_broken_server_fits_its_schema(report: Path) -> None:
    require_schema(read(report))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("app", "settings"),
    [
        (Service(api_key=KEY), {}),
        (Service(api_key=KEY), {"depth": "quick", "only": frozenset({"IV-N-BOUNDS"})}),
        (Service(api_key=KEY), {"depth": "quick", "max_images": 3, "max_requests": 20}),
        (Service(api_key=KEY), {"depth": "deep", "max_seconds": 6.0}),
        (Service(contract=effective(max_n=4), api_key=KEY), {"depth": "quick", "contract": effective(max_n=4)}),
        (faulty(["operation-removed"], api_key=KEY), {}),
        (faulty(["dies-of-bad-image"], api_key=KEY), {"depth": "quick"}),
        (faulty(["crashes-every-tenth"], api_key=KEY), {}),
        (faulty(["hangs-on-valid"], api_key=KEY), {"timeout": 0.2}),
    ],
)
def test_report_json_of_any_run_fits_its_schema(app: Service, settings: dict[str, Any], tmp_path: Path) -> None:
    run = judge_app(app, **settings)
    ReportFolder.at(tmp_path).write(run)
    require_schema(read(tmp_path))
    assert read(tmp_path)["outcome"] == run.outcome


@pytest.mark.slow
def test_the_report_of_a_server_that_does_everything_wrong_takes_5_mb_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an oracle finds is wrong, with the longest message, and each response has a megabyte."""

    def all_broken(session: Session) -> list[Finding]:
        return [
            evolve(it, state="contradicted", message="\u00e9" * 300, reported_as=None) for it in findings_of(session)
        ]

    class Large(Service):
        """Sends headers and bodies that do not compress."""

        async def vary(self, request: Any) -> Response:
            response = await super().vary(request)
            response.headers["X-Trace"] = "x" * 2000
            padded = bytes(response.body).rstrip() + b" " * (1 << 20)
            return Response(padded, response.status_code, {"x-trace": "x" * 2000}, "application/json")

    monkeypatch.setattr(check_module, "findings_of", all_broken)
    run = judge_app(Large(api_key=KEY), timeout=60.0)
    broken = [it for it in run.verdicts if it.result in {"fail", "warn"}]
    assert len(broken) > len(CONTRACT.requirements) - 10
    ReportFolder.at(tmp_path).write(run)
    require_schema(read(tmp_path))
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < MAX_BYTES
    folders = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert folders == {verdict.requirement.id for verdict in broken}


def test_report_json_has_each_requirement_once_and_refers_to_listed_cases(report: Path, broken_run: Run) -> None:
    value = read(report)
    assert [it["id"] for it in value["requirements"]] == list(broken_run.contract.requirements)
    labels = {case["id"] for case in value["cases"]}
    assert len(labels) == len(value["cases"])
    named = {label for it in value["requirements"] for label in it["cases"]}
    findings = [each for it in value["requirements"] for item in it["evidence"] for each in item["findings"]]
    named |= {finding["case"] for finding in findings} | {it["twin"] for it in findings if it["twin"] is not None}
    assert named <= labels
    assert {each for it in value["requirements"] for each in it["also"]} <= set(broken_run.contract.requirements)


def test_report_json_says_item_by_item_what_was_seen(report: Path) -> None:
    (count,) = (it for it in read(report)["requirements"] if it["id"] == "IV-RES-COUNT")
    states = {item["item"]: item["state"] for item in count["evidence"]}
    assert {"n=1": "holds", "n=2": "holds", "n=10": "contradicted"}.items() <= states.items()
    assert set(count["cases"]) <= {finding["case"] for item in count["evidence"] for finding in item["findings"]}
    (ten,) = (item for item in count["evidence"] if item["item"] == "n=10")
    assert ten["findings"][0]["message"] == "n=10: expected 10 items, got 4"
    assert (count["verdict"], count["folder"]) == ("fail", "IV-RES-COUNT")
    assert count["message"] in {finding["message"] for item in count["evidence"] for finding in item["findings"]}


def test_report_json_has_the_reason_of_each_item_that_was_not_seen(broken_run: Run) -> None:
    for it in document(broken_run)["requirements"]:
        for item in it["evidence"]:
            if item["state"] in {"left-out", "blocked"}:
                assert item["reason"]


# --- the folder of a broken requirement


def test_each_broken_requirement_has_a_folder_with_the_exact_bytes(report: Path, broken_run: Run) -> None:
    broken = {it["id"]: it for it in read(report)["requirements"] if it["verdict"] in {"fail", "warn"}}
    assert {path.name for path in report.iterdir() if path.is_dir()} == set(broken)
    assert {name for name, it in broken.items() if it["folder"] == name and it["curl"]} == set(broken)
    others = [it for it in read(report)["requirements"] if it["id"] not in broken]
    assert {(it["folder"], it["curl"]) for it in others} == {(None, None)}
    (verdict,) = (it for it in broken_run.verdicts if it.requirement.id == "IV-RES-COUNT")
    shown = next(item for item in verdict.items if item.state == "contradicted").findings[0]
    exchange = broken_run.observations[shown.label].exchange
    folder = report / "IV-RES-COUNT"
    head = (folder / "request.head").read_bytes()
    assert head == exchange.request.head()
    assert b"\r\nAuthorization: Bearer ${IMAGE_VARIATIONS_API_KEY}\r\n" in head.replace(b"BEARER", b"Bearer")
    assert exchange.response is not None
    assert exchange.response.body.startswith((folder / "response.body").read_bytes())
    assert (folder / "response.head").read_bytes().startswith(b"HTTP/1.1 200\r\n")


def test_the_key_is_in_no_file_and_not_on_the_console(report: Path, broken_run: Run) -> None:
    shown = "\n".join([*lines(broken_run, report), *lines(broken_run, verbose=True), repr(broken_run)])
    texts = {"console": shown.encode()}
    texts |= {str(path): path.read_bytes() for path in report.rglob("*") if path.is_file()}
    assert {name for name, text in texts.items() if KEY[:12].encode() in text} == set()
    # The server under test does quote the key.
    quoted = (report / "IV-ERR-SECRETS" / "response.body").read_bytes()
    assert b"${IMAGE_VARIATIONS_API_KEY}" in quoted


@pytest.mark.usefixtures("broken_server")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_command_of_each_broken_requirement_shows_the_failure_again(report: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "IMAGE_VARIATIONS_API_KEY": KEY}
    answers = {}
    for it in read(report)["requirements"]:
        if it["curl"] is not None:
            done = subprocess.run(
                ["sh", "-c", it["curl"]], cwd=report, env=environment, capture_output=True, check=True, timeout=30
            )
            answers[it["id"]] = done.stdout.partition(b"\r\n\r\n")
    assert set(answers) == {"IV-RES-COUNT", "IV-ERR-SECRETS"}
    head, _, body = answers["IV-RES-COUNT"]
    assert (head.split()[1], len(json.loads(body)["data"])) == (b"200", 4)
    assert KEY.encode() in answers["IV-ERR-SECRETS"][2]


@pytest.mark.slow
def test_an_earlier_report_in_the_folder_is_replaced_completely(report: Path, tmp_path: Path) -> None:
    shutil.copytree(report, tmp_path / "report")
    ReportFolder.at(tmp_path / "report").write(judge_app(Service(api_key=KEY)))
    assert {path.name for path in (tmp_path / "report").iterdir() if path.is_dir()} == set()
    assert read(tmp_path / "report")["outcome"] == "conforms"


# --- junit.xml


def junit(report: Path) -> ET.Element:
    suite = ET.parse(report / "junit.xml").getroot().find("testsuite")  # noqa: S314 - written by the suite
    assert suite is not None
    return suite


def test_junit_has_a_test_case_per_requirement_and_fails_where_the_run_does(report: Path, broken_run: Run) -> None:
    suite = junit(report)
    cases = {case.attrib["name"]: case for case in suite.findall("testcase")}
    assert list(cases) == list(broken_run.contract.requirements)
    failing = {it.requirement.id for it in broken_run.verdicts if it.fails_the_run}
    assert {name for name, case in cases.items() if case.find("failure") is not None} == failing
    assert int(suite.attrib["failures"]) == len(failing)
    assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))
    assert int(suite.attrib["tests"]) == len(cases)
    failure = cases["IV-RES-COUNT"].find("failure")
    assert failure is not None
    assert "n=10: expected 10 items, got 4" in (failure.text or "")


@pytest.mark.slow
def test_a_warning_passes_in_junit_with_its_message_as_output_and_fails_a_strict_run(tmp_path: Path) -> None:
    with running(faulty(["errors-as-422"], api_key=KEY)) as server:
        run = judge_url(server.base_url)
        assert judge_url(server.base_url, strict=True).outcome == "fails"
    assert run.outcome == "conforms"
    ReportFolder.at(tmp_path).write(run)
    suite = junit(tmp_path)
    assert suite.attrib["failures"] == "0"
    warned = suite.find("testcase[@name='IV-ERR-400']/system-out")
    assert warned is not None
    assert (warned.text or "").startswith("warning: ")


# --- the console


def test_the_console_shows_failures_only_and_how_to_send_them_again_and_the_headline_last(
    broken_run: Run, report: Path
) -> None:
    shown = lines(broken_run, report)
    assert shown[-1] == broken_run.headline
    headings = [line.split()[:3] for line in shown if line.startswith(("FAIL", "WARN"))]
    failed = [it.requirement.id for it in broken_run.verdicts if it.result == "fail"]
    assert headings == [["FAIL", name, "must"] for name in failed]
    at = next(number for number, line in enumerate(shown) if line.startswith("FAIL  IV-RES-COUNT"))
    assert shown[at].endswith("reference-page.md#n; reference-page.md#data; readings.md#data")
    assert "n=10: expected 10 items, got 4" in " ".join(shown[at + 1 : at + 4])
    assert any(line.startswith("      As it should be: n=1, n=2") for line in shown)
    commands = [line.strip() for line in shown if "curl -sS" in line or "/dev/tcp/" in line]
    assert len(commands) == len(failed)
    assert all(f"{report}/" in line or "@" not in line for line in commands)
    assert f"Failed     {'  '.join(failed)}" in shown
    assert not any(line.startswith("pass") for line in shown)
    assert f"{report}/report.json" in shown


def test_the_console_shows_each_requirement_and_item_if_it_is_verbose(broken_run: Run) -> None:
    shown = lines(broken_run, verbose=True)
    for verdict in broken_run.verdicts:
        (line,) = (it for it in shown if it.split()[2:3] == [verdict.requirement.id] and it.startswith(verdict.result))
        assert verdict.requirement.text in line
    assert [line for line in shown if line.split() == ["holds", "n=2"]]
    assert set(lines(broken_run)) <= set(shown)


def test_the_console_shows_the_outcome_alone_if_it_is_quiet(broken_run: Run) -> None:
    out = io.StringIO()
    console.show_headline(broken_run, Console(file=out, soft_wrap=True))
    assert out.getvalue() == f"{broken_run.headline}\n"


def made(run: Run, *verdicts: Verdict) -> Run:
    """Return a run with these verdicts alone."""
    return evolve(run, verdicts=verdicts, findings=())


def broken(run: Run, name: str, message: str, **more: Any) -> Verdict:
    """Return a verdict with one contradicted item."""
    requirement = CONTRACT.requirements[name]
    finding = evolve(Finding(name, "contradicted", message, next(iter(run.observations)), "an item"), **more)
    item = Item("an item", "contradicted", (finding,))
    return Verdict(requirement, "fail" if requirement.level == "must" else "warn", message, (), None, (item,))


def test_warnings_come_after_failures(broken_run: Run) -> None:
    run = made(broken_run, broken(broken_run, "IV-ERR-400", "a"), broken(broken_run, "IV-RES-JSON", "b"))
    headings = [line.split()[:2] for line in lines(run) if line.startswith(("FAIL", "WARN"))]
    assert headings == [["FAIL", "IV-RES-JSON"], ["WARN", "IV-ERR-400"]]
    assert {"Failed     IV-RES-JSON", "Warned     IV-ERR-400"} <= set(lines(run))


@given(st.text(st.characters(categories=["L", "N", "P", "S"], include_characters=" "), min_size=1, max_size=60))
def test_a_text_of_the_server_is_shown_as_it_is(broken_run: Run, text: str) -> None:
    message = f"got {text}"
    run = made(broken_run, broken(broken_run, "IV-RES-JSON", message))
    assert f"      an item: {message}" in lines(run)
    assert f"{'':11}contradicted  an item: {message}" in lines(run, verbose=True)


@pytest.mark.parametrize("text", ["[red]a[/red]", "[/bold]", "[link=http://x]y", ":smile:", "a\\", "\\[b]", "[", "\\"])
def test_markup_and_emoji_of_the_server_are_not_interpreted(broken_run: Run, text: str) -> None:
    test_a_text_of_the_server_is_shown_as_it_is.hypothesis.inner_test(broken_run, text)  # type: ignore[attr-defined]
    reason = reasons.RejectsEverything(text)
    untested = Verdict(CONTRACT.requirements["IV-RES-JSON"], "not-tested", reason=reason)
    assert any(line.endswith(text) for line in lines(made(broken_run, untested)))


def test_a_failure_in_company_names_it_and_one_with_a_twin_names_that(broken_run: Run) -> None:
    verdict = broken(broken_run, "IV-RES-JSON", "wrong", company=("n=2", "size=512x512"), twin="control-3")
    text = "an item: wrong, sent together with n=2, size=512x512; control-3 without it was accepted"
    assert list(evidence_lines(evolve(verdict, also=("IV-ERR-NO-5XX",)))) == [
        text,
        "Also broken by this: IV-ERR-NO-5XX",
    ]


def test_of_many_contradicted_items_four_are_shown_and_the_others_named(broken_run: Run) -> None:
    verdict = broken(broken_run, "IV-RES-JSON", "wrong")
    (item,) = verdict.items
    many = evolve(verdict, items=tuple(evolve(item, name=f"item-{number}") for number in range(7)))
    assert list(evidence_lines(many))[4:] == ["and 3 more: item-4, item-5, item-6"]
    assert len(list(evidence_lines(many))) == 5


def test_the_console_names_a_report_folder_only_where_a_command_needs_files(broken_run: Run) -> None:
    sent = ((label, it.exchange) for label, it in broken_run.observations.items())
    label = next(label for label, it in sent if it.request.method == "GET" and not it.after)
    without = made(broken_run, broken(broken_run, "IV-OP-METHOD", "wrong", label=label))
    assert any("-X GET" in line for line in lines(without))
    assert not any("--report-dir" in line for line in lines(without))
    assert any("--report-dir" in line for line in lines(made(broken_run, broken(broken_run, "IV-RES-JSON", "wrong"))))


def test_the_console_proposes_a_profile_where_the_failures_look_deliberate(broken_run: Run) -> None:
    deliberate = made(broken_run, broken(broken_run, "IV-SIZE-ENUM", "wrong"))
    hint, command = lines(deliberate)[-4:-2]
    assert hint == "Some of this looks deliberate: IV-SIZE-ENUM (sizes). If it is, declare it:"
    assert command == f"  image-variations profile {broken_run.target.base_url} --output image-variations.toml"
    assert lines(deliberate)[-1] == deliberate.headline
    warned = made(broken_run, evolve(broken(broken_run, "IV-ERR-400", "wrong"), result="warn"))
    assert "Some of this looks deliberate: IV-ERR-400 (error_statuses). If it is, declare it:" in lines(warned)
    assert not any("declare it" in line for line in lines(evolve(deliberate, contract=effective(max_n=4))))
    assert not any("declare it" in line for line in lines(made(broken_run, broken(broken_run, "IV-RES-JSON", "wrong"))))


def test_the_console_shows_one_reason_for_many_untested_requirements_once() -> None:
    """A server without the operation would otherwise show the same reason for more than thirty requirements."""
    run = judge_app(faulty(["operation-removed"], api_key=KEY))
    shown = lines(run)
    listed = [line for line in shown if line.startswith("Not seen")]
    untested = {it.requirement.id for it in run.verdicts if it.missing}
    assert len(listed) <= 5
    assert len(untested) > 30
    assert untested <= {word.strip(":") for line in listed for word in line.split()}
    assert "POST /images/variations is not offered; every request was answered 404" in shown[-1]


def test_a_server_that_refuses_all_valid_requests_may_want_a_profile() -> None:
    class OtherModel(Service):
        """Knows another model, which every request has to name."""

        def wanted(self, _: Any) -> Any:
            raise ApiError("The model is not known.", "model")

    run = judge_app(OtherModel(api_key=KEY))
    assert set(verdicts(run, "fail")) == {"IV-OP-VALID"}
    assert "no valid request was accepted, perhaps for want of a model" in lines(run)[-4]
    assert lines(run)[-3].endswith("/v1 --model NAME --output image-variations.toml")


# --- reasons


KINDS = [it for it in vars(reasons).values() if isinstance(it, type) and issubclass(it, reasons.Reason)]
BASES = {reasons.Reason, reasons.RunEnded, reasons.Limited}


@pytest.mark.parametrize("kind", [it for it in KINDS if it not in BASES], ids=lambda it: it.__name__)
def test_each_reason_has_a_sentence(kind: type[reasons.Reason]) -> None:
    values = {"int": 3, "float": 2.5, "bool": True, "str": "a text", "tuple[str, ...]": ("one", "two")}
    reason = kind(*(values[str(it.type)] for it in kind.__attrs_attrs__))
    text = describe(reason)
    assert text
    assert "{" not in text
    assert all(str(value) in text for value in ("a text", "one") if value in vars_of(reason))


def vars_of(reason: reasons.Reason) -> list[object]:
    found = [getattr(reason, it.name) for it in reason.__attrs_attrs__]
    return [each for value in found for each in (value if isinstance(value, tuple) else (value,))]


def test_requirements_left_out_because_of_a_limit_are_reported_with_the_limit(tmp_path: Path) -> None:
    run = judge_app(Service(api_key=KEY), depth="quick", max_images=3)
    ReportFolder.at(tmp_path).write(run)
    left_out = {it.requirement.id for it in run.verdicts if isinstance(it.reason, reasons.MaxImages)}
    assert left_out
    messages = {it["id"]: it["message"] for it in read(tmp_path)["requirements"]}
    assert all("--max-images 3" in messages[name] for name in left_out)
    skipped = {case.attrib["name"]: case.find("skipped") for case in junit(tmp_path).findall("testcase")}
    for name in left_out:
        element = skipped[name]
        assert element is not None
        assert element.attrib["message"] == messages[name]
    listed = [line for line in lines(run) if line.startswith("Not seen") and "--max-images 3" in line]
    assert left_out == {word.strip(":") for line in listed for word in line.split() if word.startswith("IV-")}
    assert run.exit_code == 0
    assert lines(run)[-1].startswith("Incomplete: no requirement of contract ")


@pytest.mark.slow
def test_a_hostile_error_text_is_printable_in_the_reports(tmp_path: Path) -> None:
    """The error has terminal codes, characters that neither XML nor UTF-8 can represent, and 100 kB of text."""

    class Hostile(Service):
        """Sends such a text as param."""

        def refusal(self, problem: ApiError) -> Response:
            param = "\x00\x1b[31m\x9b\ud800" + "\x07" * 100_000
            error = {"message": "wrong", "type": "t", "param": param, "code": None}
            return Response(json.dumps({"error": error}), problem.status, problem.headers, "application/json")

    run = judge_app(Hostile(api_key=KEY), depth="quick")
    ReportFolder.at(tmp_path).write(run)
    message = {it["id"]: it["message"] for it in read(tmp_path)["requirements"]}["IV-ERR-PARAM"]
    assert message.startswith("the error does not name the field ")
    assert r": param \x00\x1b[31m\x9b" + "\ufffd" in message
    assert all(it.message.isprintable() and len(it.message) <= 300 for it in run.findings)
    assert all(line.isprintable() for line in lines(run, tmp_path, verbose=True))
    assert junit(tmp_path) is not None
