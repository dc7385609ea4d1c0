"""Find what the client would drop of the schemas of a lowered document, or send or read otherwise than they say.

In a request, every constraint must be checked before the request is sent (`_preflight` of the client), because a
constraint that is dropped means: sent though the document forbids it. In a response, types are decoded, and bounds,
patterns and enum values are not checked on purpose, so that the client works with a server whose contract is newer;
there, only a schema that would be read as something else is refused.
"""

from collections.abc import Iterator
from typing import Any, Literal

from attrs import evolve, field, frozen
from image_variations_conformance.contract.pointers import escaped, steps

from regeneration.document import Document, NodePath, Schema, dereferenced, pointer, resolve
from regeneration.patterns import matching, python_pattern
from regeneration.problem import Problem

# The shape that a value can have where it is encoded: anything in JSON; the fields of a URL-encoded form or of a query,
# each one value or a list or object of values; the parts of a multipart form, each one value, or a list of values.
Shape = Literal["any", "fields", "pairs", "form", "part", "part item", "scalar", "file"]

_NUMBER = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"})
_STRING = frozenset({"maxLength", "minLength", "pattern", "contentEncoding", "contentMediaType"})
_ARRAY = frozenset({"contains", "items", "maxContains", "maxItems", "minContains", "minItems", "uniqueItems"})
_OBJECT = frozenset(
    {"additionalProperties", "dependentRequired", "maxProperties", "minProperties", "propertyNames", "required"}
)
_OF_TYPES = {
    **dict.fromkeys(_NUMBER, ("integer", "number")),
    **dict.fromkeys(_STRING, ("string",)),
    **dict.fromkeys(_ARRAY, ("array",)),
    **dict.fromkeys(_OBJECT, ("object",)),
}
_CHECKED = _NUMBER | {"const", "enum", "maxItems", "maxLength", "minItems", "minLength", "pattern"}
# Annotations, which the client writes into docstrings or which say nothing about values.
_NOTES = frozenset(
    {"$comment", "default", "deprecated", "description", "example", "examples", "externalDocs", "title", "xml"}
)
# The extensions that say which values are valid.
_OF_VALUES = frozenset({"x-image", "x-open"})
_IGNORED = frozenset(
    {"$anchor", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$schema", "$vocabulary", "contentSchema"}
    | {"dependentSchemas", "discriminator", "else", "if", "patternProperties", "prefixItems", "then"}
)
_UNCHECKED = frozenset(
    {"contains", "contentEncoding", "contentMediaType", "dependentRequired", "maxContains", "maxProperties"}
    | {"minContains", "minProperties", "not", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties", "uniqueItems"}
)
# Formats of requests that the type of the argument holds, or that say nothing about the value.
_HELD_FORMATS = frozenset({"binary", "date", "date-time", "double", "float", "password", "uuid"})
# Formats whose values are Python objects without a number of characters.
_OBJECT_FORMATS = frozenset({"binary", "date", "date-time", "uuid"})
_IN_ALL_OF = _NOTES | {
    "$ref",
    "additionalProperties",
    "allOf",
    "properties",
    "required",
    "type",
    "unevaluatedProperties",
    "readOnly",
    "writeOnly",
}


@frozen
class Place:
    """Where a schema is used.

    `is_checked` says whether the client checks the value itself before it sends it, and `is_reached` whether it checks
    a model there. `in_items` says whether it is an item of a list. `used_at` is the path of the reference that brought
    the schema to this place, as long as what is wrong with the place was so before it: then the use is the mistake.
    """

    is_request: bool
    shape: Shape = "any"
    is_checked: bool = False
    is_reached: bool = False
    in_items: bool = False
    used_at: NodePath = ()

    @property
    def member(self) -> "Place":
        """The place of a property of an object here."""
        shape: Shape = {"fields": "pairs", "pairs": "scalar", "form": "part"}.get(self.shape, "any")  # type: ignore[assignment]
        used_at = self.used_at if self.is_request and not self.is_reached else ()
        return Place(self.is_request, shape, is_checked=self.is_reached, is_reached=self.is_reached, used_at=used_at)

    @property
    def item(self) -> "Place":
        """The place of an item of a list here."""
        shape: Shape = {"pairs": "scalar", "part": "part item"}.get(self.shape, "any")  # type: ignore[assignment]
        is_wrong_before = self.is_request and (self.in_items or not self.is_reached)
        used_at = self.used_at if is_wrong_before else ()
        return Place(
            self.is_request, shape, is_reached=self.is_reached and not self.in_items, in_items=True, used_at=used_at
        )

    @property
    def part(self) -> "Place":
        """The place of a part of a union or of an `allOf` here, where a value is not checked itself."""
        return evolve(self, is_checked=False, used_at=() if self.is_checked else self.used_at)

    def problem(self, path: NodePath, message: str) -> Problem:
        """Return the mistake that a schema, or a keyword at `path`, cannot stand here: at the use, if that is wrong."""
        if not self.used_at:
            return Problem.at(path, message)
        return Problem.at(self.used_at, f"{message} (of {pointer(path)}, which is used here)")


@frozen
class Schemas:
    """The schemas of a document, each checked once for each place where it is used."""

    document: Document
    _seen: set[tuple[str, Place]] = field(factory=set[tuple[str, Place]], repr=False)

    def problems(self, path: NodePath, schema: Schema, place: Place) -> Iterator[Problem]:
        """Yield what the client cannot express of the schema at `path`, and of the schemas within it."""
        if "$ref" in schema:
            yield from self._reference(path, schema, place)
        else:
            yield from _keywords(path, schema, place)
            yield from _type(path, schema, place)
            yield from self._inner(path, schema, place)

    def is_seen(self, name: str) -> bool:
        """Return whether the schema of a name was checked somewhere."""
        return any(reference == f"#/components/schemas/{escaped(name)}" for reference, _ in self._seen)

    def _reference(self, path: NodePath, schema: Schema, place: Place) -> Iterator[Problem]:
        target = steps(schema["$ref"])
        for keyword in sorted(schema.keys() - _NOTES - {"$ref"}):
            if not keyword.startswith("x-") or keyword in _OF_VALUES:
                message = f"{keyword!r} beside $ref would be dropped; put it into a schema of its own"
                yield Problem.at((*path, keyword), message)
        if target[:2] != ["components", "schemas"] or len(target) != 3:
            yield Problem.at((*path, "$ref"), "the generator only follows references to #/components/schemas/NAME")
            return
        place = evolve(place, used_at=place.used_at or (*path, "$ref"))
        if (schema["$ref"], place) not in self._seen:
            self._seen.add((schema["$ref"], place))
            yield from self.problems(tuple(target), resolve(self.document, schema["$ref"]), place)

    def _inner(self, path: NodePath, schema: Schema, place: Place) -> Iterator[Problem]:
        branches = [
            (keyword, index, each) for keyword in ("anyOf", "oneOf") for index, each in _listed(schema, keyword)
        ]
        if branches:
            yield from self._union(path, schema, branches, place)
        elif "allOf" in schema:
            yield from self._all_of(path, schema, place)
        types = _types(schema)
        for name, inner in schema.get("properties", {}).items():
            where = (*path, "properties", name)
            if name in schema.get("required", ()) and place.shape in {"fields", "form"} and self.can_be_null(inner):
                yield Problem.at(where, "null cannot be sent in a form; make the field optional, or leave out the null")
            yield from self.problems(where, inner, place.member)
        if isinstance(schema.get("additionalProperties"), dict):
            inside = evolve(place.member, is_checked=False, is_reached=False)
            yield from self.problems((*path, "additionalProperties"), schema["additionalProperties"], inside)
        if "array" in types and "items" not in schema:
            yield Problem.at(path, "the generator needs the items of an array; write the schema of an item")
        elif "items" in schema:
            yield from self.problems((*path, "items"), schema["items"], place.item)

    def _union(
        self, path: NodePath, schema: Schema, branches: list[tuple[str, int, Schema]], place: Place
    ) -> Iterator[Problem]:
        first = branches[0][0]
        beside = sorted(key for key in schema.keys() - _NOTES - {first} if not key.startswith("x-"))
        if beside:
            message = f"{', '.join(map(repr, beside))} beside {first!r} would be dropped; put it into each branch"
            yield Problem.at((*path, beside[0]), message)
            return
        if any(self.has_file(each) for _, _, each in branches):
            message = "a union with a file cannot be sent right: a text could be a path or a value; write one type"
            yield Problem.at((*path, first), message)
            return
        for keyword, index, each in branches:
            yield from self.problems((*path, keyword, index), each, place.part)
        if not place.is_request:
            yield from self._hidden_branches(path, branches)

    def _hidden_branches(self, path: NodePath, branches: list[tuple[str, int, Schema]]) -> Iterator[Problem]:
        """Yield the branches that are never read, because an earlier branch accepts all their values."""
        found = [(keyword, index, self._resolved(each)) for keyword, index, each in branches]
        for position, (keyword, index, later) in enumerate(found):
            hiding = [earlier_index for _, earlier_index, earlier in found[:position] if self._hides(earlier, later)]
            if hiding:
                message = f"it would be read as branch {hiding[0]}; put it first, or give both a const that differs"
                yield Problem.at((*path, keyword, index), message)

    def _hides(self, earlier: Schema, later: Schema) -> bool:
        if not earlier.keys() - _NOTES:
            return True
        if _is_object(earlier) and _is_object(later):
            required, members = self.members(earlier)
            other_required, other_members = self.members(later)
            differs = any(
                "const" in members.get(name, {})
                and "const" in other_members.get(name, {})
                and members[name]["const"] != other_members[name]["const"]
                for name in required & other_required
            )
            return required <= other_required and not differs
        is_text = earlier.get("type") == later.get("type") == "string" and "const" not in earlier
        return is_text and "format" not in earlier and later.get("format") in {"date", "date-time", "uuid"}

    def members(self, schema: Schema) -> tuple[frozenset[str], dict[str, Schema]]:
        """Return the required names and the properties of an object, with those of its `allOf`."""
        required = frozenset(schema.get("required", ()))
        for _, part in _listed(schema, "allOf"):
            required |= self.members(self._resolved(part))[0]
        return required, {name: self._resolved(each) for name, each in self._properties(schema).items()}

    def _properties(self, schema: Schema) -> dict[str, Schema]:
        """Return the properties of an object, with those of its `allOf`, as they are written."""
        inner = [self._properties(self._resolved(part)) for _, part in _listed(schema, "allOf")]
        own: dict[str, Schema] = schema.get("properties", {})
        return {name: each for properties in inner for name, each in properties.items()} | own

    def _all_of(self, path: NodePath, schema: Schema, place: Place) -> Iterator[Problem]:
        parts = schema["allOf"]
        is_alias = len(parts) == 1 and "$ref" in parts[0] and "properties" not in schema
        allowed = _NOTES | {"allOf"} if is_alias else _IN_ALL_OF
        for keyword in sorted(key for key in schema.keys() - allowed if not key.startswith("x-")):
            yield Problem.at(
                (*path, keyword), f"{keyword!r} beside 'allOf' would be dropped; put it into a part of its own"
            )
        seen: dict[str, object] = dict(schema.get("properties", {}))
        for index, part in enumerate(parts):
            resolved = self._resolved(part)
            if not is_alias:
                if not _is_object(resolved) or resolved.keys() & {"anyOf", "oneOf", "enum"}:
                    yield Problem.at((*path, "allOf", index), "each part of an allOf must be an object with properties")
                    continue
                if isinstance(resolved.get("additionalProperties"), dict):
                    yield Problem.at((*path, "allOf", index), "'additionalProperties' of this part would be dropped")
                if resolved.get("additionalProperties") is False and len(parts) > 1:
                    message = "this part forbids the members of the others; write unevaluatedProperties beside allOf"
                    yield Problem.at((*path, "allOf", index), message)
                for name, inner in self._properties(resolved).items():
                    if seen.setdefault(name, inner) != inner:
                        message = f"the property {name!r} is in two parts with different schemas; state it once"
                        yield Problem.at((*path, "allOf", index), message)
            yield from self.problems((*path, "allOf", index), part, place.part)

    def can_be_null(self, schema: object) -> bool:
        """Return whether null is a value of the schema."""
        return any("null" in _types(each) or None in each.get("enum", ()) for each in self.branches(schema))

    def branches(self, schema: object) -> Iterator[Schema]:
        """Yield the alternatives of a schema and of its alternatives, or the schema itself."""
        resolved = self._resolved(schema)
        inner = [each for keyword in ("allOf", "anyOf", "oneOf") for _, each in _listed(resolved, keyword)]
        for each in inner:
            yield from self.branches(each)
        if not inner:
            yield resolved

    def has_file(self, schema: object) -> bool:
        """Return whether values of the schema can be files or lists of files."""
        return any(
            self.has_file(each.get("items", {})) if each.get("type") == "array" else each.get("format") == "binary"
            for each in self.branches(schema)
        )

    def _resolved(self, schema: object) -> Schema:
        return dereferenced(self.document, schema) if isinstance(schema, dict) else {}


def _keywords(path: NodePath, schema: Schema, place: Place) -> Iterator[Problem]:
    """Yield the keywords that would be dropped, or not be checked before a request is sent."""
    types = _types(schema)
    for keyword, value in schema.items():
        where = (*path, keyword)
        if keyword in _IGNORED or (keyword.startswith("unevaluated") and isinstance(value, dict)):
            yield Problem.at(where, f"{keyword!r} would be dropped without a trace; describe the values in another way")
        elif keyword in _OF_TYPES and not types & {*_OF_TYPES[keyword]} and not _is_object_keyword(keyword, schema):
            expected = " or ".join(_OF_TYPES[keyword])
            yield Problem.at(where, f"{keyword!r} is about values of type {expected}; correct the type, or remove it")
        elif keyword == "writeOnly" and value is True and not place.is_request:
            yield Problem.at(where, "a writeOnly member stands in a response; give requests a schema of their own")
        elif place.is_request:
            yield from _in_request(where, keyword, schema, place)
    is_union = bool({"anyOf", "oneOf"} & schema.keys())
    if "x-open" in schema and "enum" not in schema:
        yield Problem.at((*path, "x-open"), "only an enum is open or closed; put x-open beside the values")
    if "x-image" in schema and schema.get("format") != "binary" and not is_union:
        yield Problem.at((*path, "x-image"), "only a field with a file (format: binary) is checked by x-image")


def _in_request(where: NodePath, keyword: str, schema: Schema, place: Place) -> Iterator[Problem]:
    value, types = schema[keyword], _types(schema)
    if keyword in _UNCHECKED and value is not False:
        message = f"the client does not check {keyword!r} before it sends a request; say it in the description"
        yield Problem.at(where, message)
    elif keyword == "format" and value not in _HELD_FORMATS:
        how = "write minimum and maximum" if value in {"int32", "int64"} else "say it in the description"
        yield Problem.at(where, f"the client does not check the format {value!r} before it sends a request; {how}")
    elif keyword == "format" and value in {"date", "date-time"} and (len(types) > 1 or not place.is_checked):
        message = f"the client does not check the format {value!r} here, only of fields and parameters"
        yield place.problem(where, message)
    elif keyword == "readOnly" and value is True:
        yield Problem.at(where, "a readOnly member stands in a request; give responses a schema of their own")
    elif keyword in _CHECKED and not place.is_checked:
        message = f"the client does not check {keyword!r} here, only of fields, members and parameters"
        yield place.problem(where, message)
    elif keyword == "pattern" and python_pattern(value) is None:
        message = f"{value} does not mean the same in Python; write it with literals, classes, groups and quantifiers"
        yield Problem.at(where, message)
    elif keyword == "pattern" and matching(value, schema.get("minLength", 0), schema.get("maxLength")) is None:
        yield Problem.at(
            where, f"no text is found that matches {value} and has the length; correct one, or simplify it"
        )
    elif keyword in _NUMBER and len(types) > 1:
        yield Problem.at(where, f"the client does not check {keyword!r} of a value of several types; write one type")
    elif keyword in {"maxLength", "minLength", "pattern"} and schema.get("format") in _OBJECT_FORMATS:
        yield Problem.at(where, f"the client does not check {keyword!r} of the format {schema['format']!r}; remove it")


def _type(path: NodePath, schema: Schema, place: Place) -> Iterator[Problem]:
    """Yield what is wrong with the type, for the generator or for the encoding of the place."""
    types = _types(schema)
    values = [value for value in schema.get("enum", ()) if value is not None]
    if not (all(isinstance(value, str) for value in values) or all(type(value) is int for value in values)):
        yield Problem.at((*path, "enum"), "the values of an enum must all be strings, or all be integers")
    if isinstance(schema.get("const"), dict | list) or ("const" in schema and schema["const"] is None):
        yield Problem.at((*path, "const"), "a const must be a string, a number or a boolean")
    if "enum" in schema and not values:
        yield Problem.at((*path, "enum"), 'only null is valid; write type: "null" in place of the enum')
    if isinstance(schema.get("type"), list) and "object" in types:
        message = "the generator makes no class in a list of types; write type: object, or anyOf with it as a branch"
        yield Problem.at((*path, "type"), message)
    if len(types) > 1 and "enum" in schema:
        yield Problem.at((*path, "type"), "an enum of several types is read from its values; leave out the type")
    elif types & {"array", "boolean", "object"} and "enum" in schema:
        yield Problem.at(
            (*path, "enum"), f"an enum of type {schema['type']} would be dropped; write strings or integers"
        )
    if schema.get("format") == "binary" and (place.shape not in {"file", "part", "part item"} or len(types) > 1):
        message = "a file can only be a field of a multipart form, or a body of application/octet-stream"
        yield place.problem((*path, "format"), message)
    yield from _shape(path, schema, place, types)


def _shape(path: NodePath, schema: Schema, place: Place, types: frozenset[str]) -> Iterator[Problem]:
    is_object = _is_object(schema)
    if place.shape in {"fields", "form"} and not is_object:
        yield place.problem(path, "the body of a form must be an object with properties")
    elif place.shape == "scalar" and (is_object or "array" in types):
        yield place.problem(path, "a list or an object cannot be sent here, only one value")
    elif place.shape == "part item" and "array" in types:
        yield place.problem(path, "a form cannot have a list of lists")
    elif place.shape == "file" and schema.get("format") != "binary":
        yield place.problem(path, "a body of application/octet-stream must be type: string, format: binary")


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object" or ("type" not in schema and bool({"allOf", "properties"} & schema.keys()))


def _is_object_keyword(keyword: str, schema: Schema) -> bool:
    return keyword in _OBJECT and _is_object(schema)


def _types(schema: Schema) -> frozenset[str]:
    types = schema.get("type", ())
    return frozenset([types] if isinstance(types, str) else types)


def _listed(schema: Schema, keyword: str) -> Iterator[tuple[int, Any]]:
    yield from enumerate(schema.get(keyword, ()))
