"""A session with servers that fail now and then, for good, after errors, or always: what is sent, and who is blamed."""

import base64
import json
import random
import re
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from attrs import evolve, frozen
from image_variations_conformance.cases.plan import Plan
from image_variations_conformance.engine.bases import bases
from image_variations_conformance.engine.budget import Budget
from image_variations_conformance.engine.experiment import Experiment
from image_variations_conformance.engine.judging import findings_of
from image_variations_conformance.engine.scheduler import Scheduler
from image_variations_conformance.engine.session import CONTROL_EVERY, Session
from image_variations_conformance.media import png
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.oracles import Finding
from image_variations_conformance.reference.app.incoming import IncomingRequest
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.wire.exchange import Failure, Request, Response
from image_variations_conformance.wire.reasons import ControlRefused, NothingAccepted, RateLimited, RejectsEverything
from starlette.responses import Response as StarletteResponse
from support.fake_transport import FakeTransport
from support.judging import judge_app, verdicts
from support.requests import CONTRACT, KEY, TARGET, classified

pytestmark = pytest.mark.slow

Respond = Callable[[Request], Response]
JSON = (("Content-Type", "application/json"),)


def error(status: int, message: str = "image n size model response_format user") -> Response:
    body = {"error": {"message": message, "type": "t", "param": None, "code": None}}
    return Response(status, JSON, json.dumps(body).encode())


@cache
def picture(size: str) -> str:
    width = int(size.partition("x")[0])
    return base64.b64encode(png.encode(paint(random.Random(1), width))).decode()


def by_contract(request: Request) -> Response:
    """Return the response of a server that keeps the contract, but for its links."""
    expectation = classified(request)
    requested = expectation.requested
    if requested is None:
        statuses = {"IV-AUTH-REQUIRED": 401, "IV-AUTH-WRONG": 401, "IV-OP-METHOD": 405}
        refusal = error(next((statuses[name] for name in expectation.violated if name in statuses), 400))
        return evolve(refusal, headers=(*JSON, ("Allow", "POST")))
    item = {"url": "http://127.0.0.1/a.png"}
    if requested.response_format == "b64_json":
        item = {"b64_json": picture(requested.size or "256x256")}
    return Response(200, JSON, json.dumps({"created": 1, "data": [item] * requested.n}).encode())


@frozen
class Ran:
    """A session that has ended, with its findings, its transport, and the waits in seconds."""

    session: Session
    findings: list[Finding]
    transport: FakeTransport
    slept: list[float]

    def of(self, requirement: str, state: str = "contradicted") -> list[Finding]:
        """Return the findings on a requirement in a state that echo no other failure."""
        return [
            it for it in self.findings if (it.requirement, it.state) == (requirement, state) and it.reported_as is None
        ]

    @property
    def broken(self) -> set[str]:
        """The requirements that are broken, without those that this server breaks anyway by its links and times."""
        return {it.requirement for it in self.findings if self.of(it.requirement)} - broken_anyway()

    def after(self, label: str) -> list[str]:
        """Return the labels of the requests from one on."""
        return self.transport.sent[self.transport.sent.index(label) :]


def run(
    respond: Respond = by_contract,
    depth: str = "quick",
    experiment: Experiment | None = None,
    accepts: tuple[bool, ...] = (True,),
    **outcomes: Sequence[Response | Failure],
) -> Ran:
    """Run the session of a plan on a server. `outcomes` are its responses to some cases, "_" standing for "-".

    `accepts` says whether it accepts connections, each time that it is asked after a dropped one.
    """
    by_label = {label.replace("_", "-"): responses for label, responses in outcomes.items()}
    transport = FakeTransport(TARGET, outcomes=by_label, default=respond, accepts=accepts)
    slept: list[float] = []
    scheduler = Scheduler(transport, lambda *_: None, slept.append, budget=Budget())
    plan = Plan.of(CONTRACT, TARGET, 1, "standard" if depth == "standard" else "quick")
    session = Session(plan, scheduler, experiment or Experiment())
    session.run()
    return Ran(session, findings_of(session), transport, slept)


@cache
def broken_anyway() -> frozenset[str]:
    good = run()
    return frozenset(it.requirement for it in good.findings if it.state == "contradicted")


def is_after(wanted: Callable[[Request], bool], then: Respond) -> Respond:
    """Return a server that keeps the contract until a request is `wanted`; after it, `then` responds."""
    seen: list[Request] = []

    def respond(request: Request) -> Response:
        if seen:
            return then(request)
        seen.extend([request] if wanted(request) else [])
        return by_contract(request)

    return respond


def has_eleven(request: Request) -> bool:
    return b'name="n"\r\n\r\n11\r\n' in request.body


def test_a_server_wrong_in_links_times_and_names_of_fields_breaks_nothing_else() -> None:
    assert broken_anyway() <= {
        "IV-ERR-PARAM",
        "IV-RES-CREATED",
        "IV-URL-FETCH",
        "IV-URL-END",
        "IV-OUT-DISTINCT",
        "IV-OUT-RESEMBLES",
    }
    assert run().slept == []


@pytest.mark.parametrize("narrowing_images", [0, 2, 4, 6, 20])
def test_an_ignored_field_is_no_failure_of_its_own_where_the_images_do_not_suffice_to_find_out_why(
    narrowing_images: int,
) -> None:
    def ignores_typed_texts(request: Request) -> Response:
        typed = re.search(rb'name="(n|size|response_format)"\r\nContent-Type:', request.body, re.IGNORECASE)
        answer = by_contract(request)
        if typed is None or answer.status != 200:
            return answer
        return evolve(answer, body=b'{"created": 1, "data": [{"url": "http://127.0.0.1/a.png"}]}')

    ran = run(ignores_typed_texts, "standard", Experiment(narrowing_images=narrowing_images))
    # With few images, only the letter case of a type may be found out about.
    assert len(ran.broken) <= 1
    assert ran.broken <= {"IV-WIRE-TEXT-TYPE", "IV-WIRE-HEADER-CASE"}


@pytest.mark.parametrize(
    ("feature", "broken"),
    [
        (rb"\A--[^ \r]+[ \t]+\r\n", {"IV-WIRE-PREAMBLE"}),  # a SHOULD
        (rb"\nX-[A-Z]", {"IV-WIRE-PART-HEADERS"}),
        # An interlaced image is accepted, with a wrong response.
        (rb"IHDR(?s:.{12})\x01", {"IV-RES-KEY"}),
    ],
)
def test_fields_that_are_ignored_in_some_forms_are_one_failure_or_one_warning(feature: bytes, broken: set[str]) -> None:
    def ignores_fields(request: Request) -> Response:
        answer = by_contract(request)
        if answer.status != 200 or re.search(feature, request.body) is None:
            return answer
        return evolve(answer, body=b'{"created": 1, "data": [{"url": "http://127.0.0.1/a.png"}]}')

    assert run(ignores_fields, "standard").broken == broken


def test_a_request_that_a_server_dies_of_breaks_that_it_recovers_and_its_missing_response_is_an_echo() -> None:
    dropped = Failure("dropped", "the connection was closed without a response")
    ran = run(n_eleven=[dropped], accepts=(False,))
    assert ran.broken == {"IV-STATE-RECOVERS"}
    (finding,) = ran.of("IV-STATE-RECOVERS")
    assert (finding.label, finding.message) == (
        "n-eleven",
        "after n-eleven: expected that the server goes on, got no connection any more",
    )
    # A server that is there again has only left a request without a response.
    assert run(n_eleven=[dropped], n_eleven_again=[dropped], accepts=(False, True)).broken == {"IV-N-BOUNDS"}


# --- wrong refusals are sent again


def test_a_refusal_that_is_wrong_each_time_is_contradicted_and_its_5xx_is_an_echo() -> None:
    ran = run(n_eleven=[error(500)])
    ran_again = run(n_eleven=[error(500)], n_eleven_again=[error(500)])
    # Sent again with the right status: an accident.
    assert not ran.of("IV-N-BOUNDS")
    (first, *_) = ran_again.of("IV-N-BOUNDS")
    assert (first.label, first.item) == ("n-eleven", "n-eleven")
    assert ran_again.broken == {"IV-N-BOUNDS"}
    echoes = {
        it.reported_as for it in ran_again.findings if (it.requirement, it.state) == ("IV-ERR-NO-5XX", "contradicted")
    }
    assert echoes == {"IV-N-BOUNDS"}


def test_wrong_values_are_sent_in_forms_with_and_without_other_fields() -> None:
    bodies = [case.request.body for label, case in run().session.cases.items() if label.startswith("size-")]
    assert {b'name="response_format"' in body for body in bodies} == {True, False}


def test_a_5xx_by_accident_breaks_no_requirement_but_the_one_on_5xx() -> None:
    ran = run(n_eleven=[error(500)])
    (stable,) = ran.of("IV-ERR-NO-5XX")
    assert (stable.item, stable.message) == (
        "stable",
        "requests that differ in the picture at most were answered 500 and 400",
    )
    assert [it.label for it in ran.of("IV-N-BOUNDS", "unstable")] == ["n-eleven"]
    assert ran.broken == {"IV-ERR-NO-5XX"}


def test_a_5xx_is_followed_by_a_control_and_then_sent_again() -> None:
    sent = run(n_eleven=[error(500)]).after("n-eleven")
    assert sent[0] == "n-eleven"
    assert sent[1].startswith("control-")
    assert sent[2] == "n-eleven-again"


def test_a_refusal_with_another_wrong_status_is_sent_again_without_a_control() -> None:
    ran = run(n_eleven=[Response(302)], n_eleven_again=[Response(302)])
    assert ran.after("n-eleven")[1] == "n-eleven-again"
    assert ran.broken == {"IV-N-BOUNDS"}


def test_an_invalid_request_that_is_accepted_is_contradicted_at_once() -> None:
    ran = run(n_eleven=[Response(200, JSON, b'{"created": 1, "data": [{"url": "http://127.0.0.1/a.png"}]}')])
    assert "n-eleven-again" not in ran.transport.sent
    assert ran.broken == {"IV-N-BOUNDS"}


def test_no_more_refusals_are_sent_again_after_twenty_were_wrong_both_times() -> None:
    ran = run(lambda request: error(500) if classified(request).violations else by_contract(request))
    assert sum(label.endswith("-again") for label in ran.transport.sent) == 20
    assert {"IV-N-BOUNDS", "IV-IMAGE-REQUIRED", "IV-AUTH-REQUIRED"} <= ran.broken
    # One for each requirement, and those of the server that keeps the contract.
    controls = sum(label.startswith("control") for label in ran.transport.sent)
    assert controls <= len(ran.broken) + 2


def test_accidents_are_sent_again_however_many_there_are() -> None:
    """The server fails at every other invalid request."""
    number = [0]

    def respond(request: Request) -> Response:
        number[0] += bool(classified(request).violations)
        return error(500) if number[0] % 2 and classified(request).violations else by_contract(request)

    ran = run(respond)
    assert len(ran.session.repeated) > 30
    assert ran.broken == {"IV-ERR-NO-5XX"}


# --- the server is lost


def test_a_server_that_is_lost_for_good_breaks_one_requirement_and_blocks_the_rest() -> None:
    ran = run(is_after(has_eleven, lambda _: error(500)))
    (lost,) = ran.of("IV-STATE-RECOVERS")
    assert ran.broken == {"IV-STATE-RECOVERS"}
    assert ran.slept == [0.5, 0.5, 0.5, 0.5, 1.0, 2.0, 4.0]
    accepted, refused = (ran.session.observations[label] for label in (lost.twin or "", lost.label))
    assert accepted.accepted
    assert refused.exchange.label == ran.transport.sent[-1]
    assert accepted.exchange.request.headers[:3] == refused.exchange.request.headers[:3]
    blocked = {it.reason for it in ran.findings if it.state == "blocked"}
    assert blocked == {ControlRefused()}
    assert all(
        it.exchange.not_tested == ControlRefused() for it in ran.session.observations.values() if not it.exchange.sent
    )


def test_a_server_that_is_lost_with_refusals_of_its_own_is_noticed_at_the_next_control() -> None:
    """Every request is refused with 400 from then on, as an invalid one should be."""
    ran = run(is_after(has_eleven, lambda _: error(400)), depth="standard")
    assert "IV-STATE-RECOVERS" in ran.broken
    assert not {name for name in ran.broken if name.startswith(("IV-N-", "IV-SIZE-", "IV-IMAGE-"))}


def test_a_server_that_limits_the_rate_for_good_breaks_nothing() -> None:
    ran = run(is_after(has_eleven, lambda _: Response(429, (("Retry-After", "99"),))), depth="standard")
    assert ran.broken == set()
    assert ran.session.experiment.limited
    assert RateLimited() in {it.reason for it in ran.findings if it.state == "blocked"}


# --- requests after errors


def alternating() -> Respond:
    """Return a server that fails at each request after one that it has refused."""
    failed = [False]

    def respond(request: Request) -> Response:
        response = error(500) if failed[0] else by_contract(request)
        failed[0] = 400 <= response.status < 500
        return response

    return respond


def test_a_request_that_fails_after_each_error_is_reproduced_and_breaks_one_requirement() -> None:
    ran = run(alternating())
    assert "IV-STATE-RECOVERS" in ran.broken
    assert ran.broken <= {"IV-STATE-RECOVERS", "IV-OP-VALID"}
    found = ran.of("IV-STATE-RECOVERS")[0]
    assert (
        found.message
        == "after a request that failed: expected 200, got 500: \u201cimage n size model response_format user\u201d"
    )
    assert ran.session.observations[found.twin or ""].accepted


# --- a control now and then


def test_a_valid_request_is_among_each_sixty_that_must_be_refused() -> None:
    ran = run(depth="standard")
    since = [0]
    for label in ran.transport.sent:
        valid = ran.session.cases[label].expectation.validity == "valid"
        since.append(0 if valid else since[-1] + 1)
    assert max(since) <= CONTROL_EVERY


# --- no valid request is accepted


def test_a_server_that_accepts_nothing_breaks_one_requirement_and_refusals_like_those_show_nothing() -> None:
    ran = run(lambda request: error(401) if b"Bearer" not in request.head() else error(400))
    assert ran.broken == {"IV-OP-VALID"}
    (found,) = ran.of("IV-OP-VALID")
    assert found.message.startswith("expected 200, got 400: ")
    assert found.message.endswith("; no valid request was accepted at all")
    reasons = {label: it.untested for label, it in ran.session.observations.items() if it.untested is not None}
    assert reasons["n-eleven"] == RejectsEverything("400")
    assert reasons["key-none"] == NothingAccepted()
    valid = [label for label in ran.transport.sent if ran.session.cases[label].expectation.validity == "valid"]
    assert len(valid) == len(bases(CONTRACT)) <= 20


def test_error_shapes_and_5xx_are_judged_when_nothing_is_accepted() -> None:
    ran = run(lambda request: Response(400, (), b"no") if classified(request).requested else error(500))
    assert ran.broken == {"IV-OP-VALID", "IV-ERR-JSON", "IV-ERR-NO-5XX", "IV-OP-HEAD-OPTIONS"}


# --- kept connections


class Ports(Service):
    """A correct server that notes the port of the client of each request."""

    ports: list[int]

    async def respond(self, request: IncomingRequest) -> StarletteResponse:
        self.ports.append(request.scope["client"][1])
        return await super().respond(request)


def test_requests_on_a_kept_connection_do_arrive_on_one_connection() -> None:
    service = Ports(api_key=KEY)
    service.ports = []
    result = judge_app(service, depth="quick")
    kept = [it for it in result.observations.values() if it.exchange.connection is not None]
    # Three valid requests, each after one or two that must be refused.
    assert [it.answer for it in kept] == ["400", "413", "200", "401", "200", "405", "415", "200"]
    assert len(set(service.ports)) == len(service.ports) - 7
    assert "IV-STATE-CONNECTION" in verdicts(result, "pass")
