"""The libraries of the extra `[speed]` change how long reading takes, and nothing else."""

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
ODD = st.sampled_from(
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
    | ODD
    | st.lists(NUMBERS | TEXTS | ODD, max_size=3).map(lambda items: f"[{', '.join(items)}]")
)
BODIES = JSON_TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40)

BASE64_CHARACTERS = st.text(st.sampled_from("QUJDabc+/-_=\n\r\t é\x00"), max_size=12)


def result(function: Callable[[Any], object], argument: object) -> object:
    """What the function returns, or the kind of error that it raises; to be compared with another's."""
    try:
        return _comparable(function(argument))
    except (ValueError, RecursionError) as error:
        return RecursionError if isinstance(error, RecursionError) else ValueError


def _comparable(value: object) -> object:
    """The value with the types of its numbers, so that 1, 1.0 and True are three, and NaN is itself."""
    if isinstance(value, dict):
        return "dict", [(name, _comparable(member)) for name, member in value.items()]
    if isinstance(value, list):
        return "list", [_comparable(item) for item in value]
    if isinstance(value, float):
        return "float", "nan" if math.isnan(value) else value, math.copysign(1, value)
    return type(value).__name__, value


@pytest.fixture(autouse=True, scope="module")
def _both_are_installed() -> None:
    assert _json._fast_loads() is not None
    assert _json._fast_decode_base64() is not None


def plainly(function: Callable[[Any], object], argument: object) -> object:
    """The same result, as it is without the extra."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json, "_fast_loads", lambda: None)
        patch.setattr(_json, "_fast_decode_base64", lambda: None)
        return result(function, argument)


@given(body=BODIES)
def test_any_body_is_read_as_the_same_json_or_as_none(body: bytes) -> None:
    assert result(_json.loads, body) == plainly(_json.loads, body)


@given(text=BASE64_CHARACTERS | st.binary(max_size=12).map(lambda content: base64.b64encode(content).decode()))
def test_any_text_is_read_as_the_same_base64_or_as_none(text: str) -> None:
    assert result(_json.decode_base64, text) == plainly(_json.decode_base64, text)


@given(content=st.binary())
def test_base64_is_read_as_what_it_was_made_of(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    assert result(_json.decode_base64, text) == ("bytes", content) == plainly(_json.decode_base64, text)


@given(value=VALUES.filter(lambda value: "NaN" not in json.dumps(value) and "Infinity" not in json.dumps(value)))
def test_json_is_read_as_what_it_was_made_of(value: object) -> None:
    assert _comparable(_json.loads(json.dumps(value).encode())) == _comparable(value)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_what_is_no_json_is_not_taken(text: str) -> None:
    assert result(_json.loads, text.encode()) is ValueError is plainly(_json.loads, text.encode())
