"""The campaign: what is drawn, found, reduced and remembered, and what becomes of it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis.database import ExampleDatabase, InMemoryExampleDatabase
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.cases.case import Case
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.cases.strategies import requests
from image_variations_conformance.cases.variations import Drawn, parsed
from image_variations_conformance.engine.campaign import Campaign
from image_variations_conformance.engine.check import FEW_IMAGES, FEW_REQUESTS, Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.form import Part
from image_variations_conformance.reference.app.received import Received
from image_variations_conformance.reference.app.service import Service, Wanted
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import faulty
from image_variations_conformance.wire.reasons import (
    ControlRefused,
    InvalidCostsImage,
    MaxImages,
    MaxRequests,
    NothingAccepted,
)
from image_variations_conformance.wire.target import Target
from support.judging import verdicts
from support.processes import free_port, served
from support.requests import CONTRACT, TARGET
from support.two_factor_bugs import BUGS, Bug, QuickService, server_with

pytestmark = pytest.mark.slow

KEY = "sk-test-0123456789abcdef"
DATABASE_KEY = b"image-variations random requests"
LONG = 60.0
"""Seconds in which each bug is found, also on a slow machine."""


@frozen
class Found:
    """A request that a campaign reports: the requirement, and the code that makes it."""

    requirement: str
    code: str


def deep(service: Service, *, database: ExampleDatabase | None = None, seconds: float = LONG, **settings: Any) -> Run:
    """Return a deep run on a server."""
    with running(service) as server:
        options = Settings(**{"seed": 1, "depth": "deep", "max_seconds": seconds, **settings})
        return check(Target.parse(server.base_url, KEY), options, lambda *_: None, database=database)


def found(run: Run) -> list[Found]:
    """Return what random requests broke, the smallest first."""
    broken = [it for verdict in run.verdicts if verdict.result in {"fail", "warn"} for it in verdict.items]
    pairs = dict.fromkeys(
        Found(finding.requirement, run.cases[finding.label].code)
        for item in broken
        for finding in item.findings
        if finding.state == "contradicted" and run.cases[finding.label].code
    )
    return sorted(pairs, key=lambda it: len(it.code))


def ends_at(number: int) -> dict[str, Any]:
    return {"max_requests": number}


SOME = [BUGS[number] for number in (2, 11)]
ENOUGH = 700
"""How many requests a run has that finds one of these, with the plan."""


@pytest.mark.parametrize("bug", SOME, ids=lambda bug: bug.name)
def test_a_bug_that_needs_two_properties_is_found_and_reduced_to_them(bug: Bug) -> None:
    run = deep(server_with([bug], KEY), max_requests=ENOUGH)
    reported = found(run)
    # A 5xx to a valid request is reported under what the request is about.
    assert {it.requirement for it in reported} & {bug.requirement, "IV-OP-VALID"}
    (drawn,) = parsed(reported[0].code)
    assert len(drawn.variations) <= 2
    assert not drawn.cheap
    assert set(verdicts(run, "fail")) <= {bug.requirement, "IV-OP-VALID"}
    assert run.outcome == "fails"
    assert run.campaign is not None
    assert run.campaign.reducing > 0


@pytest.mark.parametrize(("depth", "images"), [("deep", 8), ("standard", 8), ("standard", 4)])
def test_a_failure_of_many_images_is_reported_where_no_more_are_left_to_explain_it(depth: str, images: int) -> None:
    code = f"Drawn(text('n', '{images}'), picture(side=3))"
    database = InMemoryExampleDatabase()
    database.save(DATABASE_KEY, code.encode())
    run = deep(server_with([one_too_few(images)], KEY), database=database, depth=depth, max_requests=320)
    assert found(run) == [Found("IV-RES-COUNT", code)]
    assert set(verdicts(run, "fail")) == {"IV-RES-COUNT"}


def test_what_is_too_large_for_a_run_to_send_again_stays_in_the_database() -> None:
    database = InMemoryExampleDatabase()
    database.save(DATABASE_KEY, b"Drawn(text('n', '10'), picture(side=3))")
    run = deep(server_with([one_too_few(10)], KEY), database=database, depth="standard", max_requests=320)
    assert found(run) == []
    assert len(database.data[DATABASE_KEY]) == 1


def one_too_few(images: int) -> Bug:
    """Return the bug that so many variations of a picture of three by three pixels are one too few."""
    return Bug(
        f"odd side and n={images}",
        "IV-RES-COUNT",
        lambda it: it.text("n") == str(images) and it.image is not None and it.image.content[23] == 3,
        lambda wanted: evolve(wanted, count=images - 1),
    )


def test_what_was_found_is_found_again_at_once_and_forgotten_once_it_is_mended() -> None:
    bug, database = BUGS[11], InMemoryExampleDatabase()
    assert found(deep(server_with([bug], KEY), database=database, max_requests=ENOUGH))
    assert found(deep(server_with([bug], KEY), database=database, seed=2, max_requests=320))
    (key,) = database.data
    assert database.data[key]
    database.save(key, b"__import__('os').abort()")
    assert found(deep(server_with([], KEY), database=database, max_requests=320)) == []
    assert database.data[key] == {b"__import__('os').abort()"}  # what others wrote is kept


@pytest.fixture
def redis_url() -> Iterator[str]:
    """Yield the URL of a Redis server that is empty."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    with served(["redis-server", "--port", str(port), "--save", "", "--appendonly", "no"], port):
        yield f"redis://127.0.0.1:{port}/0"


def test_processes_share_what_they_found_through_redis(redis_url: str, tmp_path: Path) -> None:
    from image_variations_conformance.cli.databases import _redis  # noqa: PLC0415

    bug = BUGS[11]
    deep(server_with([bug], KEY), database=_redis(redis_url), max_requests=ENOUGH)
    with running(server_with([bug], KEY)) as server:
        command = [sys.executable, "-m", "image_variations_conformance", "check", server.base_url, "--api-key", KEY]
        options = ["--depth", "deep", "--max-requests", "300", "--example-database", redis_url, "--report-dir"]
        subprocess.run([*command, *options, str(tmp_path)], check=False, capture_output=True, timeout=60)
    cases = json.loads((tmp_path / "report.json").read_text())["cases"]
    assert any(case["code"] and case["breaks"] for case in cases)


def test_a_right_server_conforms_after_many_random_requests() -> None:
    run = deep(Service(api_key=KEY), max_requests=600)
    assert verdicts(run, "fail", "warn") == {}
    assert run.outcome == "conforms"
    assert run.campaign is not None
    assert run.campaign.ended == MaxRequests(600)


def test_fields_that_are_ignored_in_a_form_that_need_not_be_read_are_one_warning() -> None:
    run = deep(faulty(["padded-texts-ignored"], api_key=KEY), max_requests=500)
    assert verdicts(run, "fail") == {}
    assert set(verdicts(run, "warn")) == {"IV-WIRE-PREAMBLE"}
    assert run.outcome == "conforms"


def test_random_requests_end_soon_where_no_image_is_left_for_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts an invalid request makes images for all that are drawn."""
    drawn: list[Drawn] = []
    case = Campaign._case

    def counted(self: Campaign, one: Drawn) -> Case:
        drawn.append(one)
        return case(self, one)

    monkeypatch.setattr(Campaign, "_case", counted)
    run = deep(faulty(["n-eleven-accepted"], api_key=KEY), depth="standard", max_images=40)
    assert run.campaign is not None
    assert isinstance(run.campaign.ended, MaxImages | InvalidCostsImage)
    assert len(drawn) < 400


def test_a_standard_run_sends_few_random_requests_for_few_images() -> None:
    plan = deep(QuickService(api_key=KEY), depth="standard", seconds=0)
    run = deep(QuickService(api_key=KEY), depth="standard", max_seconds=None, max_requests=1000, max_images=1000)
    assert plan.campaign is None
    assert run.campaign is not None
    assert 0 < run.cost.requests - plan.cost.requests <= FEW_REQUESTS
    assert 0 < run.cost.images - plan.cost.images <= FEW_IMAGES


def test_a_limit_is_never_exceeded() -> None:
    run = deep(server_with(SOME, KEY), max_requests=420, max_images=90)
    assert run.cost.requests <= 420
    assert run.cost.images <= 90


class Forgetful(QuickService):
    """Refuses a PNG in grey once a request had n=3."""

    had_three = False

    def admit(self, received: Received) -> None:
        super().admit(received)
        if self.had_three and received.image is not None and received.image.content[25] == 0:
            raise ApiError("Something went wrong.")
        self.had_three = self.had_three or received.text("n") == "3"


class KnowsNoDallE2(QuickService):
    """Refuses the model dall-e-2, before it looks at the other fields."""

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        if "model" in fields:
            raise ApiError("The model is not known.", "model")
        return super().wanted(fields)


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_refused_value_is_not_sent_with_wrong_values_of_which_an_error_would_not_tell(seed: int) -> None:
    run = deep(KnowsNoDallE2(api_key=KEY), depth="standard", max_requests=320, seed=seed)
    assert run.campaign is not None
    assert run.campaign.requests > 20
    assert verdicts(run, "fail", "warn").keys() <= {"IV-MODEL-ACCEPTED", "IV-OUT-RESEMBLES"}


class DiesOfTwo(QuickService):
    """Answers 500 to everything once a request had a model and a boundary in quotes."""

    is_dead = False

    def admit(self, received: Received) -> None:
        both = received.text("model") is not None and 'boundary="' in received.header("content-type")
        self.is_dead = self.is_dead or both
        if self.is_dead:
            raise ApiError("Something went wrong.", status=500)
        super().admit(received)


def test_a_server_that_dies_ends_the_campaign_and_fails() -> None:
    run = deep(DiesOfTwo(api_key=KEY), max_requests=2000, only=frozenset())
    assert run.outcome == "fails"
    assert run.campaign is not None
    assert run.campaign.ended in {ControlRefused(), NothingAccepted()}


def test_a_server_that_accepts_nothing_gets_no_random_request() -> None:
    class Refuses(Service):
        def model(self, model: str | None) -> None:
            raise ApiError(f"The model {model} is not loaded.")

    run = deep(Refuses(api_key=KEY))
    assert run.campaign is not None
    assert (run.campaign.requests, run.campaign.ended) == (0, NothingAccepted())


@given(requests(CONTRACT, has_key=True))
def test_the_code_of_a_request_makes_it_again(drawn: Drawn) -> None:
    (again,) = parsed(repr(drawn))
    assert repr(again) == repr(drawn)
    plan = Plan.of(CONTRACT, TARGET, 1)
    one, other = (plan.valid("one", "", Base(), each.probes).request for each in (drawn, again))
    assert one == other


@pytest.mark.parametrize(
    "code",
    ["", "1", "Drawn(", "open('x')", "Drawn(text)", "Drawn(feature('no such'))", "Drawn(text(n=1))", "().x", "a.b()"],
)
def test_anything_else_is_no_code_of_a_request(code: str) -> None:
    with pytest.raises(ValueError, match=r"no |malformed"):
        parsed(code)
