"""What a deep run sends after its plan: the same for the same seed, within the limits, and with no false alarm."""

import hashlib
from collections import Counter
from itertools import islice
from typing import Any

import pytest
from attrs import evolve
from image_variations_conformance.contract.expectation import classify
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
from starlette.responses import Response as Answer
from support.fake_transport import FakeTransport
from support.requests import CONTRACT, KEY, TARGET, classified, observed

Outcome = Response | Failure | type[KeyboardInterrupt]
OK = Response(200, (("Content-Type", "application/json"),), b'{"created": 1, "data": [{"b64_json": "aWlp"}]}')
REFUSED = Response(
    400,
    (("Content-Type", "application/json"),),
    b'{"error": {"message": "image model n response_format size user", "type": "x", "param": null, "code": null}}',
)


@pytest.fixture(scope="module")
def stream() -> list[Fuzzed]:
    return taken(1, 4)


def taken(seed: int, number: int) -> list[Fuzzed]:
    return [it for _, batch in islice(batches(CONTRACT, TARGET, seed), number) for it in batch]


def digests(stream: list[Fuzzed]) -> list[tuple[str, str]]:
    return [(it.case.label, hashlib.sha256(it.case.request.head() + it.case.request.body).hexdigest()) for it in stream]


def test_the_same_seed_gives_the_same_stream(stream: list[Fuzzed]) -> None:
    """However much of it is taken."""
    again = digests(taken(1, 2))
    assert digests(stream)[: len(again)] == again
    assert digests(taken(2, 1))[1:] != digests(stream)[1 : len(digests(taken(2, 1)))]


def test_a_recipe_gives_the_same_bytes_again(stream: list[Fuzzed]) -> None:
    assert all(it.recipe.request(CONTRACT, TARGET) == it.case.request for it in stream)


def test_half_of_the_stream_is_valid_and_most_of_the_rest_has_one_thing_wrong(stream: list[Fuzzed]) -> None:
    verdicts = Counter(it.expectation.validity for it in stream)
    assert 0.4 < verdicts["valid"] / len(stream) < 0.65
    assert verdicts["unspecified"] > 10
    wrong = Counter(len(it.expectation.violations) for it in stream if it.expectation.validity == "invalid")
    assert wrong[1] > 2 * sum(count for violations, count in wrong.items() if violations > 1)


def test_the_stream_is_cheap(stream: list[Fuzzed]) -> None:
    """Next to one image a request that is to be accepted, and few of them large."""
    valid = [it for it in stream if it.expectation.requested is not None]
    assert sum(it.case.image_count for it in valid) < 2 * len(valid)
    assert sum(len(it.case.request.body) for it in stream) / len(stream) < 100_000


def test_what_the_stream_says_of_itself_is_what_its_bytes_say(stream: list[Fuzzed]) -> None:
    for it in stream:
        expectation = classify(it.case.request, CONTRACT, KEY)
        assert (it.expectation, it.case.image_count) == (expectation, expectation.image_count)


def test_a_request_on_which_the_contract_is_silent_costs_what_a_server_may_make_of_it(stream: list[Fuzzed]) -> None:
    open_ones = [it for it in stream if it.expectation.validity == "unspecified"]
    for it in open_ones:
        numbers = [int(value) for name, value in it.recipe.fields if name == "n" and value.isdigit()]
        assert it.case.image_count == max(numbers, default=1)


# --- the loop, on a transport whose outcomes are given


def by_contract(request: Request) -> Response:
    """Return the response of a server that keeps the contract."""
    requested = classified(request).requested
    if requested is None:
        return REFUSED
    items = b", ".join([b'{"b64_json": "aWlp"}'] * requested.n)
    return evolve(OK, body=b'{"created": 1, "data": [%b]}' % items)


def fake(**options: Any) -> FakeTransport:
    """Return a transport to such a server, but for the outcomes that are given."""
    return FakeTransport(TARGET, default=by_contract, seconds=0.1, **options)


def small(outcome: Response = OK) -> Observation:
    """Return what came of the small request in a plan."""
    case = probe(0, CONTRACT, TARGET, 1)
    return observed(Exchange("small", case.request, outcome, 1.0, 0.1))


def explored(play: FakeTransport, limits: Limits, workers: int = 1) -> Explored:
    """Fuzz a server of which the plan has shown that it takes the small request, and that nothing it says is right."""
    runner = Scheduler(play, lambda *_: None, lambda _: None, workers, Budget(limits))
    only = {"IV-ERR-NO-5XX", "IV-STATE-RECOVERS"}
    return Explorer(CONTRACT, TARGET, 1, runner, only).explore([small()], [])


@pytest.mark.parametrize("workers", [1, 7])
def test_the_limits_hold_exactly(workers: int) -> None:
    play = fake()
    result = explored(play, Limits(max_requests=100, max_images=30), workers)
    assert (len(play.sent), result.requests, result.images) == (100, 100, 30)
    assert result.ended == MaxRequests(100)


def test_where_no_image_is_left_the_fuzzing_goes_on_with_what_costs_none() -> None:
    play = fake()
    result = explored(play, Limits(max_requests=50, max_images=0))
    assert (result.requests, result.images) == (50, 0)
    assert {classified(request).validity for request in play.requests} == {"invalid"}


def test_the_time_is_a_limit_too() -> None:
    play = fake()
    assert explored(play, Limits(max_seconds=0.0)).ended == MaxSeconds(0.0)
    assert play.sent == []
    result = explored(play, Limits(max_seconds=0.5))
    assert result.ended == MaxSeconds(0.5)
    assert result.fuzzed > 20


def test_with_workers_the_same_is_sent() -> None:
    one, more = fake(), fake()
    explored(one, Limits(max_requests=65))
    explored(more, Limits(max_requests=65), workers=5)
    assert sorted(one.sent) == sorted(more.sent)


def test_a_server_that_dies_ends_it_and_what_was_judged_stands() -> None:
    play = fake(outcomes={"fuzz-1-7": [Response(500)]}, dies_after=200)
    result = explored(play, Limits())
    killer = play.sent[199]
    assert result.ended == ServerGone((killer,))
    assert {(it.requirement, it.result) for it in result.findings} == {
        ("IV-ERR-NO-5XX", "fail"),
        ("IV-STATE-RECOVERS", "not-tested"),
    }
    assert killer in {it.exchange.label for it in result.observations}


def test_an_interruption_ends_it_and_is_nobodys_fault() -> None:
    result = explored(fake(outcomes={"fuzz-1-9": [KeyboardInterrupt]}), Limits())
    assert (result.ended, result.fuzzed, result.findings) == (Interrupted(), 8, ())


def test_a_server_that_stops_working_is_reported_once_and_not_for_all_that_fails_then() -> None:
    """The first failure may be what broke it; the rest is not held against the requests."""
    labels = [*(it.case.label for it in taken(1, 3)[20:]), *(f"fuzz-{number}-end" for number in (1, 2, 3))]
    result = explored(fake(outcomes={label: [Response(500)] for label in labels}), Limits())
    assert result.ended == ControlRefused()
    assert {it.requirement for it in result.findings} == {"IV-ERR-NO-5XX", "IV-STATE-RECOVERS"}
    assert result.fuzzed < 150


def test_a_server_that_limits_the_rate_to_the_end_is_left_alone() -> None:
    limited = Response(429, (("Retry-After", "100"),))
    result = explored(fake(outcomes={"fuzz-1-5": [limited]}), Limits())
    assert (result.ended, result.findings) == (RateLimited(), ())


def test_where_the_plan_had_nothing_accepted_nothing_is_fuzzed() -> None:
    play = fake()
    runner = Scheduler(play, lambda *_: None)
    result = Explorer(CONTRACT, TARGET, 1, runner).explore([small(REFUSED)], [])
    assert (result.ended, play.sent) == (NothingAccepted(), [])


# --- on real servers


def test_the_reference_server_passes() -> None:
    with running(Service(api_key=KEY)) as server:
        settings = Settings(seed=1, depth="deep", max_requests=400, max_seconds=60)
        run = check(Target.parse(server.base_url, KEY), settings, lambda *_: None)
    assert run.headline == "Conforms."
    assert run.explored is not None
    assert run.cost.requests == 400
    assert run.explored.fuzzed > 100
    assert run.explored.ended == MaxRequests(400)


def test_answers_are_not_kept() -> None:
    """Or a long run would come to its limit of memory, and all answers after that would tell nothing."""

    class Wordy(Service):
        async def respond(self, request: IncomingRequest) -> Answer:
            answer = await super().respond(request)
            # Past what is free, and different each time.
            return Answer(bytes(answer.body) + b" " * (1 << 20), answer.status_code, media_type="application/json")

    memory = Memory(70 << 20)
    with running(Wordy(api_key=KEY)) as server:
        target = Target.parse(server.base_url, KEY)
        runner = Scheduler(Transport(target, memory=memory), lambda *_: None, budget=Budget(Limits(max_requests=90)))
        result = Explorer(CONTRACT, target, 1, runner).explore([small()], [])
    assert memory.left == 70 << 20
    assert result.requests == 90
