"""Writing the values of models: as JSON, and as the texts of forms, queries and paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Protocol, cast, runtime_checkable
from urllib.parse import quote
from uuid import UUID

from .errors import InvalidRequestError


@runtime_checkable
class _Model(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


def jsonable(value: object) -> Any:
    """`value` as the dicts, lists and plain values that JSON is made of."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {name: jsonable(member) for name, member in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence):
        return [jsonable(item) for item in cast("Sequence[object]", value)]
    return value.to_dict() if isinstance(value, _Model) else value


def texts(name: str, value: object) -> Iterator[tuple[str, str]]:
    """The fields of a form or a query that say `value` under `name`: none for None, one an item for a list."""
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
    """The same for each of the values, under its name."""
    for name, value in (values or {}).items():
        yield from texts(name, value)


def text(name: str, value: object) -> str:
    """`value` as one text. Raises `InvalidRequestError` where it cannot be sent as UTF-8."""
    plain = jsonable(value)
    said = str(plain).lower() if isinstance(plain, bool) else str(plain)
    try:
        said.encode()
    except UnicodeEncodeError:
        raise InvalidRequestError(f"{name} holds half a character (a lone surrogate).", param=name) from None
    return said


def path(name: str, value: object) -> str:
    """`value` as one step of a path."""
    return quote(text(name, value), safe="")
