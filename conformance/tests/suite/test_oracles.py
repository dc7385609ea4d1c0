"""The oracles report nothing about servers that are only unusual, and the right requirement about broken ones."""

import gzip
from typing import Any

import pytest
from attrs import evolve
from image_variations_conformance.cases.builder import Builder
from image_variations_conformance.oracles import Finding, judge
from image_variations_conformance.oracles.content import NotBase64, decode_base64
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.wire.exchange import Exchange, Failure, NotTested, Outcome, Request, Response
from image_variations_conformance.wire.json_body import NotJson, parse_json
from image_variations_conformance.wire.reasons import Interrupted
from image_variations_conformance.wire.target import Target
from starlette.responses import JSONResponse
from starlette.responses import Response as StarletteResponse
from support.judging import KEY, judge_app, verdicts
from support.requests import CONTRACT, observed


class Gzipped(Service):
    """Compresses each response, although no request accepts gzip."""

    async def deliver(self, request: Any, response: StarletteResponse, send: Any) -> None:
        combined = StarletteResponse(
            gzip.compress(bytes(response.body), 1), response.status_code, dict(response.headers)
        )
        combined.headers["content-encoding"] = "gzip"
        combined.headers["content-length"] = str(len(combined.body))
        await super().deliver(request, combined, send)


class WithCharset(Service):
    """Sends the media type with a charset and in another letter case."""

    def success(self, document: object) -> StarletteResponse:
        return JSONResponse(document, media_type="Application/JSON; charset=utf-8")


class OtherStatuses(Service):
    """Refuses unknown models with 404 and other file formats with 415."""

    def refusal(self, problem: Any) -> StarletteResponse:
        if problem.param == "model":
            problem.status = 404
        if "must be a PNG" in problem.message:
            problem.status = 415
        return super().refusal(problem)


class AdditionalMembers(Service):
    """Sends additional members, and the members in another order."""

    def document(self, *args: Any) -> object:
        document: Any = super().document(*args)
        details = {"image_tokens": 1, "text_tokens": 0}
        usage = {"total_tokens": 3, "input_tokens": 1, "output_tokens": 2, "input_tokens_details": details}
        data = [{"seed": 7, **item} for item in document["data"]]
        return {"model": "m", "output_format": "png", "quality": "low", "usage": usage, "data": data} | document

    def error(self, problem: Any) -> object:
        document: Any = super().error(problem)
        return {"request_id": "r1", "error": {"doc_url": "https://docs.example", **document["error"]}}


class RefusesUnknownFields(Service):
    """Refuses forms with unknown fields."""

    def fields(self, parts: Any) -> Any:
        known = super().fields(parts)
        if len(known) < len(parts):
            raise ApiError("There is a field that is not known.")
        return known


class LimitsEveryNinthRequest(Service):
    """Responds with 429 to the first of every nine requests."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.requested = 0

    async def vary(self, request: Any) -> StarletteResponse:
        self.requested += 1
        if self.requested % 9 == 1:
            error = {"message": "Too fast.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
            return JSONResponse({"error": error}, 429, {"retry-after": "0"})
        return await super().vary(request)


@pytest.mark.slow
@pytest.mark.parametrize(
    "server",
    [Gzipped, WithCharset, OtherStatuses, AdditionalMembers, RefusesUnknownFields, LimitsEveryNinthRequest],
    ids=lambda it: it.__name__,
)
def test_a_server_that_is_only_unusual_conforms(server: type[Service]) -> None:
    run = judge_app(server(api_key=KEY))
    assert verdicts(run, "fail", "warn") == {}
    assert run.outcome == "conforms"


class RefusesEverything(Service):
    """Refuses every request with 400 and an error about the image."""

    async def vary(self, _: Any) -> StarletteResponse:
        return self.refusal(ApiError("The image cannot be read.", "image"))


def test_refusals_are_not_tested_when_every_valid_request_is_refused_in_the_same_way() -> None:
    run = judge_app(RefusesEverything(api_key=KEY))
    assert verdicts(run, "fail", "warn") == {
        "IV-OP-VALID": "expected 200, got 400: “The image cannot be read.”; no valid request was accepted at all"
    }
    reason = "no valid request was accepted, and this request was answered like the valid ones: 400"
    untested = verdicts(run, "not-tested")
    for requirement in ("IV-IMAGE-FORMAT", "IV-N-BOUNDS", "IV-MODEL-UNKNOWN", "IV-AUTH-WRONG", "IV-OP-MULTIPART"):
        assert untested[requirement] == reason


def test_only_the_errors_are_judged_when_valid_requests_are_answered_500() -> None:
    """The server responds with 500 to valid requests, and refuses invalid requests correctly."""

    class NoModel(Service):
        def success(self, _: object) -> StarletteResponse:
            return StarletteResponse(status_code=500)

    run = judge_app(NoModel(api_key=KEY))
    assert {"IV-ERR-JSON", "IV-ERR-OBJECT", "IV-ERR-MESSAGE"} <= verdicts(run, "pass", "partial").keys()
    assert {"IV-IMAGE-FORMAT", "IV-N-BOUNDS", "IV-AUTH-WRONG"} <= verdicts(run, "not-tested").keys()
    assert set(verdicts(run, "fail", "warn")) == {"IV-OP-VALID"}


@pytest.mark.slow
def test_rate_limited_attempts_count_as_requests() -> None:
    run = judge_app(LimitsEveryNinthRequest(api_key=KEY))
    assert run.cost.requests > len(run.observations)


@pytest.mark.slow
def test_requirements_on_keys_are_not_tested_without_a_key() -> None:
    class WithoutKeys(Service):
        """Accepts requests without an API key."""

        def authenticate(self, _: Any) -> None:
            return

    run = judge_app(WithoutKeys(api_key=KEY), api_key=None)
    assert run.outcome == "conforms"
    of_keys = {it.requirement.id: it.result for it in run.verdicts if it.requirement.id.startswith("IV-AUTH")}
    assert set(of_keys.values()) == {"not-tested"}
    assert len(of_keys) >= 4


# --- single exchanges, with responses written by hand

TARGET = Target.parse("http://127.0.0.1:8000/v1", KEY)
NOW = 1_700_000_000.0


def _request(**fields: str) -> Request:
    return Builder.of(CONTRACT, TARGET, 1, "by-hand").form(**fields)


def _findings(request: Request, outcome: Outcome) -> list[Finding]:
    exchange = Exchange("by-hand", request, outcome, NOW, 0.5)
    return list(judge([observed(exchange)], CONTRACT))


def _failed(findings: list[Finding]) -> dict[str, str]:
    return {it.requirement: it.message for it in findings if it.state == "contradicted"}


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
        (b"<html>Bad Request</html>", {"IV-ERR-JSON", "IV-ERR-OBJECT"}),
        (b"", {"IV-ERR-JSON", "IV-ERR-OBJECT"}),
        (_error(f"n is wrong for {KEY}"), {"IV-ERR-SECRETS"}),
        (_error("n: <Field object at 0x7f3a5c0d2e80>"), {"IV-ERR-SECRETS"}),
        (_error(r"n: Traceback (most recent call last):\n  File \"/app/main.py\", line 3"), {"IV-ERR-SECRETS"}),
        (_error("n: open('/srv/app/server.py')"), {"IV-ERR-SECRETS"}),
    ],
)
def test_an_error_body_breaks_the_stated_requirements(body: bytes, requirements: set[str]) -> None:
    assert set(_failed(_findings(_request(n="0"), _json(400, body)))) == requirements


@pytest.mark.parametrize(
    ("status", "requirements"),
    [(200, {"IV-N-BOUNDS"}), (302, {"IV-N-BOUNDS"}), (422, {"IV-ERR-400"}), (500, {"IV-N-BOUNDS", "IV-ERR-NO-5XX"})],
)
def test_the_status_of_the_response_to_an_invalid_request_breaks_the_stated_requirements(
    status: int, requirements: set[str]
) -> None:
    assert set(_failed(_findings(_request(n="0"), _json(status, _error("n"))))) == requirements


@pytest.mark.parametrize("kind", ["dropped", "timeout", "malformed", "too-large"])
def test_a_failure_breaks_iv_err_no_5xx(kind: Any) -> None:
    assert set(_failed(_findings(_request(n="0"), Failure(kind, "a message")))) == {"IV-N-BOUNDS", "IV-ERR-NO-5XX"}


@pytest.mark.parametrize(
    "outcome", [Failure("unreachable", "a message"), NotTested(Interrupted())], ids=["unreachable", "not sent"]
)
def test_a_request_that_did_not_reach_the_server_shows_nothing(outcome: Failure | NotTested) -> None:
    assert _findings(_request(n="0"), outcome) == []


@pytest.mark.parametrize("status", [402, 429, 503])
def test_a_request_that_was_limited_each_time_does_not_show_whether_it_is_refused(status: int) -> None:
    limited = evolve(_json(status, b"slow down"), headers=(("Retry-After", "60"),))
    findings = _findings(_request(n="0"), limited)
    assert _failed(findings) == {}
    assert "IV-N-BOUNDS" not in {it.requirement for it in findings}


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
        (b'{"created": 1e999, "data": [{"b64_json": "AA=="}]}', {"IV-RES-SCHEMA", "IV-RES-CREATED", "IV-OUT-B64"}),
        (
            b'{"created": %d, "data": [{"b64_json": "AA=="}], "usage": {"total_tokens": null}}' % NOW,
            {"IV-RES-USAGE", "IV-RES-SCHEMA", "IV-OUT-B64"},
        ),
        (
            b'{"created": %d, "data": [{"b64_json": "AA==", "revised_prompt": null}], "size": null}' % NOW,
            {"IV-RES-SCHEMA", "IV-RES-REVISED-PROMPT", "IV-RES-SIZE", "IV-OUT-B64"},
        ),
    ],
)
def test_the_json_of_a_successful_response_breaks_the_stated_requirements(body: bytes, requirements: set[str]) -> None:
    request = _request(n="1", response_format="b64_json")
    assert set(_failed(_findings(request, _json(200, body)))) == requirements


@pytest.mark.parametrize(("factor", "words"), [(1000, "the time in milliseconds"), (2, f"{NOW:.0f} s from now")])
def test_the_message_of_a_wrong_time_of_creation_says_in_what_unit_it_is_right(factor: int, words: str) -> None:
    body = b'{"created": %d, "data": [{"b64_json": "AA=="}]}' % (factor * NOW)
    message = _failed(_findings(_request(n="1", response_format="b64_json"), _json(200, body)))["IV-RES-CREATED"]
    assert words in str(message)


def test_created_may_follow_the_date_header_of_the_server() -> None:
    body = b'{"created": 1000000000, "data": [{"b64_json": "AA=="}]}'
    dated = evolve(
        _json(200, body), headers=(("Content-Type", "application/json"), ("Date", "Sun, 09 Sep 2001 01:46:40 GMT"))
    )
    assert "IV-RES-CREATED" not in _failed(_findings(_request(response_format="b64_json"), dated))


@pytest.mark.parametrize("text", ["aGk", "aGk=\n", "a-_=", "data:image/png;base64,aGk=", "aGk=aGk=", "====", "aGl=x"])
def test_invalid_base64_raises_not_base64(text: str) -> None:
    with pytest.raises(NotBase64):
        decode_base64(text)


@pytest.mark.parametrize("body", [b"\xff", b"{'a': 1}", b"{} x", b"Infinity", b"", '"é"'.encode("utf-16")])
def test_invalid_json_raises_not_json(body: bytes) -> None:
    with pytest.raises(NotJson):
        parse_json(body)


def test_a_null_does_not_hide_another_fault_of_the_same_member() -> None:
    usage = b'{"input_tokens": null, "output_tokens": "x", "total_tokens": 1}'
    body = b'{"created": %d, "data": [{"b64_json": "AA=="}], "usage": %b}' % (NOW, usage)
    found = _findings(_request(n="1", response_format="b64_json"), _json(200, body))
    items = {it.item for it in found if it.requirement == "IV-RES-USAGE" and it.state == "contradicted"}
    assert "null" in items
    assert len(items) == 2
