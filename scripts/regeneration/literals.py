"""Find values of the OpenAPI document that are written in a text."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from image_variations_conformance.contract.pointers import value_at
from image_variations_conformance.contract.texts import placeholders

from regeneration.document import NodePath, pointer

_VALUES = frozenset(
    {"const", "default", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum"}
    | {"minItems", "minLength", "minimum", "multipleOf", "x-default", "x-image", "x-statuses"}
)
_PROSE = frozenset({"description", "example", "examples", "externalDocs", "info", "summary"})
_WORD = re.compile(r"[\w.,-]*\w")
_MIN_DISTINCTIVE = 100


def values_in(text: str, document: Mapping[str, Any], below: str | None) -> Iterator[tuple[str, str]]:
    """Yield each word of a text that is a value of the document, and the pointer to the value.

    Values below the pointer `below` all count. Of the others, those count that are distinctive: numbers of 100 or more,
    and strings with a digit, an underscore or a hyphen that are not also the name of a member.
    """
    for placeholder in placeholders(text):
        text = text.replace(placeholder.written, " ")
    found: dict[str, str] = {}
    names = set(_names(document))
    for path, value in _values(document, ()):
        if _is_distinctive(value) and value not in names:
            found.setdefault(str(value), pointer(path))
    if below is not None:
        found.update({str(value): where for where, value in _values_below(document, below)})
    for word in dict.fromkeys(_WORD.findall(text)):
        number = word.replace(",", "")
        key = number if number.isdecimal() else word
        if key in found:
            yield word, found[key]


def _is_distinctive(value: str | float) -> bool:
    if isinstance(value, str):
        return re.search(r"[0-9_-]", value) is not None
    return value >= _MIN_DISTINCTIVE


def _values_below(document: Mapping[str, Any], below: str) -> Iterator[tuple[str, str | float]]:
    try:
        node = value_at(document, below)
    except LookupError:
        return
    steps = below.split("/")[1:]
    inside = not _VALUES.isdisjoint(steps)
    for path, value in _scalars(node, ()) if inside else _values(node, ()):
        yield below + pointer(path), value


def _values(node: object, path: NodePath) -> Iterator[tuple[NodePath, str | float]]:
    """Yield the path and the value of every scalar that restricts values, such as a bound or an item of an enum."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in _VALUES and not (path and path[-1] == "properties"):
                yield from _scalars(value, (*path, key))
            elif key not in _PROSE:
                yield from _values(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _values(value, (*path, index))


def _scalars(node: object, path: NodePath) -> Iterator[tuple[NodePath, str | float]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _scalars(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _scalars(value, (*path, index))
    elif isinstance(node, str | int | float) and not isinstance(node, bool):
        yield path, node


def _names(node: object) -> Iterator[str]:
    """Yield the names of all members that schemas describe."""
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for value in node.values():
            yield from _names(value)
    elif isinstance(node, list):
        for value in node:
            yield from _names(value)
