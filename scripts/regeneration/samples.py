"""Values of the schemas of a lowered document, for trials of the generated client: valid ones, and just invalid ones.

A `Sample` has the value twice: as an argument of a method (in the notation of `probe`) and as it is on the wire.
"""

import base64
import re
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any

from attrs import evolve, field, frozen

from regeneration.document import Document, Schema, dereferenced
from regeneration.facts import reachable, response_schemas
from regeneration.generator import python_name
from regeneration.layout import classes
from regeneration.number_bounds import exact, is_within, plain, step_of, valid_number
from regeneration.patterns import matching, python_pattern
from regeneration.probe import in_short

_DATE, _MOMENT, _UUID = "2026-05-12", "2026-05-12T10:00:00+00:00", "6f1cbd0a-7f3c-4f4e-9d0b-3d1f3b6f6c55"
_OBJECTS = {"date": _DATE, "date-time": _MOMENT, "uuid": _UUID}
_WRONG: dict[str, object] = {"string": 1, "integer": "1", "number": "1", "boolean": "yes", "array": {}, "object": []}
HEADS = {
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "jpeg": b"\xff\xd8\xff\xe0",
    "webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "gif": b"GIF89a",
}


@frozen
class Sample:
    """A value: `argument` in the notation of `probe`, and `wire` as JSON, or the bytes that `probe` has for a file."""

    argument: Any
    wire: Any


@frozen
class Edge:
    """A value near a limit of the schema at the names `path`: whether it may be sent, and what it is about."""

    path: tuple[str, ...]
    about: str
    sample: Sample
    is_valid: bool

    def within(self, name: str, sample: Sample) -> "Edge":
        """Return the same edge of the object or list that has the value under `name`."""
        return evolve(self, path=(name, *self.path), sample=sample)


@frozen
class Samples:
    """The samples of a lowered document."""

    document: Document
    _names: Mapping[int, str] = field(init=False, repr=False)

    @_names.default
    def _(self) -> Mapping[int, str]:
        return {id(schema): name for name, schema in classes(self.document)}

    def resolved(self, schema: Schema) -> Schema:
        """Return the schema itself: not a reference, not an alias, and of several alternatives the first not null."""
        schema = dereferenced(self.document, schema)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                alternatives = [self.resolved(each) for each in schema[keyword]]
                return next((each for each in alternatives if each.get("type") != "null"), alternatives[0])
        parts = schema.get("allOf", [])
        if len(parts) == 1 and "$ref" in parts[0] and "properties" not in schema:
            return self.resolved(parts[0])
        return schema

    def class_name(self, schema: Schema) -> str | None:
        """Return the name of the model of a schema, or None if its values are of another kind."""
        return self._names.get(id(self.resolved(schema))) if type_of(self.resolved(schema)) == "object" else None

    def members(self, schema: Schema) -> tuple[frozenset[str], dict[str, Schema]]:
        """Return the required names and the properties of an object, with those of its `allOf`."""
        required: frozenset[str] = frozenset()
        properties: dict[str, Schema] = {}
        for part in schema.get("allOf", []):
            inner_required, inner = self.members(dereferenced(self.document, part))
            required, properties = required | inner_required, properties | inner
        return required | frozenset(schema.get("required", ())), properties | schema.get("properties", {})

    def valid(self, schema: Schema, *, full: bool, stack: tuple[int, ...] = ()) -> Sample:
        """Return a valid value: with all properties if `full`, else with the required ones."""
        schema = self._finite(schema, stack)
        kind = type_of(schema)
        if "const" in schema or "enum" in schema:
            value = schema["const"] if "const" in schema else _choices(schema)[0]
            return Sample(value, value)
        if kind == "object":
            return self._object(schema, full=full, stack=stack)
        if kind == "array":
            inner = self.resolved(schema.get("items", {}))
            if id(inner) in stack:
                return Sample([], [])
            count = max(schema.get("minItems", 0), min(schema.get("maxItems", 1), 1))
            items = [self.valid(inner, full=full, stack=stack)] * count
            return Sample([item.argument for item in items], [item.wire for item in items])
        if schema.get("format") == "binary":
            return _file(schema)
        if kind == "string" and schema.get("format") in _OBJECTS:
            text = _OBJECTS[schema["format"]]
            return Sample({schema["format"]: text}, text)
        value = _scalar(schema, kind)
        return Sample(value, value)

    def _finite(self, schema: Schema, stack: tuple[int, ...]) -> Schema:
        """Return the schema itself like `resolved`, of several alternatives one that does not contain this value."""
        schema = dereferenced(self.document, schema)
        for keyword in ("anyOf", "oneOf"):
            for each in schema.get(keyword, ()):
                if type_of(self.resolved(each)) != "null" and id(self.resolved(each)) not in stack:
                    return self.resolved(each)
            if keyword in schema:
                return {"type": "null"}
        return self.resolved(schema)

    def _object(self, schema: Schema, *, full: bool, stack: tuple[int, ...]) -> Sample:
        required, properties = self.members(schema)
        stack = (*stack, id(schema))
        values = {
            name: self.valid(inner, full=full, stack=stack)
            for name, inner in properties.items()
            if name in required or (full and id(self.resolved(inner)) not in stack)
        }
        return self.model(schema, values)

    def model(self, schema: Schema, values: Mapping[str, Sample]) -> Sample:
        """Return the object of a schema with these members."""
        arguments = {attribute(name): value.argument for name, value in values.items()}
        required, _ = self.members(schema)
        wire = {name: value.wire for name, value in values.items() if value.wire is not None or name in required}
        return Sample({"model": [self._names.get(id(schema)), arguments]}, wire)

    def edges(self, schema: Schema, *, is_checked: bool, stack: tuple[int, ...] = ()) -> Iterator[Edge]:
        """Yield values at the limits of a schema and beyond, of a value that is sent."""
        resolved = self.resolved(schema)
        kind = type_of(resolved)
        is_union = isinstance(resolved.get("type"), list) or resolved is not dereferenced(self.document, schema)
        if id(resolved) in stack:
            return
        if kind == "object":
            yield from self._member_edges(resolved, (*stack, id(resolved)))
        elif kind == "array" and len(self._lists(schema)) < 2:
            yield from self._list_edges(resolved, stack, is_checked=is_checked)
        elif is_checked and is_union:
            yield from self._union_edges(schema)
        elif is_checked:
            for about, value, is_valid in _scalar_edges(resolved, kind):
                sample = value if isinstance(value, Sample) else Sample(value, value)
                yield Edge((), about, sample, is_valid)

    def _union_edges(self, schema: Schema) -> Iterator[Edge]:
        """Yield a value of a type that a union does not have, unless it may have any type."""
        kinds = self._kinds(schema)
        value = _of_other_kind(kinds)
        if value is not None:
            yield Edge((), f"the types {' or '.join(sorted(kinds))}", Sample(value, value), is_valid=False)
        lists = self._lists(schema)
        if len(lists) == 1:
            yield from self._item_edges(lists[0])

    def _lists(self, schema: Schema) -> list[Schema]:
        """Return the alternatives of a schema that are lists."""
        found = dereferenced(self.document, schema)
        branches = [dereferenced(self.document, each) for key in ("anyOf", "oneOf") for each in found.get(key, ())]
        return [each for each in branches if each.get("type") == "array"]

    def _item_edges(self, schema: Schema) -> Iterator[Edge]:
        """Yield a list with items of another type than those of the schema, if it is not a list of files."""
        inner = self.resolved(schema["items"])
        kinds = self._kinds(schema["items"])
        value = _of_other_kind(kinds) if len(kinds) > 1 else _WRONG.get(type_of(inner))
        if value is not None and inner.get("format") != "binary":
            wrong = [value] * max(schema.get("minItems", 0), 1)
            about = f"items of the type {' or '.join(sorted(kinds))}"
            yield Edge((), about, Sample(wrong, wrong), is_valid=False)

    def _kinds(self, schema: Schema) -> frozenset[str]:
        """Return the types of a schema and of its alternatives; an empty one for any type."""
        schema = dereferenced(self.document, schema)
        inner = [each for keyword in ("anyOf", "oneOf") for each in schema.get(keyword, ())]
        if inner:
            return frozenset[str]().union(*map(self._kinds, inner))
        types = schema.get("type")
        if isinstance(types, list):
            return frozenset(types)
        value = next(iter(_choices(schema)), None) if "enum" in schema else schema.get("const")
        named = {bool: "boolean", int: "integer", float: "number", str: "string"}.get(type(value), "")
        return frozenset({type_of(schema) or named})

    def _member_edges(self, schema: Schema, stack: tuple[int, ...]) -> Iterator[Edge]:
        required, properties = self.members(schema)
        whole = {name: self.valid(properties[name], full=False, stack=stack) for name in required if name in properties}
        for name, inner in properties.items():
            for edge in self.edges(inner, is_checked=True, stack=stack):
                yield edge.within(name, self.model(schema, {**whole, name: edge.sample}))

    def _list_edges(self, schema: Schema, stack: tuple[int, ...], *, is_checked: bool) -> Iterator[Edge]:
        inner = self.resolved(schema.get("items", {}))
        if id(inner) in stack:
            return
        item = self.valid(inner, full=False, stack=stack)
        if is_checked:
            yield from self._item_edges(schema)
        for keyword, beyond in (("minItems", -1), ("maxItems", 1)) if is_checked else ():
            for count, is_valid in ((schema.get(keyword), True), (schema.get(keyword, 0) + beyond, False)):
                if keyword in schema and count is not None and count >= 0:
                    sample = Sample([item.argument] * count, [item.wire] * count)
                    yield Edge((), f"{keyword} {schema[keyword]}", sample, is_valid)
        if is_checked and inner.get("format") == "binary":
            count = max(schema.get("minItems", 0), 1)
            for about, file, is_valid in _file_edges(inner):
                yield Edge((), about, Sample([file.argument] * count, [file.wire] * count), is_valid)
        if type_of(inner) == "object":
            count = max(schema.get("minItems", 0), 1)
            for edge in self.edges(inner, is_checked=False, stack=stack):
                sample = Sample([edge.sample.argument] * count, [edge.sample.wire] * count)
                yield edge.within("0", sample)

    def models_of_responses(self) -> Iterator[tuple[str, Schema]]:
        """Yield the name and the schema of each model that responses have."""
        reached = reachable(self.document, response_schemas(self.document))
        for name, schema in classes(self.document):
            if id(schema) in reached and type_of(schema) == "object" and "enum" not in schema:
                yield name, schema

    def broken(self, schema: Schema, stack: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
        """Yield values that a response must not have: a required member is missing, or a type is wrong.

        The members of the models within the value are sound: they are broken where they are the value themselves.
        """
        found = dereferenced(self.document, schema)
        schema = self.resolved(schema)
        kind = type_of(schema)
        if {"anyOf", "oneOf"} & found.keys() or id(schema) in stack:
            return
        if kind == "object" and not (stack and id(schema) in self._names):
            required, properties = self.members(schema)
            whole = self.valid(schema, full=True).wire
            for name in sorted(required & properties.keys()):
                yield f"without {name}", {key: value for key, value in whole.items() if key != name}
            for name, inner in properties.items():
                for about, value in self.broken(inner, (*stack, id(schema))):
                    yield f"{name} {about}", {**whole, name: value}
        elif kind == "array":
            for about, value in self.broken(schema.get("items", {}), (*stack, id(schema))):
                yield f"item {about}", [value]
        yield from self._of_wrong_type(schema, kind)

    def _of_wrong_type(self, schema: Schema, kind: str) -> Iterator[tuple[str, Any]]:
        kinds = self._kinds(schema) - {"null"}
        if len(kinds) > 1:
            if _of_other_kind(kinds) is not None:
                yield f"of a wrong type, not {' or '.join(sorted(kinds))}", _of_other_kind(kinds)
        elif kind in _WRONG:
            yield f"of a wrong type, not {kind}", _WRONG[kind]
            if kind == "string" and schema.get("format") in _OBJECTS:
                yield f"which is no {schema['format']}", "something"


def type_of(schema: Schema) -> str:
    """Return the type of a schema, of several the first that is not null, or an empty string for any type."""
    types = schema.get("type", "object" if {"properties", "allOf"} & schema.keys() else "")
    return types if isinstance(types, str) else next((each for each in types if each != "null"), "null")


def attribute(name: str) -> str:
    """Return the name of the argument or attribute for a name of the document."""
    return python_name(name)


def _of_other_kind(kinds: frozenset[str]) -> Any:
    """Return a value of a type that is not one of these, or None if there is none; an empty type is any."""
    values: dict[str, Any] = {"string": "a text", "integer": 1, "boolean": True}
    others = (kind for kind in values if kind not in kinds and not (kind == "integer" and "number" in kinds))
    return None if "" in kinds else values.get(next(others, ""))


def _choices(schema: Schema) -> list[Any]:
    return [value for value in schema["enum"] if value is not None]


def _scalar(schema: Schema, kind: str) -> Any:
    match kind:
        case "integer" | "number":
            return plain(_number(schema, kind))
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(schema)


def _text(schema: Schema) -> str:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength")
    found = matching(schema["pattern"], shortest, longest) if "pattern" in schema else None
    # In a response, a text need not match: the client reads any.
    return "a/b&c.text".ljust(shortest, ".")[:longest] if found is None else found


def _scalar_edges(schema: Schema, kind: str) -> Iterator[tuple[str, Any, bool]]:
    if schema.get("format") == "binary":
        yield from _file_edges(schema)
        return
    if "enum" in schema or "const" in schema:
        values = [schema["const"]] if "const" in schema else _choices(schema)
        for value in values:
            yield f"the value {value!r}", value, True
        if type(values[0]) is int and not schema.get("x-open"):
            yield "the type integer", float(values[0]), False
        other: object = max(values) + 1 if isinstance(values[0], int) else f"{values[0]}-other"
        yield "another value", other, bool(schema.get("x-open"))
    elif kind in {"integer", "number"}:
        yield from _number_edges(schema, kind)
    elif kind == "string":
        yield from _text_edges(schema)
    if kind in _WRONG:
        yield f"the type {kind}", _WRONG[kind], False
    if kind == "integer":
        yield "the type integer", 1.5, False


def _number(schema: Schema, kind: str) -> Fraction:
    number = valid_number(schema, is_integer=kind == "integer")
    return Fraction(0) if number is None else number  # `values` refuses a schema without a valid number


def _number_edges(schema: Schema, kind: str) -> Iterator[tuple[str, Any, bool]]:
    step = step_of(schema, is_integer=kind == "integer") or Fraction(1)
    if "multipleOf" in schema and not (kind == "integer" and step == 1):
        between = _number(schema, kind) + (1 if kind == "integer" else step / 3)
        yield f"multipleOf {schema['multipleOf']}", plain(between), False
    for keyword, sign in (("minimum", -1), ("maximum", 1)):
        if keyword in schema:
            inside = (ceil if keyword == "minimum" else floor)(exact(schema[keyword]) / step) * step
            for value in (plain(inside), plain(inside + sign * step)):
                yield f"{keyword} {schema[keyword]}", value, is_within(schema, exact(value))
    for keyword in ("exclusiveMinimum", "exclusiveMaximum"):
        if keyword in schema:
            yield f"{keyword} {schema[keyword]}", schema[keyword], False


def _text_edges(schema: Schema) -> Iterator[tuple[str, Any, bool]]:
    if schema.get("format") in _OBJECTS:
        yield f"the format {schema['format']}", "a text", False
        if schema["format"] == "date-time":
            yield "the format date-time", {"date-time": "2026-05-12T10:00:00"}, False
        return
    if "pattern" in schema:
        expression = re.compile(python_pattern(schema["pattern"]) or "", re.ASCII)
        for text in ("", "!", "a", "0", "\n"):
            if not expression.search(text):
                yield f"pattern {schema['pattern']}", text, False
        return
    for keyword, beyond in (("minLength", -1), ("maxLength", 1)):
        if keyword in schema:
            yield f"{keyword} {schema[keyword]}", "é" * schema[keyword], True
        if keyword in schema and schema[keyword] + beyond >= 0:
            yield f"{keyword} {schema[keyword]}", "é" * (schema[keyword] + beyond), False


def _file(schema: Schema, kind: str | None = None, size: int = 40, sides: tuple[int, int] | None = None) -> Sample:
    """Return a file that begins like an image of the kind, of `size` bytes; a PNG has the sides, in pixels."""
    rules = schema.get("x-image", {})
    kind = rules.get("kinds", ["png"])[0] if kind is None else kind
    step = rules.get("sides", {}).get("multiple-of", 8)
    head = HEADS[kind] + (struct.pack(">II", *(sides or (step, step))) if kind == "png" else b"")
    return Sample({"file": {"head": base64.b64encode(head).decode(), "size": size}}, in_short(head, size))


def _file_edges(schema: Schema) -> Iterator[tuple[str, Any, bool]]:
    rules = schema.get("x-image", {})
    for kind in HEADS if "kinds" in rules else ():
        yield f"a file of kind {kind}", _file(schema, kind), kind in rules["kinds"]
    step = rules.get("sides", {}).get("multiple-of", 1)
    if "png" in rules.get("kinds", HEADS) and rules.get("square"):
        yield "a file that is not square", _file(schema, "png", sides=(step, 2 * step)), False
    if "png" in rules.get("kinds", HEADS) and step > 1:
        yield f"a side that is no multiple of {step}", _file(schema, "png", sides=(step + 1, step + 1)), False
    if "invalid-from-bytes" in rules:
        limit = rules["invalid-from-bytes"]
        yield f"a file of {limit} bytes", _file(schema, size=limit), False
        yield f"a file of {limit - 1} bytes", _file(schema, size=limit - 1), True
