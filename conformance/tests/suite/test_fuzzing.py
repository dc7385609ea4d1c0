"""The fuzzing of a deep run: the same requests for the same seed, within the limits, and no false findings."""

import hashlib
from collections import Counter
from itertools import islice
from typing import Any

import pytest
from attrs import evolve
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.contract.expectation import classify
from image_variations_conformance.engine.bases import bases
from image_variations_conformance.engine.budget import Budget, Limits
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.exploring import Explored, Explorer
from image_variations_conformance.engine.fuzzing import Fuzzed, batches, probe
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.oracles import Observation
from image_variations_conformance.reference.app.incoming import IncomingRequest
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.sources.reader import Memory
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import Exchange, Failure, Request, Response
from image_variations_conformance.wire.reasons import (
    ControlRefused,
    Interrupted,
    MaxRequests,
    MaxSeconds,
    NothingAccepted,
    RateLimited,
    ServerGone,
)
from image_variations_conformance.wire.target import Target
from starlette.responses import Response as StarletteResponse
from support.fake_transport import FakeTransport
from support.profiles import effective
from support.requests import CONTRACT, KEY, SMALL, TARGET, classified, observed

pytestmark = pytest.mark.slow

Outcome = Response | Failure | type[KeyboardInterrupt]
BASE = Base(SMALL)
OK = Response(200, (("Content-Type", "application/json"),), b'{"created": 1, "data": [{"b64_json": "aWlp"}]}')
REFUSED = Response(
    400,
    (("Content-Type", "application/json"),),
    b'{"error": {"message": "image model n response_format size user", "type": "x", "param": null, "code": null}}',
)


@pytest.fixture(scope="module")
def stream() -> list[Fuzzed]:
    return first_cases(1, 4)


def first_cases(seed: int, number: int) -> list[Fuzzed]:
    return [it for _, batch in islice(batches(CONTRACT, TARGET, seed), number) for it in batch]


def digests(stream: list[Fuzzed]) -> list[tuple[str, str]]:
    return [(it.case.label, hashlib.sha256(it.case.request.head() + it.case.request.body).hexdigest()) for it in stream]


def test_the_same_seed_gives_the_same_cases(stream: list[Fuzzed]) -> None:
    """The number of batches drawn makes no difference."""
    again = digests(first_cases(1, 2))
    assert digests(stream)[: len(again)] == again
    assert digests(first_cases(2, 1))[1:] != digests(stream)[1 : len(digests(first_cases(2, 1)))]


def test_a_recipe_gives_the_same_bytes_again(stream: list[Fuzzed]) -> None:
    assert all(it.recipe.request(CONTRACT, TARGET) == it.case.request for it in stream)


def test_about_half_of_the_cases_are_valid_and_most_invalid_ones_have_one_violation(stream: list[Fuzzed]) -> None:
    verdicts = Counter(it.expectation.validity for it in stream)
    assert 0.4 < verdicts["valid"] / len(stream) < 0.65
    assert verdicts["unspecified"] > 10
    wrong = Counter(len(it.expectation.violations) for it in stream if it.expectation.validity == "invalid")
    assert wrong[1] > 2 * sum(count for violations, count in wrong.items() if violations > 1)


def test_the_cases_need_few_images_and_bytes(stream: list[Fuzzed]) -> None:
    """Valid requests need fewer than two images, and requests have fewer than 100,000 bytes, on average."""
    valid = [it for it in stream if it.expectation.requested is not None]
    assert sum(it.case.image_count for it in valid) < 2 * len(valid)
    assert sum(len(it.case.request.body) for it in stream) / len(stream) < 100_000


def test_the_expectation_and_image_count_of_a_case_are_those_of_its_request(stream: list[Fuzzed]) -> None:
    for drawn in stream:
        expectation = classify(drawn.case.request, CONTRACT, KEY)
        assert (drawn.expectation, drawn.case.image_count) == (expectation, expectation.image_count)


def test_the_image_count_of_an_unspecified_case_is_its_largest_n(stream: list[Fuzzed]) -> None:
    unspecified = [drawn for drawn in stream if drawn.expectation.validity == "unspecified"]
    for drawn in unspecified:
        numbers = [int(value) for name, value in drawn.recipe.fields if name == "n" and value.isdigit()]
        assert drawn.case.image_count == max(numbers, default=1)


# --- the explorer with a fake transport


def by_contract(request: Request) -> Response:
    """Return the response of a server that keeps the contract."""
    requested = classified(request).requested
    if requested is None:
        return REFUSED
    items = b", ".join([b'{"b64_json": "aWlp"}'] * requested.n)
    return evolve(OK, body=b'{"created": 1, "data": [%b]}' % items)


def test_the_control_of_the_fuzzing_has_what_the_profile_requires() -> None:
    contract = effective(models=["own"], model_required=True)
    base = next(iter(bases(contract)))
    assert probe(1, contract, TARGET, 1, base).expectation.validity == "valid"
    assert probe(1, contract, TARGET, 1, BASE).expectation.validity == "invalid"


def fake(**options: Any) -> FakeTransport:
    """Return a transport to a server that keeps the contract, except for the outcomes given."""
    return FakeTransport(TARGET, default=by_contract, seconds=0.1, **options)


def small(outcome: Response = OK) -> Observation:
    """Return the observation of the small request of a plan."""
    case = probe(0, CONTRACT, TARGET, 1, BASE)
    return observed(Exchange("small", case.request, outcome, 1.0, 0.1))


def explore(transport: FakeTransport, limits: Limits, workers: int = 1) -> Explored:
    """Return the result of fuzzing a server that has accepted the small request of the plan; judge two requirements."""
    scheduler = Scheduler(transport, lambda *_: None, lambda _: None, workers, Budget(limits))
    only = {"IV-ERR-NO-5XX", "IV-STATE-RECOVERS"}
    return Explorer(CONTRACT, TARGET, 1, scheduler, BASE, only).explore([small()], [])


@pytest.mark.parametrize("workers", [1, 7])
def test_fuzzing_uses_exactly_the_requests_and_images_of_its_limits(workers: int) -> None:
    transport = fake()
    result = explore(transport, Limits(max_requests=100, max_images=30), workers)
    assert (len(transport.sent), result.requests, result.images) == (100, 100, 30)
    assert result.ended == MaxRequests(100)


def test_only_invalid_cases_are_sent_when_no_image_is_left() -> None:
    transport = fake()
    result = explore(transport, Limits(max_requests=50, max_images=0))
    assert (result.requests, result.images) == (50, 0)
    assert {classified(request).validity for request in transport.requests} == {"invalid"}


def test_fuzzing_ends_after_max_seconds() -> None:
    transport = fake()
    assert explore(transport, Limits(max_seconds=0.0)).ended == MaxSeconds(0.0)
    assert transport.sent == []
    result = explore(transport, Limits(max_seconds=2.0))
    assert result.ended == MaxSeconds(2.0)
    assert result.fuzzed > 0


def test_five_workers_send_the_same_cases_as_one() -> None:
    one, five = fake(), fake()
    explore(one, Limits(max_requests=65))
    explore(five, Limits(max_requests=65), workers=5)
    assert sorted(one.sent) == sorted(five.sent)


def test_a_server_that_dies_ends_the_fuzzing_and_earlier_findings_are_kept() -> None:
    transport = fake(outcomes={"fuzz-1-7": [Response(500)]}, dies_after=200)
    result = explore(transport, Limits())
    killer = transport.sent[199]
    assert result.ended == ServerGone((killer,))
    assert {(it.requirement, it.state) for it in result.findings} == {
        ("IV-ERR-NO-5XX", "contradicted"),
        ("IV-STATE-RECOVERS", "blocked"),
    }
    assert killer in {it.exchange.label for it in result.observations}


def test_an_interruption_ends_the_fuzzing_without_findings() -> None:
    result = explore(fake(outcomes={"fuzz-1-9": [KeyboardInterrupt]}), Limits())
    assert (result.ended, result.fuzzed, result.findings) == (Interrupted(), 8, ())


def test_a_server_that_stops_working_ends_the_fuzzing_with_one_failure_reported() -> None:
    """The first failure may have broken the server, so later failures are no findings."""
    labels = [*(it.case.label for it in first_cases(1, 3)[20:]), *(f"fuzz-{number}-end" for number in (1, 2, 3))]
    result = explore(fake(outcomes={label: [Response(500)] for label in labels}), Limits())
    assert result.ended == ControlRefused()
    assert {it.requirement for it in result.findings} == {"IV-ERR-NO-5XX", "IV-STATE-RECOVERS"}
    assert result.fuzzed < 150


def test_a_server_that_keeps_limiting_the_rate_ends_the_fuzzing_without_findings() -> None:
    limited = Response(429, (("Retry-After", "100"),))
    result = explore(fake(outcomes={"fuzz-1-5": [limited]}), Limits())
    assert (result.ended, result.findings) == (RateLimited(), ())


def test_nothing_is_fuzzed_when_no_valid_request_of_the_plan_was_accepted() -> None:
    transport = fake()
    scheduler = Scheduler(transport, lambda *_: None)
    result = Explorer(CONTRACT, TARGET, 1, scheduler, BASE).explore([small(REFUSED)], [])
    assert (result.ended, transport.sent) == (NothingAccepted(), [])


# --- the explorer with the reference server


def test_the_reference_server_conforms_in_a_deep_run() -> None:
    with running(Service(api_key=KEY)) as server:
        settings = Settings(seed=1, depth="deep", max_requests=400, max_seconds=60)
        run = check(Target.parse(server.base_url, KEY), settings, lambda *_: None)
    assert run.headline == "Conforms to contract 1.1.0."
    assert run.explored is not None
    assert run.cost.requests == 400
    assert run.explored.fuzzed > 100
    assert run.explored.ended == MaxRequests(400)


def test_responses_of_fuzzing_are_not_kept_in_memory() -> None:
    """Otherwise a long run would use up its memory, and later responses would be discarded."""

    class Wordy(Service):
        async def respond(self, request: IncomingRequest) -> StarletteResponse:
            answer = await super().respond(request)
            # Larger than the free part of a body, and different each time.
            return StarletteResponse(
                bytes(answer.body) + b" " * (1 << 20), answer.status_code, media_type="application/json"
            )

    memory = Memory(70 << 20)
    with running(Wordy(api_key=KEY)) as server:
        target = Target.parse(server.base_url, KEY)
        scheduler = Scheduler(Transport(target, memory=memory), lambda *_: None, budget=Budget(Limits(max_requests=90)))
        result = Explorer(CONTRACT, target, 1, scheduler, BASE).explore([small()], [])
    assert memory.left == 70 << 20
    assert result.requests == 90
