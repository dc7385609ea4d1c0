"""Encode values as JSON, and as strings for forms, queries and paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Any, Protocol, cast, runtime_checkable
from urllib.parse import quote
from uuid import UUID

from .errors import InvalidRequestError


@runtime_checkable
class _Model(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


def is_file(value: object) -> bool:
    """Return whether a value is bytes or an open file. Some models have a method `read`, too."""
    is_open = hasattr(value, "read") and not isinstance(value, _Model)
    return is_open or isinstance(value, bytes | bytearray | memoryview)


def jsonable(value: object) -> Any:
    """Return `value` as the dicts, lists and scalars of JSON. A value of an unknown type is returned unchanged."""
    if isinstance(value, Enum):
        return jsonable(value.value)
    if value is None or isinstance(value, str | int | float | bool) or is_file(value):
        return value
    if isinstance(value, date):  # also datetime, a subclass
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {name: jsonable(member) for name, member in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence):
        return [jsonable(item) for item in cast("Sequence[object]", value)]
    return value.to_dict() if isinstance(value, _Model) else value


def texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the name and text of the fields of a form or a query for `value`.

    There is one field per item of a list, one per member of an object, under its own name, and none for None.
    """
    plain = jsonable(value)
    if isinstance(plain, list):
        for item in cast("list[object]", plain):
            yield from texts(name, item)
    elif isinstance(plain, dict):
        for inner, member in cast("dict[str, object]", plain).items():
            yield from texts(inner, member)
    elif plain is not None:
        yield name, text(name, plain)


def all_texts(values: Mapping[str, object] | None) -> Iterator[tuple[str, str]]:
    """Yield the fields of all `values`, like `texts`."""
    for name, value in (values or {}).items():
        yield from texts(name, value)


def text(name: str, value: object) -> str:
    """Return `value` as text. Raises `InvalidRequestError` if it cannot be written in UTF-8."""
    plain = jsonable(value)
    if is_file(plain):
        raise InvalidRequestError(f"{name} must be text here, and is of type {type(plain).__name__}.", param=name)
    try:
        string = str(plain).lower() if isinstance(plain, bool) else str(plain)
        string.encode()
    except UnicodeEncodeError:
        raise InvalidRequestError(f"{name} holds half a character (a lone surrogate).", param=name) from None
    except ValueError:
        raise InvalidRequestError(f"{name} is a number of too many digits to be written.", param=name) from None
    return string


def path(name: str, value: object) -> str:
    """Return `value` as one percent-encoded segment of a path."""
    return quote(text(name, value), safe="")
