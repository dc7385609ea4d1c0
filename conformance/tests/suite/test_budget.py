"""A run keeps its limits whatever the server does, and reports the requirements that the limits left untested."""

import itertools
import json
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.case import Case
from image_variations_conformance.cases.plan import DEPTH_PROFILES
from image_variations_conformance.contract.expectation import Expectation
from image_variations_conformance.engine.budget import Budget, Limits
from image_variations_conformance.engine.check import Settings, cases_of, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import faulty
from image_variations_conformance.wire.exchange import Exchange, Request, Response
from image_variations_conformance.wire.reasons import (
    InvalidAccepted,
    InvalidCostsImage,
    Limited,
    MaxFetches,
    MaxRequests,
    MaxSeconds,
    RateLimited,
)
from image_variations_conformance.wire.target import Target
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from support.fake_transport import OK, FakeTransport
from support.judging import KEY, judge_app, judge_url, verdicts
from support.loopback import Peer, answer, hear_request, hold, scripted_server

pytestmark = pytest.mark.slow

REFUSED = Response(400)
LIMITED = Response(429, (("Retry-After", "0"),))
TARGET = Target.parse("http://127.0.0.1/v1")


def case(label: str, image_count: int = 0, phase: str | None = None, parts: tuple[Case, ...] = ()) -> Case:
    request = Request("POST", "/v1", (("Content-Length", "0"),))
    return Case(label, "a note", request, Expectation(image_count=image_count), None, phase, parts)


def run_cases(
    transport: FakeTransport, cases: Sequence[Case], limits: Limits | None = None, workers: int = 1
) -> list[Exchange]:
    budget = Budget(limits or Limits())
    return Scheduler(transport, lambda *_: None, lambda _: None, workers, budget).run(cases)


def labels_left_out(exchanges: Sequence[Exchange]) -> list[str]:
    return [it.label for it in exchanges if isinstance(it.not_tested, Limited)]


CASES = st.lists(
    st.tuples(
        st.integers(0, 4), st.sampled_from([None, "a"]), st.lists(st.sampled_from([OK, REFUSED, LIMITED]), min_size=1)
    ),
    max_size=12,
)


@given(drawn_cases=CASES, max_requests=st.integers(1, 12), max_images=st.integers(0, 12), workers=st.integers(1, 4))
def test_requests_and_images_stay_within_their_limits(
    drawn_cases: list[tuple[int, str | None, list[Response]]], max_requests: int, max_images: int, workers: int
) -> None:
    cases = [case(f"c{number}", image_count, phase) for number, (image_count, phase, _) in enumerate(drawn_cases)]
    image_counts = {it.label: it.image_count for it in cases}
    transport = FakeTransport(
        TARGET, outcomes={f"c{number}": responses for number, (_, _, responses) in enumerate(drawn_cases)}
    )
    exchanges = run_cases(transport, cases, Limits(max_requests, max_images), workers)
    assert len(transport.sent) <= max_requests
    # A response of the fake transport has one image, and no case is sent that may need more images than are left.
    accepted = [it.label for it in exchanges if it.response is OK]
    assert sum(min(1, image_counts[label]) for label in accepted) <= max_images
    assert {*transport.sent} | {*labels_left_out(exchanges)} == {*image_counts}
    assert [it.label for it in exchanges] == list(image_counts)


def test_an_accepted_combined_case_is_not_followed_by_its_parts() -> None:
    transport = FakeTransport(TARGET)
    exchanges = run_cases(transport, [case("combined", 1, parts=(case("one", 1), case("two", 1))), case("next")])
    assert transport.sent == ["combined", "next"] == [it.label for it in exchanges]


def test_a_refused_combined_case_is_followed_by_its_parts() -> None:
    transport = FakeTransport(TARGET, outcomes={"combined": [REFUSED]})
    exchanges = run_cases(transport, [case("combined", 1, parts=(case("one", 1), case("two", 1))), case("next")])
    assert transport.sent == ["combined", "one", "two", "next"] == [it.label for it in exchanges]


def test_the_parts_of_a_combined_case_count_against_the_image_limit() -> None:
    transport = FakeTransport(TARGET, outcomes={"combined": [REFUSED]})
    exchanges = run_cases(
        transport, [case("combined", 1, parts=(case("one", 1), case("two", 1)))], Limits(max_images=1)
    )
    assert (transport.sent, labels_left_out(exchanges)) == (["combined", "one"], ["two"])


def test_as_many_cases_of_a_phase_as_there_are_workers_are_sent_at_once() -> None:
    transport = FakeTransport(TARGET, barrier=threading.Barrier(4, timeout=10))
    exchanges = run_cases(transport, [case(f"c{number}", phase="g") for number in range(8)], workers=4)
    assert {it.outcome for it in exchanges} == {OK}


def test_cases_without_a_phase_are_sent_in_order_by_several_workers() -> None:
    transport = FakeTransport(TARGET)
    run_cases(transport, [case("a"), case("b"), case("c")], workers=4)
    assert transport.sent == ["a", "b", "c"]


def judged_run(app: ASGIApp, **settings: Any) -> Run:
    """Return the run on an app, by default with the limits of the depth."""
    return judge_app(app, **{"max_requests": None, "max_images": None, **settings})


@pytest.mark.parametrize("workers", [1, 4])
def test_a_limited_run_of_a_correct_server_conforms_as_far_as_tested(workers: int) -> None:
    run = judged_run(Service(api_key=KEY), max_images=5, max_requests=60, workers=workers)
    assert run.cost.images <= 5
    assert run.cost.requests <= 60
    assert (run.outcome, verdicts(run, "fail", "warn")) == ("conforms", {})
    assert run.deselected > 5
    assert run.headline == f"Conforms, as far as that was tested: {run.deselected} requirements left out."


def test_a_requirement_that_rate_limiting_left_untested_fails_the_run() -> None:
    class Busy(Service):
        """Responds with 429 to requests with the field user, and asks for a longer wait than the suite accepts."""

        def user(self, text: str | None) -> None:
            if text is not None:
                raise ApiError("Too busy.", status=429, headers={"Retry-After": "99"})

    run = judged_run(Busy(api_key=KEY), depth="quick")
    verdicts = {it.requirement.id: it for it in run.verdicts}
    assert verdicts["IV-USER-TEXT"].reason == RateLimited()
    assert verdicts["IV-USER-TEXT"].fails_the_run
    assert run.outcome == "fails"


def test_only_the_selected_requirement_is_judged_and_only_its_cases_are_sent() -> None:
    run = judged_run(faulty(["n-eleven-accepted", "error-as-text"], api_key=KEY), only=frozenset({"IV-N-BOUNDS"}))
    assert set(verdicts(run, "fail", "warn")) == {"IV-N-BOUNDS"}
    assert run.cost.requests < 20


@define
class AcceptsEverything:
    """Responds to every request with two images, as mock servers do, and counts them."""

    images: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            while (await receive()).get("more_body"):
                pass
            self.images += 2
            data = [{"url": f"https://127.0.0.1:1/{self.images + number}.png"} for number in range(2)]
            await JSONResponse({"created": int(time.time()), "data": data})(scope, receive, send)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("max_images", [50, 20])
def test_a_server_that_accepts_invalid_requests_makes_no_more_images_than_the_limit(
    max_images: int, workers: int
) -> None:
    app = AcceptsEverything()
    run = judged_run(app, max_images=max_images, workers=workers)
    assert run.cost.images == app.images <= max_images
    assert any(isinstance(it.reason, InvalidCostsImage) for it in run.verdicts) or max_images == 50


def test_a_server_that_accepts_invalid_requests_is_still_sent_valid_ones() -> None:
    """Each requirement on refusals is found violated once; the images left over are used for valid requests."""
    run = judged_run(AcceptsEverything(), max_images=50)
    refusals = {"IV-IMAGE-REQUIRED", "IV-IMAGE-FORMAT", "IV-IMAGE-INTACT", "IV-IMAGE-SQUARE", "IV-IMAGE-MAX-BYTES"}
    refusals |= {"IV-N-BOUNDS", "IV-N-INTEGER", "IV-SIZE-UNKNOWN", "IV-FORMAT-UNKNOWN", "IV-MODEL-UNKNOWN"}
    assert verdicts(run, "fail").keys() >= refusals | {"IV-OP-MULTIPART", "IV-AUTH-REQUIRED", "IV-AUTH-WRONG"}
    assert verdicts(run, "pass").keys() >= {"IV-IMAGE-PNG", "IV-SIZE-ENUM", "IV-USER-TEXT", "IV-WIRE-CHUNKED"}
    assert InvalidAccepted("image-none", 50) in {it.exchange.not_tested for it in run.observations.values()}
    assert run.headline.endswith(f"{run.deselected} left out.")
    # No requirement is untested because of a request that would only have repeated a known violation.
    assert not any(isinstance(it.reason, InvalidAccepted) for it in run.verdicts)
    assert run.deselected == sum(it.result == "not-tested" for it in run.verdicts) - 2  # two are never judged


def test_ignored_letter_case_is_the_only_violation_and_no_exchange_fails() -> None:
    run = judged_run(faulty(["letter-case-ignored"], api_key=KEY))
    assert set(verdicts(run, "fail", "warn")) == {"IV-ENUM-CASE"}
    assert all(it.exchange.failure is None for it in run.observations.values())


def test_four_workers_find_the_same_violations_with_the_same_number_of_images_as_one() -> None:
    runs = [judged_run(faulty(["n-capped"], api_key=KEY), workers=workers) for workers in (1, 4)]
    one, four = ((verdicts(run, "fail", "warn").keys(), run.cost.images) for run in runs)
    assert one == four


def test_a_check_sends_the_cases_of_its_dry_run() -> None:
    settings = Settings(seed=7, depth="quick")
    with running(Service(api_key=KEY)) as server:
        target = Target.parse(server.base_url, KEY)
        run = check(target, settings, lambda *_: None)
        assert list(run.observations) == [it.label for it in cases_of(target, settings)]


def test_a_limited_run_conforms_when_the_value_of_a_user_header_occurs_in_the_reason() -> None:
    """The reason for the untested requirements contains "requests", and so does the header."""
    run = judge_app(Service(api_key=KEY), headers=(("X-Client", "requests"),), max_requests=20)
    assert (run.outcome, verdicts(run, "fail")) == ("conforms", {})
    assert {it.reason for it in run.verdicts if it.deselected} == {MaxRequests(20)}


def test_max_seconds_ends_a_run_that_is_waiting_for_responses() -> None:
    """The server never responds to a link, nor to every third POST request."""
    link = f'{{"created": {int(time.time())}, "data": [{{"url": "%s/%d.png"}}]}}'
    with scripted_server() as server:
        numbers = itertools.count()

        def respond(peer: Peer) -> None:
            hear_request(peer)
            if peer.heard.startswith(b"GET /v1"):
                peer.socket.sendall(answer(405))
            elif peer.heard.startswith(b"POST") and (number := next(numbers)) % 3 != 2:
                body = (link % (server.origin, number)).encode()
                peer.socket.sendall(answer(200, body, "Content-Type: application/json"))
            else:
                hold(peer)

        server.scripts = [(respond,)]
        started = time.monotonic()
        run = judge_url(server.base_url, max_seconds=1.5, timeout=60.0)
    assert time.monotonic() - started < 10
    assert "IV-URL-FETCH" not in verdicts(run, "pass", "fail")
    reasons = {it.requirement.id: it.reason for it in run.verdicts}
    assert reasons["IV-URL-FETCH"] == MaxSeconds(1.5)
    assert run.cost.requests == sum(heard.startswith(b"POST") or b"GET /v1" in heard for heard in server.heard)


def test_a_run_follows_at_most_the_number_of_links_of_its_depth() -> None:
    """Each response has ten new links, whatever n is."""
    with scripted_server() as server:
        numbers = itertools.count()

        def respond(peer: Peer) -> None:
            hear_request(peer)
            links = [{"url": f"{server.origin}/{next(numbers)}.png"} for _ in range(10)]
            body = json.dumps({"created": int(time.time()), "data": links}).encode()
            peer.socket.sendall(answer(200, body, "Content-Type: application/json"))

        server.scripts = [(respond,)]
        run = judge_url(server.base_url, depth="quick")
    followed = sum(b".png HTTP" in heard for heard in server.heard)
    assert followed == DEPTH_PROFILES["quick"].max_fetches
    assert {it.reason for it in run.verdicts if it.requirement.id == "IV-URL-FETCH"} <= {MaxFetches(followed), None}
