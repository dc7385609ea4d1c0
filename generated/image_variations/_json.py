"""Reading JSON and base64: by msgspec and pybase64 where they are installed, with the same results without them."""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import NoReturn, cast


def loads(content: bytes) -> object:
    """The value of a JSON text in UTF-8. Raises `ValueError` where it is none, `RecursionError` where it is too deep.

    NaN and Infinity, which are no JSON, are not taken.
    """
    fast = _fast_loads()
    if fast is not None:
        try:
            return fast(content)
        except (ValueError, RecursionError):
            pass  # The standard library has the last word, so that the result is the same without the extra.
    return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse)


def decode_base64(text: str) -> bytes:
    """The bytes that `text` says in standard base64, padded and unbroken. Raises `ValueError` where it is not that."""
    fast = _fast_decode_base64()
    if fast is not None:
        try:
            return fast(text)
        except ValueError:
            pass
    if len(text) % 4 or text.endswith("==="):
        raise ValueError("wrong padding")  # which the standard library lets through
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


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
