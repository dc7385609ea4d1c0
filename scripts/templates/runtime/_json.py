"""Decode JSON and base64, with msgspec and pybase64 if they are installed, and with the same results without them."""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import NoReturn, cast

# Each comma and each opening bracket begins at most one value. A value takes about 300 bytes of memory once it is
# decoded to a model, so this is about 80 MiB. Base64 has none of these characters.
MAX_VALUES = 1 << 18


class TooManyValues(ValueError):
    """A JSON text has more values than would be safe to decode."""


def loads(content: bytes) -> object:
    """Return the value of a JSON text in UTF-8.

    Raises `TooManyValues` before anything is decoded if the text may have more than MAX_VALUES values, `ValueError` for
    invalid JSON, including NaN and Infinity, and `RecursionError` for JSON nested too deeply.
    """
    if not _has_few_values(content):
        raise TooManyValues(f"it has more than {MAX_VALUES} values")
    fast = _fast_loads()
    if fast is not None:
        try:
            return fast(content)
        except (ValueError, RecursionError):
            pass  # The standard library decides, so that the result is the same without msgspec.
    return json.loads(content.decode("utf-8-sig"), parse_constant=_raise_not_json)


def _has_few_values(content: bytes) -> bool:
    """Return whether a text has at most MAX_VALUES of the characters that begin a value.

    Files in base64 have none, so looking for the next one is several times as fast as counting.
    """
    left = MAX_VALUES
    for character in (b",", b"[", b"{"):
        at = content.find(character)
        while at >= 0:
            left -= 1
            if left < 0:
                return False
            at = content.find(character, at + 1)
    return True


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard base64 with padding. Raises `ValueError` for anything else, such as line breaks."""
    fast = _fast_decode_base64()
    if fast is not None:
        try:
            return fast(text)
        except ValueError:
            pass
    if len(text) % 4 or text.endswith("==="):
        raise ValueError("wrong padding")  # the standard library accepts it
    return binascii.a2b_base64(text, strict_mode=True)


@cache
def _fast_loads() -> Callable[[bytes], object] | None:
    try:
        msgspec = import_module("msgspec")
    except ImportError:
        return None
    return cast("Callable[[bytes], object]", msgspec.json.Decoder().decode)


@cache
def _fast_decode_base64() -> Callable[[str], bytes] | None:
    try:
        pybase64 = import_module("pybase64")
    except ImportError:
        return None
    return cast("Callable[[str], bytes]", partial(pybase64.b64decode, validate=True))


def _raise_not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
