"""Texts of requirements, rendered from templates.

A template has placeholders for values of the OpenAPI document, such as `{minimum}` or `{x-image/sides/maximum}`. A
placeholder is a path below the pointer of the requirement or, if there is nothing, below the operation. The items of a
list are joined by "and", with `{enum:or}` by "or".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from .pointers import value_at

_PLACEHOLDER = re.compile(r"\{([^{}:]*)(?::(\w+))?\}")
_MIN_GROUPED = 10_000


class TextError(ValueError):
    """A placeholder of a template has no value that a text can show."""

    def __init__(self, requirement: str, placeholder: str, reason: str) -> None:
        super().__init__(f"{requirement}: the text has {placeholder}, but {reason}")
        self.requirement = requirement
        self.placeholder = placeholder
        self.reason = reason


@frozen
class Placeholder:
    """A placeholder: as it is written, its path in the document, and the word that joins the items of a list."""

    written: str
    path: str
    conjunction: str


def placeholders(template: str) -> tuple[Placeholder, ...]:
    """Return the placeholders of a template, in order."""
    return tuple(Placeholder(match[0], match[1], match[2] or "and") for match in _PLACEHOLDER.finditer(template))


def render(template: str, document: Mapping[str, Any], bases: Iterable[str], requirement: str) -> str:
    """Return a template with the values of the document in place of its placeholders.

    `bases` are the JSON pointers below which a placeholder is looked up, the first one first. Raises TextError with the
    id of the requirement.
    """
    pointers = tuple(bases)
    text = template
    for placeholder in placeholders(template):
        text = text.replace(placeholder.written, _shown(placeholder, document, pointers, requirement), 1)
    return text


def _shown(placeholder: Placeholder, document: Mapping[str, Any], bases: tuple[str, ...], requirement: str) -> str:
    for base in bases:
        try:
            value = value_at(document, f"{base}/{placeholder.path}")
        except LookupError:
            continue
        shown = _as_text(value, placeholder.conjunction)
        if shown is None:
            reason = f"{base}/{placeholder.path} is no number, text or list of these"
            raise TextError(requirement, placeholder.written, reason)
        return shown
    where = " and ".join(bases) or "a pointer, which the requirement does not have"
    raise TextError(requirement, placeholder.written, f"nothing is called {placeholder.path!r} below {where}")


def _as_text(value: object, conjunction: str) -> str | None:
    if isinstance(value, list) and value:
        items = [_as_text(item, conjunction) for item in value if not isinstance(item, list)]
        if len(items) < len(value) or None in items:
            return None
        *others, last = (item for item in items if item is not None)
        return f"{', '.join(others)} {conjunction} {last}" if others else last
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return f"{value:,}" if isinstance(value, int) and abs(value) >= _MIN_GROUPED else str(value)
