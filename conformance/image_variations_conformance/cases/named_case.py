"""A row of the catalogue of named cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from ..wire.exchange import Request
from ..wire.multipart import Part, text_part
from .case import Builder

SMALL = {"size": "256x256", "response_format": "b64_json"}
"""Fields that keep an accepted request cheap: the smallest size, and the image in the response."""

Build = Callable[[Builder], Request]


def _ids(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text.split()) if isinstance(text, str) else text


@frozen
class NamedCase:
    """A row of the catalogue: a label, the ids of the requirements, a short note, and how the request is made.

    A combined case has several features; `parts` has them one by one. `fields` are the text fields of a plain form.
    """

    label: str
    requirements: tuple[str, ...] = field(converter=_ids)
    note: str
    build: Build
    concurrent_with: str | None = None
    parts: tuple[NamedCase, ...] = ()
    fields: Mapping[str, str] = field(factory=dict)


def form_case(label: str, requirements: str, **fields: str) -> NamedCase:
    """Return a case that is a plain form with these fields."""
    note = ", ".join(f"{name}={value!r:.20}" for name, value in fields.items())
    return NamedCase(label, requirements, note, lambda b: b.form(**fields), fields=fields)


def text_parts(**fields: str) -> tuple[Part, ...]:
    """Return plain text fields."""
    return tuple(text_part(name, value) for name, value in fields.items())
