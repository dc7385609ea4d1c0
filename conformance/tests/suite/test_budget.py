"""A run keeps its limits whatever the server does, and reports the requirements that the limits left untested."""

import itertools
import json
import re
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import define, evolve
from hypothesis import given
from hypothesis import strategies as st
from image_variations_conformance.cases.case import Case
from image_variations_conformance.cases.changes import SAME_IMAGE
from image_variations_conformance.cases.plan import DEPTH_PROFILES
from image_variations_conformance.contract.expectation import Expectation, Violation
from image_variations_conformance.engine.budget import Budget, Limits
from image_variations_conformance.engine.check import Settings, check, plan_of
from image_variations_conformance.engine.run import Run
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.incoming import IncomingRequest
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.app.variations import VariationMaker
from image_variations_conformance.reference.variants import faulty
from image_variations_conformance.wire.exchange import Exchange, Request, Response
from image_variations_conformance.wire.reasons import (
    Deselected,
    InvalidAccepted,
    InvalidCostsImage,
    Limited,
    MakesAsMany,
    MaxFetches,
    MaxImages,
    MaxRequests,
    MaxSeconds,
    NotSeen,
    RateLimited,
    RequestsRepeated,
    TooManyImages,
    Unexplained,
)
from image_variations_conformance.wire.target import Target
from starlette.responses import JSONResponse
from starlette.responses import Response as StarletteResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from support.fake_transport import OK, FakeTransport
from support.judging import KEY, judge_app, judge_url, verdicts
from support.loopback import Peer, answer, hear_request, hold, scripted_server
from support.profiles import effective

pytestmark = pytest.mark.slow

REFUSED = Response(400)
LIMITED = Response(429, (("Retry-After", "0"),))
TARGET = Target.parse("http://127.0.0.1/v1")


def case(label: str, image_count: int = 0, violated: str = "", together: str | None = None) -> Case:
    request = Request("POST", "/v1", (("Content-Length", "0"),))
    violations = tuple(Violation(name, None, "wrong") for name in violated.split())
    expectation = Expectation(violations=violations, image_count=image_count)
    return Case(label, "a note", request, expectation, concurrent_with=together)


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
    cases = [
        case(f"c{number}", image_count, together=together)
        for number, (image_count, together, _) in enumerate(drawn_cases)
    ]
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


@given(st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=12), st.integers(0, 30))
def test_no_other_case_takes_an_image_that_is_set_aside(drawn_cases: list[tuple[int, bool]], max_images: int) -> None:
    cases = [(case(str(number), images), mine) for number, (images, mine) in enumerate(drawn_cases)]
    reserve = {it.label: it.image_count for it, mine in cases if mine}
    budget = Budget(Limits(max_images=max_images))
    budget.set_aside(reserve)
    for it, mine in cases:
        needed = it.image_count + (0 if mine else sum(reserve.values()))
        expected = None if budget.images + needed <= max_images else MaxImages
        refusal = budget.refusal(it)
        assert refusal is None if expected is None else isinstance(refusal, expected)
        reserve.pop(it.label, None)
        if refusal is None:
            budget.settle(it, it.image_count)
    assert budget.images <= max_images


def test_images_that_a_refused_case_did_not_cost_are_free_again() -> None:
    budget = Budget(Limits(max_images=2))
    assert budget.refusal(case("a", 2)) is None
    assert budget.refusal(case("b", 1)) == MaxImages(2, 0, 1)
    budget.settle(case("a", 2), 0)
    assert budget.refusal(case("b", 2)) is None


def test_a_server_that_makes_more_images_than_requested_is_expected_to_go_on_so() -> None:
    budget = Budget(Limits(max_images=10))
    assert budget.refusal(case("a", 1)) is None
    budget.settle(case("a", 1), 4)
    assert budget.refusal(case("b", 3)) is None
    assert budget.images == 4 + 6
    assert budget.refusal(case("c", 1)) == MaxImages(10, 0, 4)


def test_of_invalid_requests_that_cost_images_one_for_each_set_of_violations_may_take_images_set_aside() -> None:
    budget = Budget(Limits(max_images=4))
    budget.set_aside({"must": 2})
    for label, violated in (("a", "IV-N-BOUNDS"), ("b", "IV-SIZE-UNKNOWN")):
        assert budget.refusal(case(label, violated=violated)) is None
        budget.settle(case(label, violated=violated), 1)
    assert budget.refusal(case("again", violated="IV-N-BOUNDS")) == InvalidAccepted("a", 4)
    assert budget.refusal(case("new", violated="IV-MODEL-UNKNOWN")) is None
    assert budget.refusal(case("newer", violated="IV-IMAGE-REQUIRED")) is None
    assert budget.refusal(case("newest", violated="IV-FORMAT-UNKNOWN")) == InvalidCostsImage(4)


def test_the_image_of_the_last_case_is_taken_by_no_other_even_after_more_images_than_expected() -> None:
    budget = Budget(Limits(max_images=8))
    budget.set_aside({"alike": 1, "last": 1}, last="last")
    assert budget.refusal(case("n-eleven", violated="IV-N-BOUNDS")) is None
    budget.settle(case("n-eleven", violated="IV-N-BOUNDS"), 7)
    assert budget.refusal(case("new", violated="IV-MODEL-UNKNOWN")) == InvalidCostsImage(8)
    assert budget.refusal(case("alike", 1)) == MaxImages(8, 0, 1)
    assert budget.refusal(case("last", 1)) is None


def test_where_limited_requests_used_up_the_budget_the_server_is_the_reason() -> None:
    budget = Budget(Limits(max_requests=2))
    assert (budget.refusal(case("a")), budget.retry_refusal()) == (None, None)
    assert budget.refusal(case("b")) == RequestsRepeated(2)
    assert not RequestsRepeated(2).chosen


def test_as_many_cases_as_there_are_workers_are_sent_at_once() -> None:
    transport = FakeTransport(TARGET, barrier=threading.Barrier(4, timeout=10))
    exchanges = run_cases(transport, [case(f"c{number}") for number in range(8)], workers=4)
    assert {it.outcome for it in exchanges} == {OK}


def test_one_worker_sends_cases_in_order() -> None:
    transport = FakeTransport(TARGET)
    run_cases(transport, [case("a"), case("b"), case("c")])
    assert transport.sent == ["a", "b", "c"]


def judged_run(app: ASGIApp, **settings: Any) -> Run:
    """Return the run on an app, by default with the limits of the depth."""
    return judge_app(app, **{"max_requests": None, "max_images": None, **settings})


@pytest.mark.parametrize("seed", range(2))
def test_the_plan_of_a_standard_run_of_a_right_server_takes_few_requests_images_and_links(seed: int) -> None:
    """Four neighbouring seeds ask for all numbers of images."""
    run = judged_run(CountingService(api_key=KEY), seed=seed, max_seconds=0)
    assert (run.outcome, run.campaign) == ("conforms", None)
    assert (run.cost.requests <= 250, run.cost.images <= 60, run.cost.fetches <= 60) == (True, True, True)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(("max_images", "max_requests"), [(0, 60), (5, 60), (40, 999)])
def test_a_limited_run_of_a_correct_server_is_incomplete_by_choice(
    max_images: int, max_requests: int, workers: int
) -> None:
    service = CountingService(api_key=KEY)
    run = judged_run(service, max_images=max_images, max_requests=max_requests, workers=workers)
    assert run.cost.images == service.images <= max_images
    assert run.cost.requests == service.requests <= max_requests
    assert (run.outcome, run.exit_code, verdicts(run, "fail", "warn")) == ("incomplete", 0, {})
    assert run.deselected > 5
    assert evolve(run, require_complete=True).exit_code == 1
    assert re.match(r"Incomplete: no requirement of contract .* but \d+ requirements were left out", run.headline)


def test_what_must_hold_at_the_end_of_a_run_has_its_images_set_aside() -> None:
    """The quick plan has more valid requests than this limit allows, those of SHOULDs and open ones among them."""
    run = judged_run(Service(api_key=KEY), depth="quick", max_images=14)
    assert verdicts(run, "pass").keys() >= {"IV-STATE-INDEPENDENT", "IV-STATE-CONNECTION"}
    left_out = {name for name in run.cases if isinstance(run.observations[name].exchange.not_tested, MaxImages)}
    assert left_out
    assert all(name.startswith(("should-", "open-", "odd-")) for name in left_out)


@pytest.mark.parametrize(
    ("max_images", "fault", "requirement"),
    [(18, "file-name-quote-refused", "IV-WIRE-FILENAME"), (40, "boundary-signs-refused", "IV-WIRE-BOUNDARY")],
)
def test_a_refused_valid_request_that_no_image_is_left_to_explain_is_no_choice_of_the_user(
    max_images: int, fault: str, requirement: str
) -> None:
    run = judged_run(faulty([fault], api_key=KEY), max_images=max_images)
    (found,) = (it for it in run.verdicts if it.requirement.id == requirement)
    assert (found.result, found.reason) == ("not-tested", Unexplained())
    assert (run.outcome, run.exit_code, verdicts(run, "fail")) == ("incomplete", 1, {})


class CountingService(Service):
    """A correct server that counts the requests and the images that it makes."""

    requests = images = 0

    async def respond(self, request: IncomingRequest) -> StarletteResponse:
        self.requests += request.scope["path"].endswith("/images/variations")
        return await super().respond(request)

    def make_one(self, maker: VariationMaker) -> bytes:
        self.images += 1
        return super().make_one(maker)


class BusyWithUsers(Service):
    """Responds with 429 to requests with the field user, and asks for a longer wait than the suite accepts."""

    def user(self, text: str | None) -> None:
        if text is not None:
            raise ApiError("Too busy.", status=429, headers={"Retry-After": "99"})


def test_a_value_that_the_server_limits_is_not_tested_and_the_run_incomplete_because_of_the_server() -> None:
    run = judged_run(BusyWithUsers(api_key=KEY), depth="quick")
    found = {it.requirement.id: it for it in run.verdicts}
    assert (found["IV-USER-TEXT"].result, found["IV-USER-TEXT"].reason) == ("not-tested", RateLimited())
    # The control is not limited, so the run goes on.
    assert found["IV-N-BOUNDS"].result in {"pass", "partial"}
    assert found["IV-STATE-INDEPENDENT"].result == "pass"
    assert (run.outcome, run.exit_code) == ("incomplete", 1)


def test_a_server_that_limits_every_request_is_incomplete_and_is_sent_few() -> None:
    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await StarletteResponse(status_code=429, headers={"Retry-After": "99"})(scope, receive, send)

    run = judged_run(busy)
    assert (run.outcome, run.exit_code, set(verdicts(run, "pass", "fail"))) == (
        "incomplete",
        1,
        {"IV-LIMIT-RETRY-AFTER"},
    )


def test_a_selected_requirement_that_the_server_limits_is_incomplete_because_of_the_server() -> None:
    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await StarletteResponse(status_code=503, headers={"Retry-After": "99"})(scope, receive, send)

    run = judged_run(busy, only=frozenset({"IV-N-DEFAULT"}))
    (reason,) = (it.reason for it in run.verdicts if it.requirement.id == "IV-N-DEFAULT")
    assert (reason, run.outcome, run.exit_code) == (RateLimited(), "incomplete", 1)


def test_only_the_selected_requirement_is_judged_and_only_its_cases_are_sent() -> None:
    run = judged_run(faulty(["n-eleven-accepted", "error-as-text"], api_key=KEY), only=frozenset({"IV-N-BOUNDS"}))
    assert set(verdicts(run, "fail", "warn")) == {"IV-N-BOUNDS"}
    assert {it.requirement.id for it in run.verdicts if it.reason != Deselected()} == {"IV-N-BOUNDS"}
    assert (run.cost.requests < 20, run.cost.images < 20) == (True, True)


def test_a_correct_server_is_incomplete_by_choice_where_only_some_requirements_are_judged() -> None:
    run = judged_run(Service(api_key=KEY), only=frozenset({"IV-N-BOUNDS", "IV-USER-TEXT"}))
    assert verdicts(run, "pass").keys() == {"IV-N-BOUNDS", "IV-USER-TEXT"}
    assert (run.outcome, run.exit_code, evolve(run, require_complete=True).exit_code) == ("incomplete", 0, 1)


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
@pytest.mark.parametrize("max_images", [50, 21, 20, 0])
def test_a_server_that_accepts_invalid_requests_makes_no_images_beyond_the_limit_that_could_be_foreseen(
    max_images: int, workers: int
) -> None:
    """Its response to the first invalid request is unforeseen, and so those to others that are under way."""
    app = AcceptsEverything()
    run = judged_run(app, max_images=max_images, workers=workers)
    assert run.cost.images == app.images <= max_images + 2 * workers
    assert run.outcome == "fails" or max_images == 0


def test_a_server_that_accepts_invalid_requests_is_still_sent_valid_ones() -> None:
    """Each requirement on refusals is found violated once; the images left over are used for valid requests."""
    run = judged_run(AcceptsEverything(), max_images=120)
    refusals = {"IV-IMAGE-REQUIRED", "IV-IMAGE-FORMAT", "IV-IMAGE-INTACT", "IV-IMAGE-SQUARE", "IV-IMAGE-MAX-BYTES"}
    refusals |= {"IV-N-BOUNDS", "IV-N-INTEGER", "IV-SIZE-UNKNOWN", "IV-FORMAT-UNKNOWN", "IV-MODEL-UNKNOWN"}
    assert verdicts(run, "fail").keys() >= refusals | {"IV-OP-MULTIPART", "IV-AUTH-REQUIRED", "IV-AUTH-WRONG"}
    assert verdicts(run, "pass").keys() >= {"IV-IMAGE-PNG", "IV-SIZE-ENUM", "IV-USER-TEXT", "IV-WIRE-CHUNKED"}
    assert any(isinstance(it.exchange.not_tested, InvalidAccepted) for it in run.observations.values())
    # Only what refusals show is untested because of a request that would only have repeated a known violation.
    refusals = {it.requirement.id for it in run.verdicts if isinstance(it.reason, InvalidAccepted)}
    assert refusals <= {"IV-OP-METHOD-405", "IV-OP-MULTIPART-STATUS"} | {
        it for it in run.contract.requirements if "ERR" in it
    }


def test_ignored_letter_case_is_the_only_violation_and_no_exchange_fails() -> None:
    run = judged_run(faulty(["letter-case-ignored"], api_key=KEY))
    assert set(verdicts(run, "fail", "warn")) == {"IV-ENUM-CASE"}
    assert all(it.exchange.failure is None for it in run.observations.values())


def test_four_workers_find_the_same_violations_with_the_same_number_of_images_as_one() -> None:
    runs = [judged_run(faulty(["n-capped"], api_key=KEY), workers=workers) for workers in (1, 4)]
    one, four = ((verdicts(run, "fail", "warn").keys(), run.cost.images) for run in runs)
    assert one == four


def test_a_check_sends_every_case_of_its_dry_run_that_is_not_left_out() -> None:
    settings = Settings(seed=7)
    with running(Service(api_key=KEY)) as server:
        target = Target.parse(server.base_url, KEY)
        run = check(target, settings, lambda *_: None)
    plan = plan_of(target, settings)
    assert {row.label for row in (*plan.refusals, *plan.open_cases)} <= run.observations.keys()
    sent = [probe.item for case in run.cases.values() for probe in case.probes]
    assert set(sent) - {SAME_IMAGE} == {it.item for it in (*plan.must_probes, *plan.should_probes, *plan.open_probes)}


def test_a_limited_run_is_incomplete_by_choice_when_the_value_of_a_user_header_occurs_in_the_reason() -> None:
    """The reason for the untested requirements contains "requests", and so does the header."""
    run = judge_app(Service(api_key=KEY), headers=(("X-Client", "requests"),), max_requests=20)
    assert (run.outcome, run.exit_code, verdicts(run, "fail")) == ("incomplete", 0, {})
    assert {it.reason for it in run.verdicts if it.deselected} - {NotSeen()} == {MaxRequests(20)}


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


def test_a_server_without_a_maximum_of_n_is_asked_for_eleven_images_and_no_more_at_any_depth() -> None:
    with running(Service(api_key=KEY, contract=effective(max_n="unlimited"))) as server:
        run = judge_url(server.base_url)
    (bounds,) = (it for it in run.verdicts if it.requirement.id == "IV-N-BOUNDS")
    assert [item.name for item in bounds.items if item.state == "contradicted"] == ["n-eleven"]
    assert {item.reason for item in bounds.items if item.state == "blocked"} == {MakesAsMany("n-eleven")}
    assert max(it.exchange.image_count for it in run.observations.values()) == 11


def test_links_that_are_kept_back_are_followed_once_they_are_released() -> None:
    budget = Budget(Limits(max_fetches=3), fetches_kept_back=2)
    assert [budget.fetch_refusal() for _ in range(2)] == [None, MaxFetches(3)]
    budget.fetches_kept_back = 0
    assert [budget.fetch_refusal() for _ in range(3)] == [None, None, MaxFetches(3)]


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


@pytest.mark.parametrize("limits", [Limits(), Limits(max_images=10**12)])
def test_no_request_is_granted_for_which_a_server_may_make_more_than_a_hundred_images(limits: Limits) -> None:
    budget = Budget(limits)
    request = Request("POST", "/v1/images/variations", ())
    many = Case("many", "", request, Expectation(image_count=101))
    assert budget.refusal(many) == TooManyImages(101)
    assert (budget.requests, budget.images) == (0, 0)
    assert budget.refusal(evolve(many, expectation=Expectation(image_count=100))) is None
