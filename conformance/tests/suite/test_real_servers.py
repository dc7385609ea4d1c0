"""Runs against servers by other authors: the suite reports the defects that they are known to have."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from image_variations_conformance.cases.plan import DEPTH_PROFILES
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.wire.reasons import InvalidCostsImage, MaxImages, ReportedAs, ServerGone, Unexplained
from image_variations_conformance.wire.target import Target
from support.judging import KEY, judge_url, verdicts
from support.node_packages import node_tool
from support.processes import free_port, listens, served

pytestmark = pytest.mark.slow

SPEC = Path(__file__).parents[3] / "spec" / "openapi.yaml"


def test_served_also_ends_a_server_that_a_wrapper_started() -> None:
    port = free_port()
    server = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
    wrapper = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {server!r}])"
    with served([sys.executable, "-c", wrapper], port):
        pass
    deadline = time.monotonic() + 10
    while listens(port):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def prism() -> Run:
    """Return the run on Prism, a mock server for our openapi.yaml."""
    port = free_port()
    command = [*node_tool("@stoplight/prism-cli", "prism"), "mock", "--port", str(port), str(SPEC)]
    with served(command, port) as url:
        return judge_url(url)


@pytest.fixture(scope="module")
def steady_url() -> Iterator[str]:
    """Yield the URL of Steady, a mock server for our openapi.yaml."""
    port = free_port()
    command = [*node_tool("@stdy/cli", "steady"), "--host", "127.0.0.1", "--port", str(port), "--quiet", str(SPEC)]
    with served(command, port) as url:
        yield url


@pytest.fixture(scope="module")
def steady(steady_url: str) -> Run:
    """Return the run on Steady."""
    return judge_url(steady_url)


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the run on aimock, which mimics the current server of OpenAI, without the operation."""
    port = free_port()
    fixtures = tmp_path_factory.mktemp("aimock") / "none.json"
    fixtures.write_text('{"fixtures": []}')
    options = ["--host", "127.0.0.1", "--port", str(port), "--fixtures", str(fixtures), "--log-level", "silent"]
    with served([*node_tool("@copilotkit/aimock", "llmock"), *options], port) as url:
        return judge_url(f"{url}/v1")


# Prism and Steady know only the schema: they respond with its example, and accept any bytes as an image.
BROKEN_BY_EXAMPLE = {"IV-RES-CREATED", "IV-RES-COUNT", "IV-N-DEFAULT", "IV-RES-KEY", "IV-URL-FETCH"}
BROKEN_BY_ANY_IMAGE = {"IV-IMAGE-FORMAT", "IV-IMAGE-INTACT", "IV-IMAGE-SQUARE", "IV-IMAGE-MAX-BYTES"}


def test_prism_fails_the_requirements_that_its_example_breaks(prism: Run) -> None:
    """When it dies differs, and so does what else is seen until then."""
    seen = {"IV-ERR-NO-5XX", "IV-WIRE-HEADER-CASE", "IV-WIRE-PARAMETERS", "IV-STATE-RECOVERS"}
    failed = verdicts(prism, "fail").keys()
    assert BROKEN_BY_EXAMPLE <= failed <= BROKEN_BY_EXAMPLE | BROKEN_BY_ANY_IMAGE | seen


def test_prism_dies_and_later_cases_are_not_tested(prism: Run) -> None:
    (reason,) = {it.exchange.not_tested for it in prism.observations.values() if not it.exchange.sent}
    assert isinstance(reason, ServerGone)
    assert verdicts(prism, "not-tested").keys() >= {"IV-IMAGE-FORMAT", "IV-IMAGE-SQUARE", "IV-N-BOUNDS"}
    assert prism.exit_code == 1


def test_prism_passes_the_requirements_that_it_keeps(prism: Run) -> None:
    assert verdicts(prism, "pass").keys() >= {"IV-OP-VALID", "IV-RES-JSON", "IV-RES-SCHEMA", "IV-URL-ABSOLUTE"}


def test_steady_fails_the_requirements_that_it_breaks(steady: Run) -> None:
    failed = verdicts(steady, "fail")
    key_ignored = {"IV-AUTH-REQUIRED", "IV-AUTH-WRONG"}
    assert set(failed) >= BROKEN_BY_EXAMPLE | BROKEN_BY_ANY_IMAGE | key_ignored | {"IV-N-BOUNDS", "IV-ERR-OBJECT"}


def test_steady_responds_to_every_case(steady: Run) -> None:
    silent = {name: it.answer for name, it in steady.observations.items() if it.response is None}
    assert silent == {}


def test_the_headline_says_that_aimock_does_not_have_the_operation(aimock: Run) -> None:
    """Each request is answered 404 with an empty body, whatever the key is."""
    removed = "POST /images/variations is not offered; every request was answered 404"
    assert aimock.headline == f"Does not conform to contract 1.1.0: {removed}."
    assert verdicts(aimock, "fail", "warn").keys() == {"IV-OP-VALID", "IV-ERR-JSON"}
    assert verdicts(aimock, "pass").keys() == {"IV-OP-HEAD-OPTIONS", "IV-ERR-SECRETS"}


def test_steady_fails_the_same_requirements_within_the_default_limits_but_few_for_lack_of_images(
    steady_url: str, steady: Run
) -> None:
    """It makes two images for each request."""
    run = check(Target.parse(steady_url, KEY), Settings(seed=1), lambda *_: None)
    profile = DEPTH_PROFILES["standard"]
    assert run.cost.images <= (profile.max_images or 0)
    assert run.cost.fetches <= (profile.max_fetches or 0)
    assert verdicts(run, "fail").keys() < verdicts(steady, "fail").keys()
    for name in verdicts(steady, "fail").keys() - verdicts(run, "fail").keys():
        (left_out,) = (it for it in run.verdicts if it.requirement.id == name)
        assert left_out.missing
        assert isinstance(left_out.reason, InvalidCostsImage | MaxImages | ReportedAs | Unexplained)


def test_requirements_on_images_are_not_tested_on_prism_and_steady(prism: Run, steady: Run) -> None:
    of_images = {"IV-OUT-SIZE", "IV-OUT-FORMAT", "IV-OUT-B64"}
    for run in (prism, steady):
        results = {it.requirement.id: it.result for it in run.verdicts if it.requirement.id in of_images}
        assert results == dict.fromkeys(of_images, "not-tested")
        assert KEY not in repr(run)
