"""An interrupted run reports what it has judged so far. A killed run leaves no report, not even an old one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from attrs import frozen
from image_variations_conformance.cases.case import Case
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.reference.app.incoming import IncomingRequest
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import faulty
from image_variations_conformance.reports.folder import ReportFolder
from image_variations_conformance.sources import signals
from image_variations_conformance.wire.target import Target
from starlette.responses import Response
from support.judging import KEY, judge_app

pytestmark = pytest.mark.slow

SCHEMA = json.loads(resources.files("image_variations_conformance.reports").joinpath("report.schema.json").read_text())
INTERRUPTED = "the run was interrupted"
LEFT_OUT = "a quick run leaves it out"
# Far less than HUNG_SECONDS, so that a run that waits for the server is noticed.
SOON_SECONDS = 8.0
HUNG_SECONDS = 30.0


class HangingServer(Service):
    """A reference server that sets `enough` after a number of requests, and then hangs on images."""

    def __init__(self, enough: int, latency: float) -> None:
        """Make a server that takes `latency` seconds for an image from request number `enough` on."""
        super().__init__(api_key=KEY)
        self.left = enough
        self.after = latency
        self.enough = threading.Event()

    async def respond(self, request: IncomingRequest) -> Response:
        self.left -= 1
        if self.left <= 0:
            self.latency = self.after
            self.enough.set()
        return await super().respond(request)


def read_report(report: Path) -> Any:
    """Return report.json, validated against its schema."""
    document = json.loads((report / "report.json").read_text())
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    return document


@frozen
class RunningCheck:
    """A check that is under way and has received some responses."""

    process: subprocess.Popen[str]

    def ended(self, *signals: signal.Signals) -> tuple[float, str, str]:
        """Send these signals 0.1 seconds apart; return the seconds until the check ended, its stdout and its stderr."""
        start = time.monotonic()
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.1)
        output, errors = self.process.communicate(timeout=60)
        return time.monotonic() - start, output, errors


@contextmanager
def running_check(
    report: Path, *options: str, enough: int = 30, latency: float = HUNG_SECONDS
) -> Iterator[RunningCheck]:
    """Yield a check in a process of its own that has sent `enough` requests."""
    service = HangingServer(enough, latency)
    with running(service) as server:
        command = [sys.executable, "-m", "image_variations_conformance", "check", server.base_url]
        command += ["--api-key", KEY, "--seed", "1", "--depth", "quick", "--report-dir", str(report), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert service.enough.wait(30)
                yield RunningCheck(process)
            finally:
                process.kill()


def verdicts(document: Any) -> dict[str, set[str]]:
    """Return the messages of the requirements by verdict."""
    entries = document["requirements"]
    return {each["verdict"]: {it["message"] for it in entries if it["verdict"] == each["verdict"]} for each in entries}


@pytest.mark.parametrize(
    ("signals", "workers"),
    [
        ([signal.SIGINT], 1),
        ([signal.SIGTERM], 1),
        ([signal.SIGHUP], 1),
        ([signal.SIGTERM], 4),
        ([signal.SIGINT, signal.SIGTERM], 4),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP", "SIGTERM with workers", "SIGINT and SIGTERM with workers"],
)
def test_a_run_that_is_ended_by_a_signal_reports_at_once_what_it_has_judged(
    tmp_path: Path, signals: Sequence[signal.Signals], workers: int
) -> None:
    with running_check(tmp_path / "report", "--workers", str(workers)) as run:
        seconds, output, errors = run.ended(*signals)
        document = read_report(tmp_path / "report")
    assert (run.process.returncode, errors) == (1, "")
    assert seconds < SOON_SECONDS
    assert output.splitlines()[-1] == document["headline"]
    assert "NOT-TESTED" not in output
    assert document["headline"].startswith("Interrupted before its end: 0 requirements broken so far, and ")
    assert document["interrupted"] is True
    not_tested = [case["not_tested"] for case in document["cases"]]
    assert not_tested.count(None) >= 10
    assert not_tested[-1] == INTERRUPTED
    messages = verdicts(document)
    assert messages.keys() == {"pass", "partial", "not-tested"}
    assert messages["partial"] == {INTERRUPTED, LEFT_OUT}
    assert {it["message"] for it in document["requirements"] if it["id"].startswith("IV-ERR-")} == {INTERRUPTED}
    assert INTERRUPTED in messages["not-tested"]
    assert "no response of the server showed it" not in messages["not-tested"]
    assert INTERRUPTED in (tmp_path / "report" / "junit.xml").read_text()


def test_a_killed_run_leaves_no_report_and_no_file_of_an_earlier_one(tmp_path: Path) -> None:
    ReportFolder.at(tmp_path).write(judge_app(faulty(["n-capped"], api_key=KEY)))
    (tmp_path / "notes.txt").write_text("of the user")
    with running_check(tmp_path) as run:
        run.ended(signal.SIGKILL)
    assert run.process.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.rglob("*")] == ["notes.txt"]


def test_an_ignored_sighup_stays_ignored() -> None:
    """A SIGHUP that is ignored at the start, as by nohup, stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.handled():
            os.kill(os.getpid(), signal.SIGHUP)
            with signals.interruptible():
                assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_whose_terminal_is_closed_still_writes_its_report(tmp_path: Path) -> None:
    """Writing to a terminal without its other end is an input/output error."""
    report, (holder, terminal) = tmp_path / "report", os.openpty()
    service = HangingServer(20, HUNG_SECONDS)
    with running(service) as server, open(terminal, "r+b", buffering=0) as end:  # noqa: PTH123 - it has no path
        command = [sys.executable, "-m", "image_variations_conformance", "check", server.base_url, "--api-key", KEY]
        command += ["--depth", "quick", "--report-dir", str(report)]
        with subprocess.Popen(command, stdin=end, stdout=end, stderr=end, start_new_session=True) as process:
            threading.Thread(target=_drain, args=(holder, service.enough), daemon=True).start()
            assert service.enough.wait(30)
            time.sleep(0.3)
            process.send_signal(signal.SIGHUP)
            assert process.wait(20) == 1
    assert read_report(report)["interrupted"] is True


def _drain(holder: int, enough: threading.Event) -> None:
    """Read the output, as a terminal does, until `enough` is set; then close the terminal."""
    while not enough.is_set():
        os.read(holder, 4096)
    os.close(holder)


def test_the_first_signal_is_raised_in_an_interruptible_block_and_handlers_are_restored() -> None:
    before = [signal.getsignal(it) for it in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with signals.handled():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), signals.interruptible():
            pytest.fail("the signal sent before this block was not raised at its start")
        os.kill(os.getpid(), signal.SIGINT)
    steps = []
    with signals.handled(), suppress(KeyboardInterrupt), signals.interruptible():
        steps.append("began")
        os.kill(os.getpid(), signal.SIGHUP)
        steps.append("continued")
    assert steps == ["began"]
    assert [signal.getsignal(it) for it in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_an_interrupted_campaign_is_in_the_headline_and_the_plan_counts_as_finished() -> None:
    def progress(_: int, __: int, case: Case) -> None:
        if case.label == "random":
            os.kill(os.getpid(), signal.SIGTERM)

    with running(Service(api_key=KEY)) as server, signals.handled():
        settings = Settings(seed=1, depth="deep", max_seconds=60, only=frozenset({"IV-N-BOUNDS", "IV-OP-VALID"}))
        run = check(Target.parse(server.base_url, KEY), settings, progress)
    assert run.headline.startswith("Incomplete: no requirement of contract 1.1.0 is broken, but ")
    assert run.headline.endswith(", but --only left others out. The random requests were interrupted.")
    assert run.exit_code == 0
    assert run.interrupted
