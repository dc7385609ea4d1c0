"""The oracles blame no server that is only unusual, and tell apart what a glance at the status confuses."""

import gzip
import unicodedata
from typing import Any

import pytest
from attrs import evolve
from image_variations_conformance.cases.case import Builder
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.oracles import Finding, judge
from image_variations_conformance.oracles.content import NotBase64, decode_base64
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.faults.catalogue import faulty
from image_variations_conformance.wire.exchange import Exchange, Failure, NotTested, Outcome, Request, Response
from image_variations_conformance.wire.json_body import NotJson, parse_json
from image_variations_conformance.wire.reasons import Interrupted
from image_variations_conformance.wire.target import Target
from starlette.responses import JSONResponse
from starlette.responses import Response as Answer
from support.judging import KEY, judge_app, verdicts
from support.requests import CONTRACT, observed


class Gzipped(Service):
    """Compresses each answer, though nobody asked for it."""

    async def deliver(self, request: Any, response: Answer, send: Any) -> None:
        combined = Answer(gzip.compress(bytes(response.body), 1), response.status_code, dict(response.headers))
        combined.headers["content-encoding"] = "gzip"
        combined.headers["content-length"] = str(len(combined.body))
        await super().deliver(request, combined, send)


class WithCharset(Service):
    """Names a charset, and writes the media type in other letters."""

    def success(self, document: object) -> Answer:
        return JSONResponse(document, media_type="Application/JSON; charset=utf-8")


class OtherStatuses(Service):
    """Answers 404 for a model and 415 for another file format."""

    def refusal(self, problem: Any) -> Answer:
        if problem.param == "model":
            problem.status = 404
        if "must be a PNG" in problem.message:
            problem.status = 415
        return super().refusal(problem)


class Talkative(Service):
    """Says more than it has to, in another order."""

    def document(self, *args: Any) -> object:
        document: Any = super().document(*args)
        details = {"image_tokens": 1, "text_tokens": 0}
        usage = {"total_tokens": 3, "input_tokens": 1, "output_tokens": 2, "input_tokens_details": details}
        data = [{"seed": 7, **item} for item in document["data"]]
        return {"model": "m", "output_format": "png", "quality": "low", "usage": usage, "data": data} | document

    def error(self, problem: Any) -> object:
        document: Any = super().error(problem)
        return {"request_id": "r1", "error": {"doc_url": "https://docs.example", **document["error"]}}


class StrictAboutFields(Service):
    """Refuses what it does not know."""

    def fields(self, parts: Any) -> Any:
        known = super().fields(parts)
        if len(known) < len(parts):
            raise ApiError("There is a field that is not known.")
        return known


class LimitedAtFirst(Service):
    """Turns every ninth request away, for its rate."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.requested = 0

    async def vary(self, request: Any) -> Answer:
        self.requested += 1
        if self.requested % 9 == 1:
            error = {"message": "Too fast.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
            return JSONResponse({"error": error}, 429, {"retry-after": "0"})
        return await super().vary(request)


@pytest.mark.parametrize(
    "odd",
    [Gzipped, WithCharset, OtherStatuses, Talkative, StrictAboutFields, LimitedAtFirst],
    ids=lambda it: it.__name__,
)
def test_a_server_that_is_only_unusual_is_blamed_for_nothing(odd: type[Service]) -> None:
    run = judge_app(odd(api_key=KEY))
    assert verdicts(run, "fail", "warn") == {}
    assert run.outcome == "conforms"


class PickyAboutPairs(Service):
    """Refuses base64 without a size, and takes each of the two by itself."""

    def wanted(self, fields: Any) -> Any:
        if "size" not in fields and "response_format" in fields:
            raise ApiError("size must be given with response_format.", "size")
        return super().wanted(fields)


def test_a_combination_that_is_refused_is_reported_though_each_part_of_it_is_accepted() -> None:
    run = judge_app(PickyAboutPairs(api_key=KEY))
    assert verdicts(run, "fail") == {
        "IV-OP-VALID": "a valid request: expected 200, got 400, though all its features were accepted in other requests"
    }


class Closed(Service):
    """Refuses everything with 400, and says that it is the image."""

    async def vary(self, _: Any) -> Answer:
        return self.refusal(ApiError("The image cannot be read.", "image"))


def test_who_refuses_everything_has_checked_nothing() -> None:
    run = judge_app(Closed(api_key=KEY))
    assert verdicts(run, "fail", "warn") == {
        "IV-OP-VALID": "expected 200, got 400; no valid request was accepted at all"
    }
    reason = "no valid request was accepted, and this request was answered like the valid ones: 400"
    untested = verdicts(run, "not-tested")
    for requirement in ("IV-IMAGE-FORMAT", "IV-N-BOUNDS", "IV-MODEL-UNKNOWN", "IV-AUTH-WRONG", "IV-OP-MULTIPART"):
        assert untested[requirement] == reason


def test_who_accepts_nothing_may_still_be_seen_to_check() -> None:
    """A server with a broken model answers 500 to right requests, and refuses wrong ones as it should."""

    class NoModel(Service):
        def success(self, _: object) -> Answer:
            return Answer(status_code=500)

    run = judge_app(NoModel(api_key=KEY))
    assert {"IV-IMAGE-FORMAT", "IV-N-BOUNDS", "IV-AUTH-WRONG"} <= verdicts(run, "pass").keys()


@pytest.mark.parametrize(
    ("fault", "requirement", "cases"),
    [
        ("chunked-refused", "IV-WIRE-CHUNKED", ("wire-chunked", "combined-wire")),
        # As many features each, but one is of a kind of image that a server may refuse.
        ("preamble-refused", "IV-WIRE-PREAMBLE", ("wire-preamble", "combined-bits")),
    ],
)
def test_of_several_requests_that_are_refused_alike_the_plainest_is_shown_first(
    fault: str, requirement: str, cases: tuple[str, ...]
) -> None:
    run = judge_app(faulty([fault], api_key=KEY))
    (blamed,) = [it for it in run.verdicts if it.result in {"fail", "warn"}]
    assert (blamed.requirement.id, blamed.cases) == (requirement, cases)


class NoUnassigned(Service):
    """Refuses texts with characters that Unicode has not assigned yet, which no case is made for."""

    def wanted(self, fields: Any) -> Any:
        user = fields["user"].content.decode(errors="replace") if "user" in fields else ""
        if any(unicodedata.category(it) == "Cn" for it in user):
            raise ApiError("user holds a character that there is not.", "user")
        return super().wanted(fields)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_refused_of_requests_drawn_at_random_is_not_taken_for_a_matter_of_state(seed: int) -> None:
    """They may be alike in all that is known of them, and one is accepted and another is not."""
    with running(NoUnassigned(api_key=KEY)) as server:
        settings = Settings(seed=seed, depth="deep", max_seconds=0)
        run = check(Target.parse(server.base_url, KEY), settings, lambda *_: None)
    failed = verdicts(run, "fail")
    assert set(failed) == {"IV-OP-VALID"}
    assert failed["IV-OP-VALID"].endswith(
        "expected 200, got 400, though all its features were accepted in other requests"
    )


def test_what_the_rate_cost_is_counted() -> None:
    run = judge_app(LimitedAtFirst(api_key=KEY))
    assert run.cost.requests > len(run.observations)


def test_without_a_key_nothing_of_keys_is_tested_and_nothing_of_them_passes() -> None:
    class Open(Service):
        """Asks for no key."""

        def authenticate(self, _: Any) -> None:
            return

    run = judge_app(Open(api_key=KEY), api_key=None)
    assert run.outcome == "conforms"
    of_keys = {it.requirement.id: it.result for it in run.verdicts if it.requirement.id.startswith("IV-AUTH")}
    assert set(of_keys.values()) == {"not-tested"}
    assert len(of_keys) == 4


# --- single exchanges, with answers made by hand

TARGET = Target.parse("http://127.0.0.1:8000/v1", KEY)
NOW = 1_700_000_000.0


def _request(**fields: str) -> Request:
    return Builder.of(CONTRACT, TARGET, 1, "by-hand").form(**fields)


def _findings(request: Request, outcome: Outcome) -> list[Finding]:
    exchange = Exchange("by-hand", request, outcome, NOW, 0.5)
    return list(judge([observed(exchange)], CONTRACT))


def _failed(findings: list[Finding]) -> dict[str, str]:
    return {it.requirement: it.message for it in findings if it.result == "fail"}


def _json(status: int, body: bytes) -> Response:
    return Response(status, (("Content-Type", "application/json"),), body)


def _error(message: str, param: str = "null", code: str = "null") -> bytes:
    return b'{"error": {"message": "%b", "type": "t", "param": %b, "code": %b}}' % (
        message.encode(),
        param.encode(),
        code.encode(),
    )


@pytest.mark.parametrize(
    ("body", "requirements"),
    [
        (_error("n must be 1 to 10"), set()),
        (_error("wrong", '"n"'), set()),
        (_error("not a number"), {"IV-ERR-PARAM"}),
        (_error("", '"n"'), {"IV-ERR-MESSAGE"}),
        (b'{"error": {"message": ["n"], "type": "t", "param": "n", "code": null}}', {"IV-ERR-MESSAGE"}),
        (_error("n is wrong", code="400"), {"IV-ERR-OBJECT"}),
        (b'{"error": {"message": "n is wrong", "type": "t", "param": "n"}}', {"IV-ERR-OBJECT"}),
        (b'{"error": "n is wrong"}', {"IV-ERR-OBJECT"}),
        (b'{"detail": [{"loc": ["body", "n"]}]}', {"IV-ERR-OBJECT"}),
        (b"<html>Bad Request</html>", {"IV-ERR-JSON"}),
        (b"", {"IV-ERR-JSON"}),
        (_error(f"n is wrong for {KEY}"), {"IV-ERR-SECRETS"}),
        (_error("n: <Field object at 0x7f3a5c0d2e80>"), {"IV-ERR-SECRETS"}),
        (_error(r"n: Traceback (most recent call last):\n  File \"/app/main.py\", line 3"), {"IV-ERR-SECRETS"}),
        (_error("n: open('/srv/app/server.py')"), {"IV-ERR-SECRETS"}),
    ],
)
def test_an_error_is_judged_by_its_object(body: bytes, requirements: set[str]) -> None:
    assert set(_failed(_findings(_request(n="0"), _json(400, body)))) == requirements


@pytest.mark.parametrize(
    ("status", "requirements"),
    [(200, {"IV-N-BOUNDS"}), (302, {"IV-N-BOUNDS"}), (422, {"IV-ERR-400"}), (500, {"IV-N-BOUNDS", "IV-ERR-NO-5XX"})],
)
def test_a_wrong_request_is_judged_by_its_status(status: int, requirements: set[str]) -> None:
    assert set(_failed(_findings(_request(n="0"), _json(status, _error("n"))))) == requirements


@pytest.mark.parametrize("kind", ["dropped", "timeout", "malformed", "too-large"])
def test_no_answer_is_as_bad_as_5xx(kind: Any) -> None:
    assert set(_failed(_findings(_request(n="0"), Failure(kind, "why")))) == {"IV-N-BOUNDS", "IV-ERR-NO-5XX"}


@pytest.mark.parametrize("outcome", [Failure("unreachable", "why"), NotTested(Interrupted())], ids=["gone", "unsent"])
def test_a_request_that_did_not_reach_the_server_neither_passes_nor_fails(outcome: Failure | NotTested) -> None:
    findings = _findings(_request(n="0"), outcome)
    assert {(it.requirement, it.result) for it in findings} == {("IV-N-BOUNDS", "not-tested")}


def test_a_rate_limited_request_says_nothing() -> None:
    limited = evolve(_json(429, b"slow down"), headers=(("Retry-After", "60"),))
    findings = _findings(_request(n="0"), limited)
    assert _failed(findings) == {}
    assert {it.result for it in findings if it.requirement == "IV-N-BOUNDS"} == {"not-tested"}


@pytest.mark.parametrize(
    ("body", "requirements"),
    [
        (b'{"created": %d}' % NOW, {"IV-RES-SCHEMA"}),
        (b'{"created": %d, "data": []}' % NOW, {"IV-RES-COUNT"}),
        (b'{"created": %d, "data": [{"url": null, "b64_json": "AA=="}]}' % NOW, {"IV-RES-SCHEMA", "IV-OUT-B64"}),
        (b'{"created": %d, "data": [{"b64_json": ""}]}' % NOW, {"IV-RES-KEY"}),
        (b'{"created": %d, "data": [{}]}' % NOW, {"IV-RES-KEY"}),
        (b'{"created": %d, "data": [{"url": "/v/1.png"}]}' % NOW, {"IV-RES-KEY", "IV-URL-ABSOLUTE"}),
        (b'{"created": "now", "data": [{"b64_json": "AA=="}]}', {"IV-RES-CREATED", "IV-OUT-B64"}),
        (b'{"created": 0, "data": [{"b64_json": "AA=="}]}', {"IV-RES-CREATED", "IV-OUT-B64"}),
        (b'{"created": NaN, "data": []}', {"IV-RES-JSON"}),
        (b"\xef\xbb\xbf{}", {"IV-RES-JSON"}),
        (b"[" * 100_000, {"IV-RES-JSON"}),
        (b"null", {"IV-RES-SCHEMA"}),
        (b'{"created": %d, "data": [{"b64_json": "AA=="}], "size": "9x9"}' % NOW, {"IV-RES-SIZE", "IV-OUT-B64"}),
        (b'{"created": %d, "data": [{"b64_json": "AA=="}], "usage": {}}' % NOW, {"IV-RES-USAGE", "IV-OUT-B64"}),
        (b'{"created": 1e999, "data": [{"b64_json": "AA=="}]}', {"IV-RES-SCHEMA", "IV-OUT-B64"}),
    ],
)
def test_an_answer_is_judged_by_its_json(body: bytes, requirements: set[str]) -> None:
    request = _request(n="1", response_format="b64_json")
    assert set(_failed(_findings(request, _json(200, body)))) == requirements


def test_created_may_follow_the_server_s_own_clock() -> None:
    body = b'{"created": 1000000000, "data": [{"b64_json": "AA=="}]}'
    dated = evolve(
        _json(200, body), headers=(("Content-Type", "application/json"), ("Date", "Sun, 09 Sep 2001 01:46:40 GMT"))
    )
    assert "IV-RES-CREATED" not in _failed(_findings(_request(response_format="b64_json"), dated))


@pytest.mark.parametrize("text", ["aGk", "aGk=\n", "a-_=", "data:image/png;base64,aGk=", "aGk=aGk=", "====", "aGl=x"])
def test_base64_is_strict(text: str) -> None:
    with pytest.raises(NotBase64):
        decode_base64(text)


@pytest.mark.parametrize("body", [b"\xff", b"{'a': 1}", b"{} x", b"Infinity", b"", '"é"'.encode("utf-16")])
def test_json_is_strict(body: bytes) -> None:
    with pytest.raises(NotJson):
        parse_json(body)
