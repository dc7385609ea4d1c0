"""Validity of a text in a form by the schema of its field.

The fields of a form are texts, but JSON Schema describes numbers, booleans and strings. So each text is read as the
type that its schema names, and the result is validated against the schema.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

import jsonschema_rs
from attrs import frozen

Schema = Mapping[str, Any]
Kind = Literal["enum", "integer", "number", "boolean", "text"]
FieldValidity = Literal["valid", "out_of_range", "lenient", "invalid", "unspecified"]

_VALID: frozenset[FieldValidity] = frozenset({"valid"})
_TEXT_CONSTRAINTS = frozenset({"minLength", "maxLength", "pattern"})
# Control characters and the ends of lines and paragraphs. Servers may refuse them in any text.
_NOT_PRINTABLE = frozenset({"Cc", "Zl", "Zp"})
_MAX_GENERATED_CHARACTERS = 10_000
# Some form parsers accept these as booleans, others do not.
_LENIENT_BOOLEANS = frozenset({"true", "false", "1", "0", "yes", "no", "on", "off"})
_MAX_DIGITS = 100
# Servers need not read larger integers, if the schema has no bound.
_LARGEST_INTEGER = 2**31 - 1


@frozen
class BoundaryValues:
    """Texts at the bounds of a schema: the last valid ones and the first invalid ones."""

    valid: tuple[str, ...]
    invalid: tuple[str, ...]


def kind_of(schema: Schema) -> Kind | None:
    """Return the type as which texts are read; None for types that a text cannot carry, such as lists and objects."""
    types = schema.get("type")
    named = [types] if isinstance(types, str) else [name for name in types or () if name != "null"]
    if "enum" in schema or "const" in schema:
        return "enum"
    kinds: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "text"}
    if len(named) != 1 or "contentMediaType" in schema or schema.get("format") == "binary":
        return None
    return kinds.get(named[0])


def is_bounded(schema: Schema) -> bool:
    """Return whether some texts are invalid by a schema."""
    kind = kind_of(schema)
    return kind is not None and (kind != "text" or not _TEXT_CONSTRAINTS.isdisjoint(schema))


def enum_values(schema: Schema) -> tuple[str, ...]:
    """Return the values of an enum or const as texts."""
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values if value is not None)


def validity_of(schema: Schema, text: str) -> FieldValidity:
    """Return the validity of a text.

    valid: it is a value of the schema. out_of_range: a number beyond the bounds. lenient: invalid, but many parsers
    accept it (another letter case, a plus sign, white space). invalid: neither. unspecified: the contract does not say
    how to read it.
    """
    kind = kind_of(schema)
    if kind == "enum":
        values = enum_values(schema)
        if text in values:
            return "valid"
        return "lenient" if text.lower() in (value.lower() for value in values) else "invalid"
    if kind == "integer":
        return _integer_validity(schema, text)
    if kind == "number":
        return _number_validity(schema, text)
    if kind == "boolean":
        if text in {"true", "false"}:
            return "valid"
        return "unspecified" if text.strip().lower() in _LENIENT_BOOLEANS else "invalid"
    if kind == "text":
        if is_bounded(schema) and not _is_value(schema, text):
            return "invalid"
        return "unspecified" if any(unicodedata.category(each) in _NOT_PRINTABLE for each in set(text)) else "valid"
    return "unspecified"


def _integer_validity(schema: Schema, text: str) -> FieldValidity:
    if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", text, re.ASCII):
        return "invalid"
    # A number of that many digits is beyond any bound on its side without being parsed.
    bounds = {"minimum", "exclusiveMinimum"} if text.strip().startswith("-") else {"maximum", "exclusiveMaximum"}
    if len(text) >= _MAX_DIGITS:
        return "unspecified" if bounds.isdisjoint(schema) else "out_of_range"
    number = int(text)
    if not _is_value(schema, number):
        return "out_of_range"
    if abs(number) > _LARGEST_INTEGER:
        return "unspecified"
    if not re.fullmatch(r"-?[0-9]+", text, re.ASCII):
        return "lenient"
    return "valid" if str(number) == text else "unspecified"


def _number_validity(schema: Schema, text: str) -> FieldValidity:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text, re.ASCII) or len(text) >= _MAX_DIGITS:
        try:
            float(text)
        except ValueError:
            return "invalid"
        return "unspecified"
    return "valid" if _is_value(schema, float(text)) else "out_of_range"


def _is_value(schema: Schema, value: object) -> bool:
    # YAML may contain dates, which JSON does not have.
    return bool(jsonschema_rs.is_valid(json.loads(json.dumps(schema, default=str)), value))


def boundary_values(schema: Schema) -> BoundaryValues:
    """Return the texts at the bounds of a schema, each once."""
    by_validity: dict[FieldValidity, list[str]] = {}
    for text in dict.fromkeys(_boundary_texts(schema)):
        by_validity.setdefault(validity_of(schema, text), []).append(text)
    invalid = by_validity.get("out_of_range", []) + by_validity.get("invalid", [])
    return BoundaryValues(tuple(by_validity.get("valid", ())), tuple(invalid))


def _boundary_texts(schema: Schema) -> Iterator[str]:
    kind = kind_of(schema)
    if kind == "enum":
        yield from enum_values(schema)
    elif kind in {"integer", "number"}:
        steps = {"minimum": -1, "exclusiveMinimum": 1, "maximum": 1, "exclusiveMaximum": -1}
        for keyword, step in steps.items():
            if keyword in schema:
                yield from (_number_text(schema[keyword]), _number_text(schema[keyword] + step))
    elif kind == "boolean":
        yield from ("true", "false")
    elif kind == "text":
        steps = {"minLength": -1, "maxLength": 1}
        for keyword, step in steps.items():
            for length in (schema[keyword], schema[keyword] + step) if keyword in schema else ():
                if 0 <= length <= _MAX_GENERATED_CHARACTERS:
                    yield "a" * length


def _number_text(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def known_values(schema: Schema, wanted: Collection[FieldValidity] = _VALID) -> tuple[str, ...]:
    """Return the texts at the bounds of a schema, and its samples, that have one of these validities."""
    boundaries = boundary_values(schema)
    texts = dict.fromkeys((*boundaries.valid, *boundaries.invalid, *sample_values(schema)))
    return tuple(text for text in texts if validity_of(schema, text) in wanted)


def sample_values(schema: Schema) -> tuple[str, ...]:
    """Return texts other than the bounds: the examples of the schema, typical values and typical invalid texts."""
    examples = tuple(str(example) for example in schema.get("examples", ()))
    by_kind: dict[Kind | None, tuple[str, ...]] = {
        "enum": ("", "no-such-value"),
        "integer": ("", "abc", "1.5"),
        "number": ("", "abc"),
        "boolean": ("", "maybe"),
        "text": ("a text", "", "B\u00e4r \u718a"),
    }
    # A number without bounds has no boundary values.
    unbounded = ("1",) if kind_of(schema) in {"integer", "number"} and not boundary_values(schema).valid else ()
    return (*examples, *unbounded, *by_kind.get(kind_of(schema), ()))
