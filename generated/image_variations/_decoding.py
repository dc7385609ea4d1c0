"""Checked reading of JSON values: each function returns what it was given as the type it is named after.

What is of another type raises `DataError`, to which the functions that look into values add the way there. Only types
are checked. What the contract says of values (bounds, the words of an enum) is for servers to keep; a client that knows
less than the server has to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date as Date
from datetime import datetime as DateTime
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
    str: "a text",
    list: "an array",
    dict: "an object",
}


def _wrong(expected: str, value: object) -> DataError:
    return DataError(f"expected {expected}, not {_NAMES.get(type(value), type(value).__name__)}")


def anything(value: object) -> Any:
    """Any value."""
    return value


def null(value: object) -> None:
    """Null."""
    if value is not None:
        raise _wrong("null", value)


def boolean(value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise _wrong("a boolean", value)


def integer(value: object) -> int:
    """A whole number; `1.0` is one, as JSON Schema has it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise DataError("expected a whole number") if isinstance(value, float) else _wrong("a whole number", value)


def number(value: object) -> float:
    """A number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _wrong("a number", value)


def text(value: object) -> str:
    """A text."""
    if isinstance(value, str):
        return value
    raise _wrong("a text", value)


def date(value: object) -> Date:
    """A date (RFC 3339)."""
    return _parsed(value, Date.fromisoformat, "a date")


def datetime(value: object) -> DateTime:
    """A date and time (RFC 3339)."""
    return _parsed(value, DateTime.fromisoformat, "a date and time")


def uuid(value: object) -> UUID:
    """A UUID."""
    return _parsed(value, UUID, "a UUID")


def members(value: object) -> dict[str, Any]:
    """A copy of an object, for its members to be taken from."""
    if isinstance(value, dict):
        return dict(cast("dict[str, Any]", value))
    raise _wrong("an object", value)


def items(decode: Decoder[T]) -> Decoder[list[T]]:
    """An array whose items are read by `decode`."""

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
    """What `first` takes, or else what `second` takes."""

    def decode_either(value: object) -> A | B:
        try:
            return first(value)
        except DataError as error:
            try:
                return second(value)
            except DataError as other:
                # Of what was looked into, the deeper complaint is of more use than "expected null".
                raise (error if error.field else other) from None

    return decode_either


def constant(wanted: T) -> Decoder[T]:
    """This one value."""

    def decode_constant(value: object) -> T:
        if value == wanted and isinstance(value, type(wanted)):
            return wanted
        raise DataError(f"expected {wanted!r}")

    return decode_constant


def take(values: dict[str, Any], name: str, decode: Decoder[T]) -> T:
    """Remove the member `name` and return it, read by `decode`."""
    if name not in values:
        raise DataError("is missing").within(name)
    try:
        return decode(values.pop(name))
    except DataError as error:
        raise error.within(name) from None


def take_optional(values: dict[str, Any], name: str, decode: Decoder[T]) -> T | None:
    """Remove the member `name` and return it, read by `decode`; None where there is none, or null.

    Null stays among the members, so that what was absent and what was null are not the same when written again.
    """
    return None if values.get(name) is None else take(values, name, decode)


def rest(values: dict[str, Any], decode: Decoder[T]) -> dict[str, T | None]:
    """The members left, each read by `decode`."""
    return {name: take_optional(dict(values), name, decode) for name in values}


def _parsed(value: object, parse: Callable[[str], T], expected: str) -> T:
    if not isinstance(value, str):
        raise _wrong(expected, value)
    try:
        return parse(value)
    except ValueError:
        raise DataError(f"expected {expected}, not another text") from None
