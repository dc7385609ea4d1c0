"""Any valid response is parsed and serialized without loss. An invalid one is refused with the place of the error."""

import copy
import gzip
import json
import math
import zlib
from typing import Any

import pytest
from client.answers import CONTRACT, RESPONSES, SCHEMAS, TEXTS, canonical, damaged
from client.driving import Driver
from client.recorder import CannedResponse, Recorder
from client.subject import image_variations
from client.uploads import image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import ImagesResponse, models
from regeneration.document import resolve

DataError = image_variations.DataError
EXAMPLES = resolve(CONTRACT, "#/paths/~1images~1variations/post/responses/200/content/application~1json")["examples"]
MODELS = {"usage": "ImageUsage", "input_tokens_details": "ImageTokens", "output_tokens_details": "ImageTokens"}


def response_for(driver: Driver, recorder: Recorder, value: Any, **headers: str) -> ImagesResponse:
    """Return the response that the client parses when the server sends this value as JSON."""
    recorder.expect(CannedResponse(200, json.dumps(value).encode(), {"Content-Type": "application/json", **headers}))
    return driver.call(image=image())


# --- valid responses


@given(value=RESPONSES)
def test_any_valid_response_is_serialized_to_the_value_it_was_parsed_from(value: dict[str, Any]) -> None:
    before = copy.deepcopy(value)
    response = ImagesResponse.from_dict(value)
    assert canonical(value) == canonical(before)
    assert canonical(response.to_dict()) == canonical(before)
    assert canonical(ImagesResponse.from_dict(response.to_dict()).to_dict()) == canonical(before)


@given(value=RESPONSES)
def test_any_valid_response_over_http_is_parsed_without_loss(
    driver: Driver, recorder: Recorder, value: dict[str, Any]
) -> None:
    # The standard library decodes two adjacent lone surrogates as one character.
    decoded = json.loads(json.dumps(value))
    assert canonical(response_for(driver, recorder, value).to_dict()) == canonical(decoded)


@given(value=RESPONSES)
def test_every_member_becomes_an_attribute(value: dict[str, Any]) -> None:
    assert_same(ImagesResponse.from_dict(value), "ImagesResponse", value)


def assert_same(model: object, name: str, value: dict[str, Any]) -> None:
    """Check each attribute of a model against the object that it was read from."""
    known = SCHEMAS[name]["properties"]
    assert type(model).__name__ == name
    for member in known:
        attribute, expected = getattr(model, member), value.get(member)
        if member == "data":
            assert type(attribute) is list
            assert len(attribute) == len(expected or [])
            for item, inner in zip(attribute, expected or [], strict=True):
                assert_same(item, "Image", inner)
        elif member in MODELS and expected is not None:
            assert_same(attribute, MODELS[member], expected)
        else:
            assert attribute == expected
            assert expected is None or type(attribute) is (int if known[member]["type"] == "integer" else str)
    others = {member: inner for member, inner in value.items() if member not in known or inner is None}
    assert getattr(model, "additional_properties") == others  # noqa: B009 - `model` is typed as object


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_contract_are_parsed_completely(driver: Driver, recorder: Recorder, example: str) -> None:
    value = EXAMPLES[example]["value"]
    response = response_for(driver, recorder, value)
    assert response.to_dict() == value
    assert [item.url is None for item in response.data] == [example == "b64_json"] * len(response.data)


def test_changing_a_parsed_response_does_not_change_the_value_it_was_parsed_from() -> None:
    value = {"created": 1, "data": [{"url": "x"}], "more": 1}
    response = ImagesResponse.from_dict(value)
    response.data.clear()
    response.additional_properties["more"] = 2
    assert value == {"created": 1, "data": [{"url": "x"}], "more": 1}


def test_a_model_can_be_constructed_and_serialized() -> None:
    response = ImagesResponse(created=1, data=[models.Image(url="x")], size="256x256")
    assert response.to_dict() == {"created": 1, "data": [{"url": "x"}], "size": "256x256"}


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("gzip, deflate", None)],
)
def test_a_compressed_response_is_decoded(driver: Driver, recorder: Recorder, encoding: str, encode: Any) -> None:
    plain = json.dumps({"created": 1, "data": [{"b64_json": "YQ==" * 50_000}]}).encode()
    body = encode(plain) if encode else zlib.compress(gzip.compress(plain))
    recorder.expect(CannedResponse(200, body, {"Content-Encoding": encoding}))
    assert driver.call(image=image()).to_dict() == json.loads(plain)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain", "text/html", "", None])
def test_the_content_type_of_a_successful_response_is_ignored(
    driver: Driver, recorder: Recorder, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    recorder.expect(CannedResponse(200, b'{"created": 1, "data": [{"url": "x"}]}', headers))
    assert driver.call(image=image()).created == 1


@pytest.mark.parametrize("way", ["detailed", "raw"])
def test_the_detailed_function_and_the_raw_method_return_status_headers_content_and_parsed_response(
    driver: Driver, recorder: Recorder, way: str
) -> None:
    body = b'{"created": 1, "data": [{"url": "x"}]}'
    recorder.expect(CannedResponse(200, body, {"X-Request-Id": "req-1", "X-Other": "a"}))
    response = getattr(driver, way)(image=image())
    assert response.status_code == 200
    assert response.content == body
    assert response.headers["x-other"] == "a"
    assert response.request_id == "req-1"
    assert response.parsed.to_dict() == json.loads(body)


# --- invalid responses


@given(drawn=damaged())
def test_one_invalid_value_raises_data_error_with_the_name_of_its_place(drawn: tuple[dict[str, Any], str]) -> None:
    value, place = drawn
    with pytest.raises(DataError) as caught:
        ImagesResponse.from_dict(value)
    assert caught.value.field == place
    assert place in str(caught.value)
    assert len(str(caught.value)) < 300


@given(drawn=damaged())
def test_one_invalid_value_over_http_raises_a_validation_error_with_the_name_of_its_place(
    driver: Driver, recorder: Recorder, drawn: tuple[dict[str, Any], str]
) -> None:
    value, place = drawn
    with pytest.raises(image_variations.APIResponseValidationError) as caught:
        response_for(driver, recorder, value, **{"X-Request-Id": "req-7"})
    error = caught.value
    assert (error.field, error.status_code, error.request_id) == (place, 200, "req-7")
    assert error.content == json.dumps(value).encode()[: 1 << 16]
    assert place in str(error)
    assert len(str(error)) < 600


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1.5, True], ids=str)
def test_created_that_is_not_a_whole_number_raises_data_error(number: float) -> None:
    with pytest.raises(DataError) as caught:
        ImagesResponse.from_dict({"created": number, "data": [{"url": "x"}]})
    assert caught.value.field == "created"


@given(value=st.none() | st.booleans() | st.integers() | TEXTS | st.lists(st.integers()))
def test_a_response_that_is_not_an_object_is_refused(driver: Driver, recorder: Recorder, value: Any) -> None:
    with pytest.raises(DataError):
        ImagesResponse.from_dict(value)
    with pytest.raises(image_variations.APIResponseValidationError):
        response_for(driver, recorder, value)


INVALID_BODIES = [
    *(b"", b" ", b"{", b"{}", b"nul", b"<html>", b"\xff\xfe", b'{"created": 1, "data": [{"url": "x"}]} x', b"\0"),
    *(b'{"created": 1, "data": [{"url": "\xff"}]}', b'{"created": 1, "data": [{"url": "x"}]', b'"\\ud800"'),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'{"created": ' + b"1" * 5000 + b', "data": []', b'{"created": 1e999}'),
    *(
        b'{"created": ' + b"1" * 5000 + b', "data": [{"url": 1}]}',
        b'{"created": NaN, "data": [{"url": "x"}]}',
        b'{"created": 1, "data": [{"url": "x"}], "more": NaN}',
    ),
    *(b'{"created": -Infinity, "data": []}', b'{"error": {"message": "no"}}', b'{"message": "TODO"}', b"null"),
]


@pytest.mark.parametrize("body", INVALID_BODIES, ids=range(len(INVALID_BODIES)))
def test_a_body_that_is_not_a_valid_response_raises_a_short_validation_error(
    driver: Driver, recorder: Recorder, body: bytes
) -> None:
    recorder.expect(CannedResponse(200, body))
    with pytest.raises(image_variations.APIResponseValidationError) as caught:
        driver.call(image=image())
    assert caught.value.content == body[: 1 << 16]
    assert len(str(caught.value)) < 600


def test_a_request_with_an_invalid_response_is_not_retried(make: Any, recorder: Recorder) -> None:
    recorder.expect(CannedResponse(200, b"{}"))
    with make(base_url=recorder.base_url) as driver, pytest.raises(image_variations.APIResponseValidationError):
        driver.call(image=image())
    recorder.only()
