"""Any answer that the contract allows is read and written without loss; any other is refused by its place."""

import copy
import gzip
import json
import math
import zlib
from typing import Any

import pytest
from client.answers import ANSWERS, CONTRACT, SCHEMAS, TEXTS, canonical, damaged
from client.driving import Driver
from client.recorder import Answer, Recorder
from client.subject import image_variations
from client.uploads import image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import ImagesResponse, models
from regeneration.document import resolve

DataError = image_variations.DataError
EXAMPLES = resolve(CONTRACT, "#/paths/~1images~1variations/post/responses/200/content/application~1json")["examples"]
MODELS = {"usage": "ImageUsage", "input_tokens_details": "ImageTokens", "output_tokens_details": "ImageTokens"}


def answered(driver: Driver, recorder: Recorder, value: Any, **headers: str) -> ImagesResponse:
    """Return what the client reads where the server answers with this value."""
    recorder.expect(Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json", **headers}))
    return driver.call(image=image())


# --- what the contract allows


@given(value=ANSWERS)
def test_any_valid_answer_is_written_as_it_was_read(value: dict[str, Any]) -> None:
    before = copy.deepcopy(value)
    answer = ImagesResponse.from_dict(value)
    assert canonical(value) == canonical(before)
    assert canonical(answer.to_dict()) == canonical(before)
    assert canonical(ImagesResponse.from_dict(answer.to_dict()).to_dict()) == canonical(before)


@given(value=ANSWERS)
def test_any_valid_answer_is_read_off_the_wire_without_loss(
    driver: Driver, recorder: Recorder, value: dict[str, Any]
) -> None:
    # What JSON makes of it, by the standard library: two lone surrogates that meet become one character.
    on_the_wire = json.loads(json.dumps(value))
    assert canonical(answered(driver, recorder, value).to_dict()) == canonical(on_the_wire)


@given(value=ANSWERS)
def test_every_member_is_an_attribute(value: dict[str, Any]) -> None:
    same(ImagesResponse.from_dict(value), "ImagesResponse", value)


def same(model: object, name: str, value: dict[str, Any]) -> None:
    """Check each attribute of a model against the object that it was read from."""
    known = SCHEMAS[name]["properties"]
    assert type(model).__name__ == name
    for member in known:
        attribute, expected = getattr(model, member), value.get(member)
        if member == "data":
            assert type(attribute) is list
            assert len(attribute) == len(expected or [])
            for item, inner in zip(attribute, expected or [], strict=True):
                same(item, "Image", inner)
        elif member in MODELS and expected is not None:
            same(attribute, MODELS[member], expected)
        else:
            assert attribute == expected
            assert expected is None or type(attribute) is (int if known[member]["type"] == "integer" else str)
    others = {member: inner for member, inner in value.items() if member not in known or inner is None}
    assert getattr(model, "additional_properties") == others  # noqa: B009 - a model of any kind


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_contract_are_read_whole(driver: Driver, recorder: Recorder, example: str) -> None:
    value = EXAMPLES[example]["value"]
    answer = answered(driver, recorder, value)
    assert answer.to_dict() == value
    assert [item.url is None for item in answer.data] == [example == "b64_json"] * len(answer.data)


def test_what_is_read_is_apart_from_what_it_was_read_from() -> None:
    value = {"created": 1, "data": [{"url": "x"}], "more": 1}
    answer = ImagesResponse.from_dict(value)
    answer.data.clear()
    answer.additional_properties["more"] = 2
    assert value == {"created": 1, "data": [{"url": "x"}], "more": 1}


def test_a_model_can_be_made_by_hand_and_written() -> None:
    answer = ImagesResponse(created=1, data=[models.Image(url="x")], size="256x256")
    assert answer.to_dict() == {"created": 1, "data": [{"url": "x"}], "size": "256x256"}


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("gzip, deflate", None)],
)
def test_a_compressed_answer_is_read(driver: Driver, recorder: Recorder, encoding: str, encode: Any) -> None:
    plain = json.dumps({"created": 1, "data": [{"b64_json": "YQ==" * 50_000}]}).encode()
    body = encode(plain) if encode else zlib.compress(gzip.compress(plain))
    recorder.expect(Answer(200, body, {"Content-Encoding": encoding}))
    assert driver.call(image=image()).to_dict() == json.loads(plain)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "text/plain", "text/html", "", None])
def test_the_content_type_of_an_answer_does_not_matter(
    driver: Driver, recorder: Recorder, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    recorder.expect(Answer(200, b'{"created": 1, "data": [{"url": "x"}]}', headers))
    assert driver.call(image=image()).created == 1


def test_the_detailed_function_returns_all_of_the_answer(driver: Driver, recorder: Recorder) -> None:
    body = b'{"created": 1, "data": [{"url": "x"}]}'
    recorder.expect(Answer(200, body, {"X-Request-Id": "req-1", "X-Other": "a"}))
    response = driver.detailed(image=image())
    assert response.status_code == 200
    assert response.content == body
    assert response.headers["x-other"] == "a"
    assert response.request_id == "req-1"
    assert response.parsed.to_dict() == json.loads(body)


# --- what it does not allow


@given(drawn=damaged())
def test_one_wrong_value_is_refused_by_the_name_of_its_place(drawn: tuple[dict[str, Any], str]) -> None:
    value, place = drawn
    with pytest.raises(DataError) as refused:
        ImagesResponse.from_dict(value)
    assert refused.value.field == place
    assert place in str(refused.value)
    assert len(str(refused.value)) < 300


@given(drawn=damaged())
def test_one_wrong_value_off_the_wire_is_refused_by_the_name_of_its_place(
    driver: Driver, recorder: Recorder, drawn: tuple[dict[str, Any], str]
) -> None:
    value, place = drawn
    with pytest.raises(image_variations.APIResponseValidationError) as refused:
        answered(driver, recorder, value, **{"X-Request-Id": "req-7"})
    error = refused.value
    assert (error.field, error.status_code, error.request_id) == (place, 200, "req-7")
    assert error.content == json.dumps(value).encode()[: 1 << 16]
    assert place in str(error)
    assert len(str(error)) < 600


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1.5, True], ids=str)
def test_a_number_that_is_not_whole_is_no_integer(number: float) -> None:
    with pytest.raises(DataError) as refused:
        ImagesResponse.from_dict({"created": number, "data": [{"url": "x"}]})
    assert refused.value.field == "created"


@given(value=st.none() | st.booleans() | st.integers() | TEXTS | st.lists(st.integers()))
def test_what_is_no_object_is_refused(driver: Driver, recorder: Recorder, value: Any) -> None:
    with pytest.raises(DataError):
        ImagesResponse.from_dict(value)
    with pytest.raises(image_variations.APIResponseValidationError):
        answered(driver, recorder, value)


UNREAD = [
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


@pytest.mark.parametrize("body", UNREAD, ids=range(len(UNREAD)))
def test_what_is_not_the_answer_of_the_contract_is_refused(driver: Driver, recorder: Recorder, body: bytes) -> None:
    recorder.expect(Answer(200, body))
    with pytest.raises(image_variations.APIResponseValidationError) as refused:
        driver.call(image=image())
    assert refused.value.content == body[: 1 << 16]
    assert len(str(refused.value)) < 600


def test_an_answer_that_is_not_of_the_contract_is_not_asked_for_again(make: Any, recorder: Recorder) -> None:
    recorder.expect(Answer(200, b"{}"))
    with make(base_url=recorder.base_url) as driver, pytest.raises(image_variations.APIResponseValidationError):
        driver.call(image=image())
    recorder.only()
