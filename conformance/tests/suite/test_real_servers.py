"""The suite on servers that somebody else wrote: it runs to the end and says what is truly wrong with them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.wire.reasons import ServerGone
from image_variations_conformance.wire.target import Target
from support.judging import KEY, judge_url, verdicts
from support.node_packages import node_tool

SPEC = Path(__file__).parents[3] / "spec" / "openapi.yaml"
_START_SECONDS = 60


@contextmanager
def _mock_server(command: list[str], port: int) -> Iterator[str]:
    # In a session of its own, so that all of it can be ended: some tools are wrappers that start the server.
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not _listens(port):
                assert process.poll() is None, f"{command[1]} ended with exit code {process.returncode}"
                assert time.monotonic() < deadline, f"{command[1]} does not listen"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_server_started_by_a_wrapper_is_ended_with_it() -> None:
    port = _free_port()
    server = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
    wrapper = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {server!r}])"
    with _mock_server([sys.executable, "-c", wrapper], port):
        pass
    deadline = time.monotonic() + 10
    while _listens(port):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def prism() -> Run:
    """The run of the suite on Prism, which mocks our own document."""
    port = _free_port()
    command = [*node_tool("@stoplight/prism-cli", "prism"), "mock", "--port", str(port), str(SPEC)]
    with _mock_server(command, port) as url:
        return judge_url(url)


@pytest.fixture(scope="module")
def steady_url() -> Iterator[str]:
    """Steady, which mocks our own document."""
    port = _free_port()
    command = [*node_tool("@stdy/cli", "steady"), "--host", "127.0.0.1", "--port", str(port), "--quiet", str(SPEC)]
    with _mock_server(command, port) as url:
        yield url


@pytest.fixture(scope="module")
def steady(steady_url: str) -> Run:
    """The run of the suite on Steady."""
    return judge_url(steady_url)


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run of the suite on aimock, which plays OpenAI's own server as it is now: the operation is removed."""
    port = _free_port()
    fixtures = tmp_path_factory.mktemp("aimock") / "none.json"
    fixtures.write_text('{"fixtures": []}')
    options = ["--host", "127.0.0.1", "--port", str(port), "--fixtures", str(fixtures), "--log-level", "silent"]
    with _mock_server([*node_tool("@copilotkit/aimock", "llmock"), *options], port) as url:
        return judge_url(f"{url}/v1")


# What both do because they know the schema and nothing else: answer with the example, and take any bytes for an image.
BY_THE_EXAMPLE = {"IV-RES-CREATED", "IV-RES-COUNT", "IV-N-DEFAULT", "IV-RES-KEY", "IV-URL-FETCH"}
BY_ANY_BYTES = {"IV-IMAGE-FORMAT", "IV-IMAGE-INTACT", "IV-IMAGE-SQUARE", "IV-IMAGE-MAX-BYTES"}


def test_prism_is_blamed_for_what_is_wrong_with_it(prism: Run) -> None:
    failed = verdicts(prism, "fail")
    assert set(failed) >= BY_THE_EXAMPLE | BY_ANY_BYTES | {"IV-AUTH-WRONG"}
    # It knows `Bearer` in this letter case alone.
    assert failed["IV-WIRE-HEADER-CASE"] == "a valid request with bearer: expected 200, got 401"


def test_prism_dies_of_a_part_without_a_type_and_what_came_after_is_not_tested(prism: Run) -> None:
    assert re.match(r"a valid request with no type: .* no response", verdicts(prism, "warn")["IV-IMAGE-OCTET-STREAM"])
    assert "IV-ERR-NO-5XX" in verdicts(prism, "fail")
    unsent = [it for it in prism.observations.values() if not it.exchange.sent]
    assert {it.exchange.not_tested for it in unsent} == {ServerGone(("part-type-none",))}
    assert [it.exchange.label for it in unsent][-1] == "plain-at-the-end"


def test_prism_is_not_blamed_for_what_it_keeps(prism: Run) -> None:
    kept = {"IV-OP-METHOD", "IV-OP-VALID", "IV-AUTH-REQUIRED", "IV-N-BOUNDS", "IV-SIZE-UNKNOWN", "IV-ERR-OBJECT"}
    assert {it.requirement.id for it in prism.verdicts if it.result == "pass"} >= kept


def test_steady_is_blamed_for_what_is_wrong_with_it(steady: Run) -> None:
    failed = verdicts(steady, "fail")
    ignores_keys = {"IV-AUTH-REQUIRED", "IV-AUTH-WRONG"}
    assert set(failed) >= BY_THE_EXAMPLE | BY_ANY_BYTES | ignores_keys | {"IV-N-BOUNDS", "IV-ERR-OBJECT"}


def test_steady_is_asked_everything_to_the_end(steady: Run) -> None:
    assert all(it.response is not None for it in steady.observations.values())


def test_an_operation_that_is_removed_is_said_in_one_sentence_and_little_else(aimock: Run) -> None:
    """Each request is answered 404, without a body and before any key is looked at."""
    removed = "there is no POST /images/variations here; every request was answered 404"
    assert aimock.headline == f"Does not conform: {removed}."
    assert verdicts(aimock, "fail", "warn").keys() == {"IV-OP-VALID", "IV-ERR-JSON"}
    assert verdicts(aimock, "pass").keys() == {"IV-ERR-NO-5XX", "IV-ERR-SECRETS"}


def test_steady_at_the_default_limits_makes_no_more_images_and_says_what_is_wrong_all_the_same(
    steady_url: str, steady: Run
) -> None:
    run = check(Target.parse(steady_url, KEY), Settings(seed=1), lambda *_: None)
    assert run.cost.images <= 50
    musts = {it.requirement.id for it in steady.verdicts if it.result == "fail"}
    assert verdicts(run, "fail").keys() >= musts - {"IV-RES-COUNT"}


def test_without_a_server_of_images_nothing_of_images_passes(prism: Run, steady: Run) -> None:
    of_images = {"IV-OUT-SIZE", "IV-OUT-FORMAT", "IV-OUT-B64"}
    for run in (prism, steady):
        assert {it.requirement.id: it.result for it in run.verdicts if it.requirement.id in of_images} == dict.fromkeys(
            of_images, "not-tested"
        )
        assert KEY not in repr(run)
