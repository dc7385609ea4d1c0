"""What a text in a form is by the schema of its field: a value, nearly one, or none.

A form carries texts. JSON Schema speaks of numbers, booleans and texts, so each text is read as the type that its
schema names, and only then held against the rest of the schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

import jsonschema_rs
from attrs import frozen

Schema = Mapping[str, Any]
Kind = Literal["enum", "integer", "number", "boolean", "text"]
Standing = Literal["accepted", "beyond", "lax", "refused", "open"]

_CONSTRAINTS_OF_TEXTS = frozenset({"minLength", "maxLength", "pattern"})
# Longer texts are not made to see whether they are refused.
_LONGEST_TEXT = 10_000
# What some readers take for a boolean, and others do not.
_NEARLY_BOOLEAN = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off"})
_NUMBER_DIGITS = 100


@frozen
class Edges:
    """Texts at the bounds of a schema: those that are values, and those that only just are none."""

    accepted: tuple[str, ...]
    refused: tuple[str, ...]


def kind_of(schema: Schema) -> Kind | None:
    """Return how texts are read by a schema; None where we do not know, as for lists and objects."""
    types = schema.get("type")
    named = [types] if isinstance(types, str) else [it for it in types or () if it != "null"]
    if "enum" in schema or "const" in schema:
        return "enum"
    kinds: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "text"}
    if len(named) != 1 or "contentMediaType" in schema or schema.get("format") == "binary":
        return None
    return kinds.get(named[0])


def is_bounded(schema: Schema) -> bool:
    """Whether there are texts that a schema does not allow."""
    kind = kind_of(schema)
    return kind is not None and (kind != "text" or not _CONSTRAINTS_OF_TEXTS.isdisjoint(schema))


def members_of(schema: Schema) -> tuple[str, ...]:
    """Return the texts of an enum."""
    members = schema["enum"] if "enum" in schema else [schema["const"]]
    return tuple(str(it).lower() if isinstance(it, bool) else str(it) for it in members if it is not None)


def standing(schema: Schema, text: str) -> Standing:
    """Return what a text is by a schema.

    accepted: a value. beyond: a number out of bounds. lax: none, but some readers take it for a value (another letter
    case, a plus sign, a space). refused: none. open: nobody said how such a text is to be read.
    """
    kind = kind_of(schema)
    if kind == "enum":
        members = members_of(schema)
        if text in members:
            return "accepted"
        return "lax" if text.lower() in (member.lower() for member in members) else "refused"
    if kind == "integer":
        return _standing_of_integer(schema, text)
    if kind == "number":
        return _standing_of_number(schema, text)
    if kind == "boolean":
        if text in {"true", "false"}:
            return "accepted"
        return "open" if text.strip().lower() in _NEARLY_BOOLEAN else "refused"
    if kind == "text":
        return "accepted" if not is_bounded(schema) or _fits(schema, text) else "refused"
    return "open"


def _standing_of_integer(schema: Schema, text: str) -> Standing:
    if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", text, re.ASCII):
        return "refused"
    # A number of so many digits is beyond every bound without being read.
    bounded = not {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}.isdisjoint(schema)
    if len(text) >= _NUMBER_DIGITS:
        return "beyond" if bounded else "open"
    number = int(text)
    if not _fits(schema, number):
        return "beyond"
    if not re.fullmatch(r"-?[0-9]+", text, re.ASCII):
        return "lax"
    return "accepted" if str(number) == text else "open"


def _standing_of_number(schema: Schema, text: str) -> Standing:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text, re.ASCII) or len(text) >= _NUMBER_DIGITS:
        try:
            float(text)
        except ValueError:
            return "refused"
        return "open"
    return "accepted" if _fits(schema, float(text)) else "beyond"


def _fits(schema: Schema, value: object) -> bool:
    # YAML knows dates, JSON does not.
    return _validator(json.dumps(schema, default=str)).is_valid(value)


@lru_cache(maxsize=256)
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema))


def edges(schema: Schema) -> Edges:
    """Return the texts at the bounds of a schema, each once."""
    found = dict.fromkeys(_at_the_edges(schema))
    by_standing: dict[Standing, list[str]] = {}
    for text in found:
        by_standing.setdefault(standing(schema, text), []).append(text)
    return Edges(
        tuple(by_standing.get("accepted", ())), tuple(by_standing.get("beyond", []) + by_standing.get("refused", []))
    )


def _at_the_edges(schema: Schema) -> Iterator[str]:
    kind = kind_of(schema)
    if kind == "enum":
        yield from members_of(schema)
    elif kind in {"integer", "number"}:
        steps = {"minimum": -1, "exclusiveMinimum": 1, "maximum": 1, "exclusiveMaximum": -1}
        for keyword, step in steps.items():
            if keyword in schema:
                yield from (_written(schema[keyword]), _written(schema[keyword] + step))
    elif kind == "boolean":
        yield from ("true", "false")
    elif kind == "text":
        steps = {"minLength": -1, "maxLength": 1}
        for length in (schema[it] + far for it, step in steps.items() if it in schema for far in (0, step)):
            if 0 <= length <= _LONGEST_TEXT:
                yield "a" * length


def _written(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def samples(schema: Schema) -> tuple[str, ...]:
    """Return texts that stand for what a schema is about but for its bounds: some values, and what is none."""
    given = tuple(str(example) for example in schema.get("examples", ()))
    of_kind: dict[Kind | None, tuple[str, ...]] = {
        "enum": ("", "no-such-value"),
        "integer": ("", "abc", "1.5"),
        "number": ("", "abc"),
        "boolean": ("", "maybe"),
        "text": ("a text", "", "B\u00e4r \u718a"),
    }
    # Where nothing bounds a number, some number has to do.
    unbounded = ("1",) if kind_of(schema) in {"integer", "number"} and not edges(schema).accepted else ()
    return (*given, *unbounded, *of_kind.get(kind_of(schema), ()))
