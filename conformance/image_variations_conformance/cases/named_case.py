"""A row of the tables of named cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from attrs import field, frozen

from ..wire.exchange import Request
from .builder import Builder

Depth = Literal["quick", "standard", "deep"]
DEPTHS: tuple[Depth, ...] = get_args(Depth)
Build = Callable[[Builder], Request]


def _ids(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@frozen
class NamedCase:
    """A row of the catalogue: a label, the ids of the requirements, a short note, and how the request is made.

    `fields` are the text fields of a plain form, `depth` is the least depth at which it is sent. `last` ones are sent
    at the end of a run, because a server may die of them.
    """

    label: str
    requirements: tuple[str, ...] = field(converter=_ids)
    note: str
    build: Build
    fields: Mapping[str, str] = field(factory=dict)
    depth: Depth = "standard"
    last: bool = False


def is_of_key(label: str) -> bool:
    """Return whether a row is about the API key: the labels of all of them begin with this word."""
    return label.startswith("key-")


def form_case(label: str, requirements: str, *, depth: Depth = "standard", **fields: str) -> NamedCase:
    """Return a case that is a plain form: an image, the base, and these fields."""
    note = ", ".join(f"{name}={shown(value)}" for name, value in fields.items())
    return NamedCase(label, requirements, note, lambda b: b.form(**fields), fields, depth)


def shown(value: str) -> str:
    """Return a value of a field for a note: quoted, in ASCII, and cut."""
    return ascii(value) if len(value) <= 24 else f"{value[:20]!a}... ({len(value)} characters)"
