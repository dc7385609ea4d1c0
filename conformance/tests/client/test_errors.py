"""Each error status raises the exception of its class, with the details that the server sent."""

import copy
import json
import pickle
from typing import Any

import pytest
from client.answers import SCHEMAS, TEXTS, VALUES
from client.driving import KEY, Driver, Make, MakeHttp, outcome
from client.endings import TIMEOUT
from client.recorder import CannedResponse, Recorder
from client.subject import image_variations
from client.uploads import image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import APIConnectionError, APIError, APIStatusError, ImageVariationsError
from support.loopback import Step, answer, hear_request, hold, reset, say, scripted_server

CLASSES = {
    400: image_variations.BadRequestError,
    401: image_variations.AuthenticationError,
    403: image_variations.PermissionDeniedError,
    404: image_variations.NotFoundError,
    409: image_variations.ConflictError,
    422: image_variations.UnprocessableEntityError,
    429: image_variations.RateLimitError,
}


@pytest.fixture(scope="module")
def no_retries(driver: Driver) -> Driver:
    """A driver whose client does not retry."""
    return driver.copy(max_retries=0)


def error_for(driver: Driver, recorder: Recorder, response: CannedResponse) -> APIStatusError:
    """Return the error that a call raises for this response. The call must send exactly one request."""
    recorder.expect(response)
    with pytest.raises(APIStatusError) as caught:
        driver.call(image=image())
    recorder.only()
    return caught.value


def test_the_error_classes_have_these_base_classes() -> None:
    parents = {
        "InvalidRequestError": {"ImageVariationsError", "ValueError"},
        "DataError": {"ImageVariationsError", "ValueError"},
        "APIError": {"ImageVariationsError"},
        "APIConnectionError": {"APIError"},
        "APITimeoutError": {"APIConnectionError"},
        "APIResponseValidationError": {"APIError"},
        "APIStatusError": {"APIError"},
        **{kind.__name__: {"APIStatusError"} for kind in CLASSES.values()},
        "InternalServerError": {"APIStatusError"},
    }
    for name, expected in parents.items():
        # Additional classes in between are allowed, because they do not affect except clauses.
        ancestors = {parent.__name__ for parent in getattr(image_variations, name).__mro__}
        assert expected <= ancestors
    assert not issubclass(APIStatusError, APIConnectionError | image_variations.APIResponseValidationError)
    assert not issubclass(APIError, ValueError)
    assert ImageVariationsError.__base__ is Exception


@pytest.mark.parametrize("status", [*CLASSES, 500, 501, 502, 503, 599, 600, 999, 300, 399, 402, 410, 499])
def test_an_error_status_raises_the_class_for_the_status(no_retries: Driver, recorder: Recorder, status: int) -> None:
    expected = image_variations.InternalServerError if status >= 500 else CLASSES.get(status, APIStatusError)
    assert type(error_for(no_retries, recorder, CannedResponse(status, b"{}"))) is expected


@given(status=st.integers(300, 999))
def test_every_status_from_300_raises_its_class_with_status_request_id_content_and_headers(
    no_retries: Driver, recorder: Recorder, status: int
) -> None:
    body = b"{}" if status != 304 else b""
    error = error_for(no_retries, recorder, CannedResponse(status, body, {"X-Request-Id": "req-1", "X-Other": "a"}))
    expected = image_variations.InternalServerError if status >= 500 else CLASSES.get(status, APIStatusError)
    assert type(error) is expected
    assert (error.status_code, error.request_id, error.content) == (status, "req-1", body)
    assert error.headers["x-other"] == "a"
    assert str(status) in str(error)


@given(
    status=st.sampled_from([400, 401, 404, 418, 429, 500, 503]),
    message=st.text(min_size=1, max_size=40),
    kind=TEXTS,
    param=TEXTS | st.none(),
    code=TEXTS | st.none(),
)
def test_the_error_object_of_the_contract_is_parsed_completely(
    no_retries: Driver, recorder: Recorder, status: int, message: str, kind: str, param: str | None, code: str | None
) -> None:
    value = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    value = json.loads(json.dumps(value))
    error = error_for(no_retries, recorder, CannedResponse(status, json.dumps(value).encode()))
    inner = value["error"]
    assert (error.type, error.param, error.code) == (inner["type"], inner["param"], inner["code"])
    assert error.parsed is not None
    assert error.parsed.to_dict() == value
    visible = "".join(character for character in message if character.isprintable() and character != " ").rstrip(".")
    assert visible in "".join(character for character in error.message if character != " ")
    assert error.message in str(error)


@given(value=st.dictionaries(st.sampled_from(["error", "message", "detail"]), VALUES) | VALUES)
def test_an_error_response_with_any_json_has_a_message_and_text_attributes(
    no_retries: Driver, recorder: Recorder, value: Any
) -> None:
    error = error_for(no_retries, recorder, CannedResponse(400, json.dumps(value).encode()))
    assert isinstance(error.message, str)
    assert error.message
    for text in (error.param, error.code, error.type):
        assert text is None or isinstance(text, str)
    assert len(str(error)) < 1000


@given(members=st.fixed_dictionaries({}, optional=dict.fromkeys(SCHEMAS["ErrorObject"]["properties"], VALUES)))
def test_an_error_response_with_any_error_object_has_a_message_and_text_attributes(
    no_retries: Driver, recorder: Recorder, members: dict[str, Any]
) -> None:
    error = error_for(no_retries, recorder, CannedResponse(400, json.dumps({"error": members}).encode()))
    assert error.message
    for name in ("param", "code", "type"):
        text, sent_value = getattr(error, name), members.get(name)
        assert text is None or isinstance(text, str)
        if isinstance(sent_value, str):
            assert text == json.loads(json.dumps(sent_value))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"message": "No such model.", "type": "t", "param": null, "code": null}}', "No such model"),
        (b'{"error": "No such model."}', "No such model"),
        (b'{"message": "No such model."}', "No such model"),
        (b'{"detail": "No such model."}', "No such model"),
        (b"No such model.", "No such model"),
    ],
    ids=["error object", "error text", "message", "detail", "plain text"],
)
def test_messages_in_common_other_formats_are_part_of_the_error_message(
    no_retries: Driver, recorder: Recorder, body: bytes, expected: str
) -> None:
    assert expected in str(error_for(no_retries, recorder, CannedResponse(404, body)))


@pytest.mark.parametrize("body", [b"", b" ", b"\xff\xfe", b"<html><body>" + b"x" * 5000, b"\0" * 100, b"[" * 100_000])
@pytest.mark.parametrize("status", [400, 502])
def test_an_error_response_without_an_error_object_has_a_short_message(
    no_retries: Driver, recorder: Recorder, status: int, body: bytes
) -> None:
    error = error_for(no_retries, recorder, CannedResponse(status, body, {"Content-Type": "text/html"}))
    assert error.message
    assert len(str(error)) < 600
    assert (error.param, error.code, error.type, error.parsed) == (None, None, None, None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_its_location_is_in_the_message(
    no_retries: Driver, recorder: Recorder, status: int
) -> None:
    error = error_for(no_retries, recorder, CannedResponse(status, b"", {"Location": f"{recorder.base_url}/elsewhere"}))
    assert error.status_code == status
    assert f"{recorder.base_url}/elsewhere" in str(error)
    assert error.headers["location"] == f"{recorder.base_url}/elsewhere"


MALFORMED = ("http://a.example:port/", "http://xn--/", "http://a\x01b/", "/" + "a" * 70_000)


@pytest.mark.parametrize("location", MALFORMED, ids=["port", "host", "control character", "too long"])
def test_a_redirect_to_what_is_no_url_raises_the_error_of_its_status(driver: Driver, location: str) -> None:
    with scripted_server((hear_request, say(answer(302, b"", f"Location: {location}")))) as server:
        error = outcome(lambda: driver.copy(base_url=server.base_url).call(image=image()))
        assert len(server.heard) == 1
    assert isinstance(error, APIStatusError)
    assert error.status_code == 302


@pytest.mark.parametrize("location", MALFORMED, ids=["port", "host", "control character", "too long"])
def test_a_redirect_to_what_is_no_url_is_not_retried_with_an_http_client_that_is_given(
    driver: Driver, make_http: MakeHttp, location: str
) -> None:
    with scripted_server((hear_request, say(answer(302, b"", f"Location: {location}")))) as server:
        error = outcome(lambda: driver.copy(base_url=server.base_url, http_client=make_http()).call(image=image()))
        assert len(server.heard) == 1
    assert isinstance(error, ImageVariationsError)


@pytest.mark.parametrize(
    ("headers", "rest"),
    [
        (["Content-Length: 500"], (say(b"{}"),)),
        (["Content-Length: 500"], (say(b"{}"), reset)),
        (["Content-Length: 500"], (say(b"{}"), hold)),
        (["Transfer-Encoding: chunked"], (say(b"zz\r\n"),)),
    ],
    ids=["short", "reset", "stalled", "broken chunks"],
)
def test_an_error_response_with_a_broken_body_raises_the_error_of_its_status(
    driver: Driver, headers: list[str], rest: tuple[Step, ...]
) -> None:
    head = "\r\n".join(["HTTP/1.1 401 No", *headers, "", ""]).encode()
    with scripted_server((hear_request, say(head), *rest)) as server:
        error = outcome(lambda: driver.copy(base_url=server.base_url, timeout=TIMEOUT).call(image=image()))
        assert len(server.heard) == 1
    assert type(error) is image_variations.AuthenticationError


@pytest.mark.parametrize("function", ["call", "plain", "detailed", "raw"])
def test_method_and_functions_of_the_operation_raise_the_same_errors(
    no_retries: Driver, recorder: Recorder, function: str
) -> None:
    recorder.expect(CannedResponse(422, b'{"error": {"message": "no", "type": "t", "param": "n", "code": "c"}}'))
    with pytest.raises(image_variations.UnprocessableEntityError) as caught:
        getattr(no_retries, function)(image=image())
    assert (caught.value.param, caught.value.code) == ("n", "c")
    recorder.expect(CannedResponse(200, b"{}"))
    with pytest.raises(image_variations.APIResponseValidationError):
        getattr(no_retries, function)(image=image())
    with pytest.raises(image_variations.InvalidRequestError):
        getattr(no_retries, function)(image=b"no image")


def test_a_refused_connection_raises_a_connection_error_with_a_message(make: Make) -> None:
    with make(base_url="http://127.0.0.1:1/v1", max_retries=0) as driver, pytest.raises(APIConnectionError) as caught:
        driver.call(image=image())
    assert type(caught.value) is APIConnectionError
    assert (caught.value.body, caught.value.param, caught.value.code, caught.value.type) == (None, None, None, None)
    assert caught.value.message


def test_an_https_base_url_of_a_server_without_tls_raises_a_connection_error(make: Make, recorder: Recorder) -> None:
    base_url = recorder.base_url.replace("http:", "https:")
    with make(base_url=base_url, max_retries=0) as driver, pytest.raises(APIConnectionError) as caught:
        driver.call(image=image())
    assert "httpx" not in str(caught.value)


def test_an_error_can_be_copied_and_pickled_without_the_key(no_retries: Driver, recorder: Recorder) -> None:
    """Process pools pickle errors, and an error that cannot be unpickled breaks the whole pool."""
    body = b'{"error": {"message": "no", "type": "t", "param": "n", "code": "c"}}'
    status_error = error_for(no_retries, recorder, CannedResponse(400, body, {"X-Request-Id": "req-1"}))
    recorder.expect(CannedResponse(200, b'{"created": "x"}'))
    with pytest.raises(image_variations.APIResponseValidationError) as invalid_response:
        no_retries.call(image=image())
    with pytest.raises(image_variations.InvalidRequestError) as invalid_request:
        no_retries.call(image=b"")
    for error in (status_error, invalid_response.value, invalid_request.value):
        data = pickle.dumps(error)
        assert KEY.encode() not in data
        for copied in (pickle.loads(data), copy.copy(error)):  # noqa: S301 - our own bytes
            assert type(copied) is type(error)
            assert str(copied) == str(error)
