"""Find the values in an OpenAPI document that their schemas refuse, and the schemas that no value has."""

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from jsonschema_rs import Draft202012Validator, Registry, ValidationError, ValidationErrorKind

from regeneration.document import Document, NodePath, Schema, dereferenced, objects, pointer, property_names, schemas
from regeneration.number_bounds import valid_number
from regeneration.problem import Problem

_DOCUMENT = "urn:document"  # the name of the document for a validator
_NUMBER_BOUNDS = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"})
_BOUNDS = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))
# The media types whose examples are written as values in the document. An example of XML, for one, can be a text.
_OF_VALUES = re.compile(r"application/([^;]*\+)?json *(;.*)?|multipart/.*|application/x-www-form-urlencoded|text/.*")
_LIKENESS = 0.8
_LIKENESS_OF_MEMBERS = 0.7  # one letter of four may differ
_OTHER_MEMBERS = {"additionalProperties", "patternProperties", "propertyNames", "unevaluatedProperties"}
"""The keywords that say what is true of members without a schema of their own."""
_Value = tuple[NodePath, object]


def values(document: Document) -> Iterator[Problem]:
    """Yield the values in a schema that the schema itself refuses, those that an enum has twice, and crossed bounds."""
    registry = Registry([(_DOCUMENT, document)])
    for path, schema in schemas(document):
        yield from _crossed_bounds(path, schema)
        yield from _repeated(path, schema)
        found = _values_in(path, schema)
        yield from _refused(registry, path, found)
        yield from (problem for each in found for problem in _misspelt_members(document, schema, *each))


def examples(document: Document) -> Iterator[Problem]:
    """Yield the examples of bodies, parameters and headers that their schema refuses."""
    registry = Registry([(_DOCUMENT, document)])
    for path, node in objects(document):
        is_media = len(path) > 1 and path[-2] == "content"
        if isinstance(node.get("schema"), dict) and (not is_media or _OF_VALUES.fullmatch(str(path[-1]))):
            found, dangling = _examples(document, path, node)
            yield from dangling
            yield from _refused(registry, (*path, "schema"), found)
            yield from (problem for each in found for problem in _misspelt_members(document, node["schema"], *each))


def _crossed_bounds(path: NodePath, schema: Schema) -> Iterator[Problem]:
    for lower, upper in _BOUNDS:
        if lower in schema and upper in schema and schema[lower] > schema[upper]:
            message = f"no value is valid: {lower} {schema[lower]} is more than {upper} {schema[upper]}; correct one"
            yield Problem.at((*path, lower), message)
            return
    kind = schema.get("type")
    if kind in ("integer", "number") and valid_number(schema, is_integer=kind == "integer") is None:
        bounds = [keyword for keyword in schema if keyword in _NUMBER_BOUNDS]
        shown = ", ".join(f"{keyword} {schema[keyword]}" for keyword in bounds)
        yield Problem.at((*path, bounds[0]), f"no {kind} is valid with {shown}; correct one")


def _repeated(path: NodePath, schema: Schema) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, value in enumerate(schema.get("enum", [])):
        same = json.dumps(_normal(value), sort_keys=True)
        if same in seen:
            yield Problem.at((*path, "enum", index), f"the enum has {json.dumps(value)} twice; remove one")
        seen.add(same)


def _normal(value: object) -> object:
    """Return a JSON value such that equal ones have the same text: 1 and 1.0 are equal, and true is not 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_normal(each) for each in value]
    return {name: _normal(each) for name, each in value.items()} if isinstance(value, dict) else value


def _values_in(path: NodePath, schema: Schema) -> list[_Value]:
    """Return the values that stand in a schema."""
    given = [((*path, keyword), schema[keyword]) for keyword in ("const", "default", "example") if keyword in schema]
    listed = [
        ((*path, keyword, index), value)
        for keyword in ("enum", "examples")
        for index, value in enumerate(schema.get(keyword, []))
    ]
    return [*given, *listed]


def _examples(document: Document, path: NodePath, node: dict[str, Any]) -> tuple[list[_Value], list[Problem]]:
    """Return the examples beside a schema, of a body, a parameter or a header, and the references to none."""
    found: list[_Value] = [((*path, "example"), node["example"])] if "example" in node else []
    problems = []
    named = node.get("examples", {})
    for name, example in named.items() if isinstance(named, dict) else ():
        where = (*path, "examples", name)
        try:
            resolved = dereferenced(document, example)
        except LookupError:
            problems.append(Problem.at((*where, "$ref"), f"{example['$ref']!r} points to nothing in this document"))
            continue
        if isinstance(resolved, dict) and "value" in resolved:  # an externalValue is not read
            found.append(((*where, "value") if resolved is example else where, resolved["value"]))
    return found, problems


def _refused(registry: Registry, path: NodePath, found: list[_Value]) -> Iterator[Problem]:
    """Yield the values that the schema at `path` refuses, each at the part of the value that is wrong."""
    if not found:
        return
    validator = Draft202012Validator(
        {"$ref": f"{_DOCUMENT}#{quote(pointer(path))}"}, registry=registry, validate_formats=True
    )
    for where, value in found:
        for error in validator.iter_errors(value):
            at = (*where, *error.instance_path)
            message = f"the schema does not allow this value: {error.message}"
            misspelt = _misspelt(error)
            if misspelt is not None:
                at, message = (*at, misspelt), f"{message}; did you mean it by {misspelt!r}?"
            yield Problem.at(at, message)


def _misspelt(error: ValidationError) -> str | None:
    """Return the name in an object that is most like one that it lacks, or None if the error is another."""
    if not (isinstance(error.kind, ValidationErrorKind.Required) and isinstance(error.instance, dict)):
        return None
    return next(iter(difflib.get_close_matches(error.kind.property, error.instance, n=1, cutoff=_LIKENESS)), None)


def _misspelt_members(document: Document, schema: Schema, where: NodePath, value: object) -> Iterator[Problem]:
    """Yield the members of a value that a schema allows, because it allows any, but that look like one that it names.

    A required one that is lacking is refused by the schema itself.
    """
    schema = dereferenced(document, schema)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from _misspelt_members(document, schema["items"], (*where, index), item)
    if not isinstance(value, dict):
        return
    parts = [schema, *(dereferenced(document, each) for each in schema.get("allOf", ()))]
    for name, inner in ((name, inner) for part in parts for name, inner in part.get("properties", {}).items()):
        if name in value and isinstance(inner, dict):
            yield from _misspelt_members(document, inner, (*where, name), value[name])
    if any(part.keys() & _OTHER_MEMBERS for part in parts):
        return
    known = property_names(document, schema, ())
    lacking = known - value.keys() - {name for part in parts for name in part.get("required", ())}
    for name in sorted(value.keys() - known):
        near = difflib.get_close_matches(name, sorted(lacking), n=1, cutoff=_LIKENESS_OF_MEMBERS)
        if near and abs(len(near[0]) - len(name)) <= 1:
            message = (
                f"no property is called {name!r}; did you mean {near[0]!r}? If not, say additionalProperties: true"
            )
            yield Problem.at((*where, name), message)


def endless(document: Document) -> Iterator[Problem]:
    """Yield the schemas that no finite value has, because they require a member of the same schema."""
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        pending, seen = list(_required_members(document, schema)), set[int]()
        while pending:
            inner = pending.pop()
            if inner is schema:
                message = "no value is valid: it requires a member of the same schema; make one of them optional"
                yield Problem.at(("components", "schemas", name), message)
                break
            if id(inner) not in seen:
                seen.add(id(inner))
                pending += _required_members(document, inner)


def _required_members(document: Document, schema: Schema) -> Iterator[Schema]:
    """Yield the schemas of the required properties of an object and of its `allOf`, without those that can be null."""
    parts = [schema, *(dereferenced(document, each) for each in schema.get("allOf", ()))]
    required = {name for part in parts for name in part.get("required", ())}
    for part in parts:
        for name, inner in part.get("properties", {}).items():
            if name in required:
                yield dereferenced(document, inner)
