"""The message of an error has the reason that the server gives, in any of the formats of common servers."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from client.answers import VALUES
from client.driving import Driver, Make
from client.recorder import CannedResponse, Recorder
from client.uploads import image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import APIStatusError

NO_REASON = "the server gives no reason"
FASTAPI = {"loc": ["body", "size"], "msg": "Input should be '256x256'", "type": "literal_error", "input": "7x7"}
# A body, and the message and the param of its error.
REASONS: dict[str, tuple[Any, str, str | None]] = {
    "FastAPI": ({"detail": [FASTAPI]}, "body.size: Input should be '256x256'", "size"),
    "FastAPI, two fields": (
        {"detail": [{"loc": ["query", "n"], "msg": "too large"}, FASTAPI]},
        "query.n: too large; body.size: Input should be '256x256'",
        "n",
    ),
    "FastAPI, many fields": (
        {"detail": [{"loc": ["body", f"f{number}"], "msg": "no"} for number in range(500)]},
        "body.f0: no; body.f1: no; body.f2: no",
        "f0",
    ),
    "FastAPI, an item": ({"detail": [{"loc": ["body", "a", 3, "b"], "msg": "no"}]}, "body.a[3].b: no", "a"),
    "FastAPI, bad JSON": ({"detail": [{"loc": ["body", 12], "msg": "Decode error"}]}, "body[12]: Decode error", None),
    "FastAPI, the body": ({"detail": [{"loc": ["body"], "msg": "Field required"}]}, "body: Field required", None),
    "FastAPI, no part": ({"detail": [{"loc": ["size"], "msg": "no"}]}, "size: no", "size"),
    "FastAPI, text": ({"detail": "Not Found"}, "Not Found", None),
    "FastAPI, object": ({"detail": {"error": {"message": "No.", "param": "model"}}}, "No", "model"),
    "FastAPI, no message": ({"detail": [{"loc": ["body", "size"]}]}, NO_REASON, None),
    "error text": ({"error": "No such model."}, "No such model", None),
    "error object": ({"error": {"message": "No such model.", "param": "model"}}, "No such model", "model"),
    "error in an error": ({"error": {"error": "No such model."}}, "No such model", None),
    "error object in an error": ({"error": {"error": {"message": "No.", "param": "n"}}}, "No", "n"),
    "error object in a message": ({"message": {"error": {"message": "No such model."}}}, "No such model", None),
    "message": ({"message": "No such model."}, "No such model", None),
    "messages": ({"message": ["n must be an integer", "size is wrong"]}, "n must be an integer; size is wrong", None),
    "Spring": ({"status": 400, "error": "Bad Request", "message": "n is too large"}, "n is too large", None),
    "OAuth": ({"error": "invalid_token", "error_description": "It has expired."}, "It has expired", None),
    "OAuth, code": ({"error": "invalid_token"}, "invalid_token", None),
    "RFC 9457": ({"type": "about:blank", "title": "Forbidden", "detail": "No credit."}, "No credit", None),
    "RFC 9457, title": ({"type": "about:blank", "title": "Forbidden", "status": 403}, "Forbidden", None),
    "ASP.NET": (
        {"title": "Validation failed.", "errors": {"size": ["is wrong", "is odd"], "n": ["no"]}},
        "size: is wrong; size: is odd; n: no",
        "size",
    ),
    "errors": ({"errors": ["one", "two"]}, "one; two", None),
    "error objects": ({"success": False, "errors": [{"code": 7, "message": "No such model."}]}, "No such model", None),
    "errors with fields": ({"errors": [{"field": "size", "message": "is wrong"}]}, "size: is wrong", "size"),
    "list": ([{"message": "one"}, "two"], "one; two", None),
    "text": ("No such model.", "No such model", None),
    "HTML": ("<html>No such model.", NO_REASON, None),
    "control characters": ({"detail": "\x1b[31mNo\r\nsuch\0 \u202emodel\x9b"}, "[31mNo such model", None),
    "empty texts": ({"message": " ", "detail": "", "errors": [], "title": "Forbidden"}, "Forbidden", None),
    "numbers": ({"message": 7, "detail": [1, 2.5, None, True], "errors": {"a": 1}}, NO_REASON, None),
    "lists of lists": ({"detail": [[[["deep"]], [[]]]]}, "deep", None),
    "too deep": ({"detail": [[[[[[[["deep"]]]]]]]]}, NO_REASON, None),
    "loc of anything": ({"detail": [{"loc": [None, {}, 1.5, []], "msg": "no"}]}, "no", None),
    "loc that is no list": ({"detail": [{"loc": "body", "msg": "no"}]}, "no", None),
}


@pytest.fixture(scope="module")
def driver(make: Make, recorder: Recorder) -> Iterator[Driver]:
    """A driver whose client does not retry."""
    with make(base_url=recorder.base_url, max_retries=0) as driver:
        yield driver


def error_for(driver: Driver, recorder: Recorder, body: bytes) -> APIStatusError:
    """Return the error that a call raises for a response with this body."""
    recorder.expect(CannedResponse(422, body))
    with pytest.raises(APIStatusError) as caught:
        driver.call(image=image())
    return caught.value


@pytest.mark.parametrize("case", REASONS)
def test_the_reason_and_the_field_are_read_from_the_formats_of_common_servers(
    driver: Driver, recorder: Recorder, case: str
) -> None:
    value, message, param = REASONS[case]
    error = error_for(driver, recorder, json.dumps(value).encode())
    assert (error.message, error.param) == (message, param)
    noted = f" (param: {param})" if param else ""
    assert str(error) == f"422: {message}{noted}"
    inner = value.get("error") if isinstance(value, dict) else None
    assert error.body == (value if inner is None else inner)


_NAMES = ["error", "errors", "message", "detail", "msg", "title", "loc", "field", "param", "x"]
_NESTED: st.SearchStrategy[Any] = st.recursive(
    VALUES | st.sampled_from(["a reason", "\0\x1b[2J", "x" * 5000, "<html>"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=20,
)


@given(value=_NESTED)
def test_an_error_response_of_any_nesting_has_a_short_printable_message(
    driver: Driver, recorder: Recorder, value: Any
) -> None:
    error = error_for(driver, recorder, json.dumps(value).encode())
    assert error.message
    assert error.message.isprintable()
    assert len(error.message) < 400
    assert len(str(error)) < 1000
    assert isinstance(error.param, str | None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"detail":' + b"[" * 900 + b'"x"' + b"]" * 900 + b"}",
        b'{"error":' * 5000 + b'"x"' + b"}" * 5000,
        json.dumps({"errors": [{"loc": ["body"] * 1000, "msg": "x" * 1000}] * 100}).encode(),
        json.dumps({"errors": {"x" * 1000 + str(number): ["y" * 1000] * 10 for number in range(90)}}).encode(),
        json.dumps({"detail": [[0] * 1000] * 300}).encode(),
        b"\\" * (1 << 20),
        b"%" * (1 << 20),
    ],
    ids=["deep list", "deep object", "long loc", "long names", "numbers", "backslashes", "percent signs"],
)
def test_a_hostile_error_response_is_read_in_little_time(driver: Driver, recorder: Recorder, body: bytes) -> None:
    started = time.monotonic()
    error = error_for(driver, recorder, body)
    assert time.monotonic() - started < 5
    assert len(str(error)) < 1000
