"""What a run may cost holds, whatever the server does, and what did not fit is said to be left out."""

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
from image_variations_conformance.reference.faults.catalogue import faulty
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

REFUSED = Response(400)
LIMITED = Response(429, (("Retry-After", "0"),))
TARGET = Target.parse("http://127.0.0.1/v1")


def case(label: str, image_count: int = 0, phase: str | None = None, parts: tuple[Case, ...] = ()) -> Case:
    request = Request("POST", "/v1", (("Content-Length", "0"),))
    return Case(label, "a note", request, Expectation(image_count=image_count), None, phase, parts)


def ran(play: FakeTransport, cases: Sequence[Case], limits: Limits | None = None, workers: int = 1) -> list[Exchange]:
    budget = Budget(limits or Limits())
    return Scheduler(play, lambda *_: None, lambda _: None, workers, budget).run(cases)


def left_out(exchanges: Sequence[Exchange]) -> list[str]:
    return [it.label for it in exchanges if isinstance(it.not_tested, Limited)]


CASES = st.lists(
    st.tuples(
        st.integers(0, 4), st.sampled_from([None, "a"]), st.lists(st.sampled_from([OK, REFUSED, LIMITED]), min_size=1)
    ),
    max_size=12,
)


@given(drawn=CASES, max_requests=st.integers(1, 12), max_images=st.integers(0, 12), workers=st.integers(1, 4))
def test_no_limit_is_ever_passed(
    drawn: list[tuple[int, str | None, list[Response]]], max_requests: int, max_images: int, workers: int
) -> None:
    cases = [case(f"c{at}", price, group) for at, (price, group, _) in enumerate(drawn)]
    prices = {it.label: it.image_count for it in cases}
    play = FakeTransport(TARGET, outcomes={f"c{at}": answers for at, (_, _, answers) in enumerate(drawn)})
    exchanges = ran(play, cases, Limits(max_requests, max_images), workers)
    assert len(play.sent) <= max_requests
    # The server here makes one image for what it accepts, and nothing is sent that could cost more than is left.
    accepted = [it.label for it in exchanges if it.response is OK]
    assert sum(min(1, prices[label]) for label in accepted) <= max_images
    assert {*play.sent} | {*left_out(exchanges)} == {*prices}
    assert [it.label for it in exchanges] == list(prices)


def test_a_packed_case_that_is_accepted_needs_no_other() -> None:
    play = FakeTransport(TARGET)
    exchanges = ran(play, [case("combined", 1, parts=(case("one", 1), case("two", 1))), case("next")])
    assert play.sent == ["combined", "next"] == [it.label for it in exchanges]


def test_a_packed_case_that_is_refused_is_followed_by_those_apart_from_it() -> None:
    play = FakeTransport(TARGET, outcomes={"combined": [REFUSED]})
    exchanges = ran(play, [case("combined", 1, parts=(case("one", 1), case("two", 1))), case("next")])
    assert play.sent == ["combined", "one", "two", "next"] == [it.label for it in exchanges]


def test_those_apart_cost_too() -> None:
    play = FakeTransport(TARGET, outcomes={"combined": [REFUSED]})
    exchanges = ran(play, [case("combined", 1, parts=(case("one", 1), case("two", 1)))], Limits(max_images=1))
    assert (play.sent, left_out(exchanges)) == (["combined", "one"], ["two"])


def test_a_group_is_sent_by_as_many_workers_as_there_are() -> None:
    play = FakeTransport(TARGET, barrier=threading.Barrier(4, timeout=10))
    exchanges = ran(play, [case(f"c{at}", phase="g") for at in range(8)], workers=4)
    assert {it.outcome for it in exchanges} == {OK}


def test_what_is_in_no_group_is_sent_alone() -> None:
    play = FakeTransport(TARGET)
    ran(play, [case("a"), case("b"), case("c")], workers=4)
    assert play.sent == ["a", "b", "c"]


def checked(app: ASGIApp, **settings: Any) -> Run:
    """Return the run on an app, with the limits of the depth unless others are given."""
    return judge_app(app, **{"max_requests": None, "max_images": None, **settings})


@pytest.mark.parametrize("workers", [1, 4])
def test_a_right_server_conforms_as_far_as_it_was_tested(workers: int) -> None:
    run = checked(Service(api_key=KEY), max_images=5, max_requests=60, workers=workers)
    assert run.cost.images <= 5
    assert run.cost.requests <= 60
    assert (run.outcome, verdicts(run, "fail", "warn")) == ("conforms", {})
    assert run.deselected > 5
    assert run.headline == f"Conforms, as far as that was tested: {run.deselected} requirements left out."


def test_what_the_server_kept_from_being_tested_is_not_put_down_to_a_limit() -> None:
    class Busy(Service):
        """Turns away, for a long time, whoever names a user."""

        def user(self, text: str | None) -> None:
            if text is not None:
                raise ApiError("Too busy.", status=429, headers={"Retry-After": "99"})

    run = checked(Busy(api_key=KEY), depth="quick")
    verdicts = {it.requirement.id: it for it in run.verdicts}
    assert verdicts["IV-USER-TEXT"].reason == RateLimited()
    assert verdicts["IV-USER-TEXT"].fails_the_run
    assert run.outcome == "fails"


def test_only_what_was_asked_for_is_judged_and_only_what_it_takes_is_sent() -> None:
    run = checked(faulty(["n-eleven-accepted", "error-as-text"], api_key=KEY), only=frozenset({"IV-N-BOUNDS"}))
    assert set(verdicts(run, "fail", "warn")) == {"IV-N-BOUNDS"}
    assert run.cost.requests < 20


@define
class TakesAll:
    """Answers whatever comes with two images, as mock servers do; it counts them."""

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
def test_a_server_that_takes_wrong_requests_makes_no_more_images_than_the_limit(max_images: int, workers: int) -> None:
    app = TakesAll()
    run = checked(app, max_images=max_images, workers=workers)
    assert run.cost.images == app.images <= max_images
    assert any(isinstance(it.reason, InvalidCostsImage) for it in run.verdicts) or max_images == 50


def test_a_server_that_takes_wrong_requests_is_still_asked_right_ones() -> None:
    """Each requirement is seen broken once, and the images that are left go to what is not known yet."""
    run = checked(TakesAll(), max_images=50)
    refusals = {"IV-IMAGE-REQUIRED", "IV-IMAGE-FORMAT", "IV-IMAGE-INTACT", "IV-IMAGE-SQUARE", "IV-IMAGE-MAX-BYTES"}
    refusals |= {"IV-N-BOUNDS", "IV-N-INTEGER", "IV-SIZE-UNKNOWN", "IV-FORMAT-UNKNOWN", "IV-MODEL-UNKNOWN"}
    assert verdicts(run, "fail").keys() >= refusals | {"IV-OP-MULTIPART", "IV-AUTH-REQUIRED", "IV-AUTH-WRONG"}
    assert verdicts(run, "pass").keys() >= {"IV-IMAGE-PNG", "IV-SIZE-ENUM", "IV-USER-TEXT", "IV-WIRE-CHUNKED"}
    assert InvalidAccepted("image-none", 50) in {it.exchange.not_tested for it in run.observations.values()}
    assert run.headline.endswith(f"{run.deselected} left out.")
    # Nothing is put down to what would only have shown the same again.
    assert not any(isinstance(it.reason, InvalidAccepted) for it in run.verdicts)
    assert run.deselected == sum(it.result == "not-tested" for it in run.verdicts) - 2  # two are never judged


def test_a_few_wrong_requests_that_are_taken_leave_nothing_out() -> None:
    run = checked(faulty(["letter-case-ignored"], api_key=KEY))
    assert set(verdicts(run, "fail", "warn")) == {"IV-ENUM-CASE"}
    assert all(it.exchange.failure is None for it in run.observations.values())


def test_workers_find_what_one_finds() -> None:
    runs = [checked(faulty(["n-capped"], api_key=KEY), workers=workers) for workers in (1, 4)]
    one, four = ((verdicts(run, "fail", "warn").keys(), run.cost.images) for run in runs)
    assert one == four


def test_the_cases_of_a_check_are_those_of_its_dry_run() -> None:
    settings = Settings(seed=7, depth="quick")
    with running(Service(api_key=KEY)) as server:
        target = Target.parse(server.base_url, KEY)
        run = check(target, settings, lambda *_: None)
        assert list(run.observations) == [it.label for it in cases_of(target, settings)]


def test_a_limited_run_of_a_correct_server_conforms_whatever_words_a_header_holds() -> None:
    """The reason for what was left out speaks of requests, and so does the header."""
    run = judge_app(Service(api_key=KEY), headers=(("X-Client", "requests"),), max_requests=20)
    assert (run.outcome, verdicts(run, "fail")) == ("conforms", {})
    assert {it.reason for it in run.verdicts if it.deselected} == {MaxRequests(20)}


def test_a_run_ends_when_its_seconds_are_over_whatever_it_waits_for() -> None:
    """The links of the server are answered after a minute, and so is every third request."""
    link = f'{{"created": {int(time.time())}, "data": [{{"url": "%s/%d.png"}}]}}'
    with scripted_server() as server:
        numbers = itertools.count()

        def play(peer: Peer) -> None:
            hear_request(peer)
            if peer.heard.startswith(b"GET /v1"):
                peer.socket.sendall(answer(405))
            elif peer.heard.startswith(b"POST") and (number := next(numbers)) % 3 != 2:
                body = (link % (server.origin, number)).encode()
                peer.socket.sendall(answer(200, body, "Content-Type: application/json"))
            else:
                hold(peer)

        server.scripts = [(play,)]
        started = time.monotonic()
        run = judge_url(server.base_url, max_seconds=1.5, timeout=60.0)
    assert time.monotonic() - started < 4
    assert "IV-URL-FETCH" not in verdicts(run, "pass", "fail")
    reasons = {it.requirement.id: it.reason for it in run.verdicts}
    assert reasons["IV-URL-FETCH"] == MaxSeconds(1.5)
    assert run.cost.requests == sum(heard.startswith(b"POST") or b"GET /v1" in heard for heard in server.heard)


def test_no_more_links_are_followed_in_a_run_than_its_depth_has() -> None:
    """The server gives ten new links for each request, whatever n it has."""
    with scripted_server() as server:
        numbers = itertools.count()

        def play(peer: Peer) -> None:
            hear_request(peer)
            links = [{"url": f"{server.origin}/{next(numbers)}.png"} for _ in range(10)]
            body = json.dumps({"created": int(time.time()), "data": links}).encode()
            peer.socket.sendall(answer(200, body, "Content-Type: application/json"))

        server.scripts = [(play,)]
        run = judge_url(server.base_url, depth="quick")
    followed = sum(b".png HTTP" in heard for heard in server.heard)
    assert followed == DEPTH_PROFILES["quick"].max_fetches
    assert {it.reason for it in run.verdicts if it.requirement.id == "IV-URL-FETCH"} <= {MaxFetches(followed), None}
