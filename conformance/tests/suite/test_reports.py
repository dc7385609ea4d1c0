"""The reports contain the verdicts and the bytes of the broken cases, and never the API key."""

import json
import os
import re
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
from image_variations_conformance.cases.plan import plan
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.engine.verdicts import conclude
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import Running, running
from image_variations_conformance.reference.variants import faulty
from image_variations_conformance.reports import console
from image_variations_conformance.reports.folder import ReportFolder
from image_variations_conformance.sources.reader import Memory
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.target import Target
from rich.console import Console
from starlette.responses import Response
from support.judging import KEY, judge_app, judge_url
from support.requests import CONTRACT

SCHEMA = json.loads(resources.files("image_variations_conformance.reports").joinpath("report.schema.json").read_text())


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


def _document(report: Path) -> Any:
    return json.loads((report / "report.json").read_text())


@pytest.mark.slow
def test_report_json_fits_its_schema_by_two_validators(report: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(_document(report), SCHEMA, cls=jsonschema.Draft202012Validator)
    jsonschema_rs.validator_for(SCHEMA).validate(_document(report))


@pytest.mark.slow
def test_the_report_of_a_correct_server_fits_the_schema_too(tmp_path: Path) -> None:
    ReportFolder.at(tmp_path).write(judge_app(Service(api_key=KEY)))
    document = _document(tmp_path)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document["outcome"] == "conforms"
    assert not (tmp_path / "cases").exists()


def test_report_json_has_each_requirement_once_and_refers_to_listed_cases(report: Path, broken_run: Run) -> None:
    document = _document(report)
    assert [it["id"] for it in document["requirements"]] == list(broken_run.contract.requirements)
    labels = {case["id"] for case in document["cases"]}
    assert {label for it in document["requirements"] for label in it["cases"]} <= labels
    by_id = {it["id"]: it for it in document["requirements"]}
    assert by_id["IV-RES-COUNT"]["verdict"] == "fail"
    assert by_id["IV-RES-COUNT"]["cases"] == ["n-ten"]
    assert by_id["IV-RES-COUNT"]["message"] == "n=10: expected 10 items, got 4"


def test_the_exact_bytes_of_each_broken_case_are_in_its_folder(report: Path, broken_run: Run) -> None:
    broken = [case for case in _document(report)["cases"] if case["breaks"]]
    assert {case["folder"] for case in broken} == {f"cases/{path.name}" for path in (report / "cases").iterdir()}
    request = broken_run.observations["n-ten"].exchange.request
    assert (report / "cases/n-ten/request.body").read_bytes() == request.body
    head = (report / "cases/n-ten/request.head").read_bytes()
    assert head == request.head()
    assert b"\r\nAuthorization: Bearer ${IMAGE_VARIATIONS_API_KEY}\r\n" in head
    assert json.loads((report / "cases/n-ten/response.body").read_bytes())["data"]
    assert (report / "cases/n-ten/response.head").read_bytes().startswith(b"HTTP/1.1 200\r\n")


def test_the_key_is_in_no_file_and_not_on_the_console(report: Path, broken_run: Run) -> None:
    shown = Console(record=True, width=200, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.show(broken_run, shown, report)
    texts = {"console": shown.export_text().encode(), "run": repr(broken_run).encode()}
    texts |= {str(path): path.read_bytes() for path in report.rglob("*") if path.is_file()}
    shown.file.close()
    assert {name for name, text in texts.items() if KEY[:12].encode() in text} == set()
    # The server under test does quote the key.
    quoted = b"${IMAGE_VARIATIONS_API_KEY}"
    assert any(quoted in it.response.body for it in broken_run.observations.values() if it.response)


@pytest.mark.usefixtures("broken_server")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("label", ["n-ten", "n-zero"])
def test_the_curl_command_sends_the_same_request_again(report: Path, label: str) -> None:
    (case,) = (case for case in _document(report)["cases"] if case["id"] == label)
    environment = {**os.environ, "IMAGE_VARIATIONS_API_KEY": KEY}
    completed = subprocess.run(["sh", "-c", case["curl"]], cwd=report, env=environment, capture_output=True, check=True)
    head, _, body = completed.stdout.partition(b"\r\n\r\n")
    assert head.split()[1] == str(case["status"]).encode()
    if label == "n-ten":
        assert len(json.loads(body)["data"]) == 4


def test_junit_has_a_test_case_per_requirement_and_fails_where_the_run_does(report: Path, broken_run: Run) -> None:
    suite = ET.parse(report / "junit.xml").getroot().find("testsuite")  # noqa: S314 - written by the suite
    assert suite is not None
    cases = {case.attrib["name"]: case for case in suite.findall("testcase")}
    assert list(cases) == list(broken_run.contract.requirements)
    failing = {it.requirement.id for it in broken_run.verdicts if it.fails_the_run}
    assert {name for name, case in cases.items() if case.find("failure") is not None} == failing
    assert int(suite.attrib["failures"]) == len(failing)
    assert int(suite.attrib["tests"]) == len(cases)
    failure = cases["IV-RES-COUNT"].find("failure")
    assert failure is not None
    assert "n-ten: n=10: expected 10 items, got 4" in (failure.text or "")


@pytest.mark.slow
def test_junit_passes_a_warning_and_shows_it_as_output(tmp_path: Path) -> None:
    run = judge_app(faulty(["errors-as-422"], api_key=KEY))
    ReportFolder.at(tmp_path).write(run)
    suite = ET.parse(tmp_path / "junit.xml").getroot().find("testsuite")  # noqa: S314 - written by the suite
    assert suite is not None
    assert suite.attrib["failures"] == "0"
    warned = suite.find("testcase[@name='IV-ERR-400']/system-out")
    assert warned is not None
    assert (warned.text or "").startswith("warning: ")


@pytest.mark.slow
def test_strict_makes_a_warning_fail() -> None:
    app = faulty(["errors-as-422"], api_key=KEY)
    assert judge_app(app).outcome == "conforms"
    assert judge_app(app, strict=True).outcome == "fails"


def test_the_console_shows_broken_requirements_with_a_case_and_ends_with_the_headline(broken_run: Run) -> None:
    shown = Console(record=True, width=400, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.show(broken_run, shown, None)
    shown.file.close()
    lines = shown.export_text().splitlines()
    assert lines[-1] == broken_run.headline
    assert "FAIL IV-RES-COUNT (must)" in lines
    after = lines[lines.index("FAIL IV-RES-COUNT (must)") + 1 :]
    assert after[0].strip() == "The list data has exactly n items. (page:n; page:data; reading:data)"
    assert after[1].strip() == "n-ten: n=10: expected 10 items, got 4"


def _report_messages(run: Run, path: Path) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Write the reports; return the messages of report.json and junit.xml by requirement, and the console lines."""
    ReportFolder.at(path).write(run)
    suite = ET.parse(path / "junit.xml").getroot()  # noqa: S314 - written by the suite
    junit_messages = {
        case.attrib["name"]: child.attrib["message"]
        for case in suite.iter("testcase")
        for child in case
        if "message" in child.attrib
    }
    shown = Console(record=True, width=400, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.show(run, shown, None)
    shown.file.close()
    messages = {it["id"]: it["message"] for it in _document(path)["requirements"]}
    return messages, junit_messages, [line.strip() for line in shown.export_text().splitlines()]


def test_requirements_left_out_because_of_a_limit_are_reported_with_the_limit(tmp_path: Path) -> None:
    with running(Service(api_key=KEY)) as server:
        target = Target.parse(server.base_url, KEY)
        run = check(target, Settings(seed=1, depth="quick", max_images=3), lambda *_: None)
    messages, junit, lines = _report_messages(run, tmp_path)
    left_out = [it.requirement.id for it in run.verdicts if it.deselected]
    (reason,) = {messages[it] for it in left_out}
    assert re.fullmatch(r"the case needs \d+ of --max-images 3, of which \d are left", reason)
    assert {junit[it] for it in left_out} == {reason}
    assert f"{len(left_out)} left out: {reason}." in lines


def test_requirements_of_responses_that_were_not_kept_are_reported_with_the_reason(tmp_path: Path) -> None:
    """The requirements that only those responses could show are not tested."""
    nothing = Memory(0)
    with running(Service(api_key=KEY)) as server:
        target = Target.parse(server.base_url, KEY)
        cases = plan(CONTRACT, target, 1, "quick")
        exchanges = Scheduler(Transport(target, 20.0, memory=nothing), lambda *_: None).run(cases)
    run = conclude(CONTRACT, target, cases, exchanges, seed=1, seconds=1.0)
    reason = "the response was not kept: those of this run exceed 268435456 bytes together"
    messages, junit, lines = _report_messages(run, tmp_path)
    untested = [it.requirement.id for it in run.verdicts if it.result == "not-tested" and it.cases]
    assert untested
    assert {messages[it] for it in untested} == {junit[it] for it in untested} == {reason}
    assert any(line.endswith(f": {reason}") for line in lines)


def test_the_console_shows_one_reason_for_many_untested_requirements_once() -> None:
    """A server without the operation would otherwise show the same reason for more than thirty requirements."""
    run = judge_app(faulty(["operation-removed"], api_key=KEY))
    shown = Console(record=True, width=400, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.show(run, shown, None)
    shown.file.close()
    lines = shown.export_text().splitlines()
    reasons = [line for line in lines if line.startswith("NOT-TESTED")]
    assert len(reasons) == len(set(reasons)) <= 3
    untested = [it.requirement.id for it in run.verdicts if it.result == "not-tested" and it.fails_the_run]
    words = " ".join(lines[lines.index(reasons[0]) :]).split()
    assert len(untested) > 30
    assert set(untested) <= set(words)


@pytest.mark.slow
def test_an_earlier_report_in_the_folder_is_replaced_completely(report: Path, tmp_path: Path) -> None:
    shutil.copytree(report, tmp_path / "report")
    ReportFolder.at(tmp_path / "report").write(judge_app(Service(api_key=KEY)))
    assert not (tmp_path / "report" / "cases").exists()
    assert _document(tmp_path / "report")["outcome"] == "conforms"


@pytest.mark.slow
def test_a_hostile_error_text_is_printable_in_the_reports(tmp_path: Path) -> None:
    """The error has terminal codes, characters that neither XML nor UTF-8 can represent, and 100 kB of text."""

    class Hostile(Service):
        """Sends such a text as param."""

        def refusal(self, problem: ApiError) -> Response:
            param = "\x00\x1b[31m\x9b\ud800" + "\x07" * 100_000
            error = {"message": "wrong", "type": "t", "param": param, "code": None}
            return Response(json.dumps({"error": error}), problem.status, problem.headers, "application/json")

    run = judge_app(Hostile(api_key=KEY))
    ReportFolder.at(tmp_path).write(run)
    message = {it["id"]: it["message"] for it in _document(tmp_path)["requirements"]}["IV-ERR-PARAM"]
    assert message.startswith(r"the error does not name the field image: param \x00\x1b[31m\x9b" + "\ufffd")
    assert all(it.message.isprintable() and len(it.message) <= 500 for it in run.findings)
    assert ET.parse(tmp_path / "junit.xml").getroot().find("testsuite") is not None  # noqa: S314 - written by the suite
