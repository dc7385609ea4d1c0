"""The libraries of the extra `[speed]` make decoding faster and do not change its results."""

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from client.subject import MODULES
from hypothesis import given
from hypothesis import strategies as st

_json: Any = MODULES["image_variations._json"]

NUMBERS = st.sampled_from(
    [
        "1e400",
        "-0",
        "-0.0",
        "1E5",
        "1.0",
        "12345678901234567890123",
        "9" * 5000,
        "01",
        "1.",
        ".5",
        "+1",
        "0x1",
        "1e-400",
    ]
)
TEXTS = st.sampled_from([r'"\ud800"', r'"\udc00\ud800"', r'"\u0000"', '"\x00"', '"\n"', r'"\x"', '"\U0001f600"', '"a'])
OTHER_TEXTS = st.sampled_from(
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "",
        " ",
        "\ufeff1",
        "[1,]",
        "[" * 5000,
        '{"a":1,"a":2}',
        "{1:2}",
        "//x\n1",
        "1 2",
        "\x0b1",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
JSON_TEXTS = (
    VALUES.map(json.dumps)
    | NUMBERS
    | TEXTS
    | OTHER_TEXTS
    | st.lists(NUMBERS | TEXTS | OTHER_TEXTS, max_size=3).map(lambda items: f"[{', '.join(items)}]")
)
BODIES = JSON_TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40)

BASE64_CHARACTERS = st.text(st.sampled_from("QUJDabc+/-_=\n\r\t é\x00"), max_size=12)


def result(function: Callable[[Any], object], argument: object) -> object:
    """Return the result of a function in comparable form, or ValueError or RecursionError if it raises one."""
    try:
        return _comparable(function(argument))
    except (ValueError, RecursionError) as error:
        return RecursionError if isinstance(error, RecursionError) else ValueError


def _comparable(value: object) -> object:
    """Return a value with the types of its parts, so that 1, 1.0 and True differ and NaN equals itself."""
    if isinstance(value, dict):
        return "dict", [(name, _comparable(member)) for name, member in value.items()]
    if isinstance(value, list):
        return "list", [_comparable(item) for item in value]
    if isinstance(value, float):
        return "float", "nan" if math.isnan(value) else value, math.copysign(1, value)
    return type(value).__name__, value


@pytest.fixture(autouse=True, scope="module")
def _libraries_are_installed() -> None:
    assert _json._fast_loads() is not None
    assert _json._fast_decode_base64() is not None


def result_without_extra(function: Callable[[Any], object], argument: object) -> object:
    """Return the same as `result`, with the libraries of the extra disabled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json, "_fast_loads", lambda: None)
        patch.setattr(_json, "_fast_decode_base64", lambda: None)
        return result(function, argument)


@given(body=BODIES)
def test_any_body_gives_the_same_json_or_error_with_and_without_the_extra(body: bytes) -> None:
    assert result(_json.loads, body) == result_without_extra(_json.loads, body)


@given(text=BASE64_CHARACTERS | st.binary(max_size=12).map(lambda content: base64.b64encode(content).decode()))
def test_any_text_gives_the_same_base64_content_or_error_with_and_without_the_extra(text: str) -> None:
    assert result(_json.decode_base64, text) == result_without_extra(_json.decode_base64, text)


@given(content=st.binary())
def test_base64_is_decoded_to_its_original_content(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    assert result(_json.decode_base64, text) == ("bytes", content) == result_without_extra(_json.decode_base64, text)


@given(value=VALUES.filter(lambda value: "NaN" not in json.dumps(value) and "Infinity" not in json.dumps(value)))
def test_json_is_decoded_to_its_original_value(value: object) -> None:
    assert _comparable(_json.loads(json.dumps(value).encode())) == _comparable(value)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_nan_and_infinity_are_refused(text: str) -> None:
    assert result(_json.loads, text.encode()) is ValueError is result_without_extra(_json.loads, text.encode())
