"""Decode JSON values: each function returns its argument as the type that the function is named after.

A value of another type raises `DataError`, to which the functions for objects and arrays add the place of the value.
Only types are checked, not bounds or enum values, so that the client still works with a server whose contract is newer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast
from uuid import UUID

from .errors import DataError

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
Decoder: TypeAlias = Callable[[object], T]

_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def _wrong(expected: str, value: object) -> DataError:
    return DataError(f"expected {expected}, not {_NAMES.get(type(value), type(value).__name__)}")


def anything(value: object) -> Any:
    """Return any value unchanged."""
    return value


def null(value: object) -> None:
    """Accept null only."""
    if value is not None:
        raise _wrong("null", value)


def boolean(value: object) -> bool:
    """Return a boolean."""
    if isinstance(value, bool):
        return value
    raise _wrong("a boolean", value)


def integer(value: object) -> int:
    """Return an integer. `1.0` is one too, as in JSON Schema."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise DataError("expected a whole number") if isinstance(value, float) else _wrong("a whole number", value)


def number(value: object) -> float:
    """Return a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _wrong("a number", value)


def text(value: object) -> str:
    """Return a string."""
    if isinstance(value, str):
        return value
    raise _wrong("a string", value)


def date(value: object) -> dt.date:
    """Return a date (RFC 3339)."""
    return _parsed(value, dt.date.fromisoformat, "a date")


def datetime(value: object) -> dt.datetime:
    """Return a date and time (RFC 3339)."""
    return _parsed(value, dt.datetime.fromisoformat, "a date and time")


def uuid(value: object) -> UUID:
    """Return a UUID."""
    return _parsed(value, UUID, "a UUID")


def members(value: object) -> dict[str, Any]:
    """Return a copy of an object, from which `take` removes members."""
    if isinstance(value, dict):
        return dict(cast("dict[str, Any]", value))
    raise _wrong("an object", value)


def items(decode: Decoder[T]) -> Decoder[list[T]]:
    """Return the decoder of an array whose items are decoded by `decode`."""

    def decode_items(value: object) -> list[T]:
        if not isinstance(value, list):
            raise _wrong("an array", value)
        decoded: list[T] = []
        for item in cast("list[object]", value):
            try:
                decoded.append(decode(item))
            except DataError as error:
                raise error.within(len(decoded)) from None
        return decoded

    return decode_items


def either(first: Decoder[A], second: Decoder[B]) -> Decoder[A | B]:
    """Return the decoder that tries `first`, then `second`."""

    def decode_either(value: object) -> A | B:
        try:
            return first(value)
        except DataError as error:
            try:
                return second(value)
            except DataError as other:
                # An error within the value says more than an error of its type, such as "expected null".
                raise (error if error.field else other) from None

    return decode_either


def constant(expected: T) -> Decoder[T]:
    """Return the decoder of a constant."""

    def decode_constant(value: object) -> T:
        if value == expected and isinstance(value, type(expected)):
            return expected
        raise DataError(f"expected {expected!r}")

    return decode_constant


def take(values: dict[str, Any], name: str, decode: Decoder[T]) -> T:
    """Remove the member `name` and return it, decoded by `decode`. Raises `DataError` if it is missing."""
    if name not in values:
        raise DataError("is missing").within(name)
    try:
        return decode(values.pop(name))
    except DataError as error:
        raise error.within(name) from None


def take_optional(values: dict[str, Any], name: str, decode: Decoder[T]) -> T | None:
    """Remove the member `name` and return it, decoded by `decode`, or None if it is absent or null.

    A null stays in `values`, so that `to_dict` writes null for it, and nothing for an absent member.
    """
    return None if values.get(name) is None else take(values, name, decode)


def rest(values: dict[str, Any], decode: Decoder[T]) -> dict[str, T | None]:
    """Return the remaining members, each decoded by `decode`."""
    return {name: take_optional(dict(values), name, decode) for name in values}


def _parsed(value: object, parse: Callable[[str], T], expected: str) -> T:
    if not isinstance(value, str):
        raise _wrong(expected, value)
    try:
        return parse(value)
    except ValueError:
        raise DataError(f"expected {expected}, not another string") from None
