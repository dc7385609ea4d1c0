"""Find the keywords and extensions of schemas that do not exist, or whose values have the wrong type."""

import difflib
import json
from collections.abc import Iterator
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it ships no types

from regeneration.document import Document, NodePath, Schema, root_schemas, schemas
from regeneration.problem import Problem, hint

_DIALECT = "https://json-schema.org/draft/2020-12"
_VOCABULARIES = ("applicator", "content", "core", "format-annotation", "meta-data", "unevaluated", "validation")
_SCHEMA_KEYWORDS = frozenset(
    keyword
    for vocabulary in _VOCABULARIES
    for keyword in REGISTRY.contents(f"{_DIALECT}/meta/{vocabulary}")["properties"]
)
# The keywords that OpenAPI 3.1 adds to JSON Schema (OAS 3.1, Schema Object, Fixed Fields).
_OPENAPI_KEYWORDS = frozenset({"discriminator", "example", "externalDocs", "xml"})
KEYWORDS = _SCHEMA_KEYWORDS | _OPENAPI_KEYWORDS
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
# The formats that the client, or its reader, takes for something else than a text or a number.
_FORMATS = ("binary", "date", "date-time", "password", "uuid")
# The extensions that the head of spec/openapi.yaml documents, with the schemas of their values. Other extensions are
# allowed, unless they look like a misspelling of one of these.
_COUNT: Schema = {"type": "integer", "minimum": 1}
_STATUSES: Schema = {
    "type": "array",
    "items": {"anyOf": [{"const": "4XX"}, {"type": "integer", "minimum": 400, "maximum": 599}]},
    "uniqueItems": True,
}


def _closed(**members: Schema) -> Schema:
    """Return the schema of an object with no other members than these, whose names have `_` for `-`."""
    properties = {name.replace("_", "-"): schema for name, schema in members.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


_REFUSAL: Schema = {
    **_closed(must={**_STATUSES, "minItems": 1}, should=_STATUSES),
    "required": ["must", "should"],
}
_SCHEMA_EXTENSIONS: dict[str, Schema] = {
    "x-image": _closed(
        kinds={
            "type": "array",
            "items": {"enum": ["png", "jpeg", "webp", "gif"]},
            "minItems": 1,
            "uniqueItems": True,
        },
        square={"type": "boolean"},
        sides=_closed(minimum=_COUNT, maximum=_COUNT, multiple_of=_COUNT),
        valid_below_bytes=_COUNT,
        invalid_from_bytes=_COUNT,
        other_names={"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": True},
    ),
    "x-default": {"enum": ["input", "any"]},
    "x-open": {"const": True},
}
OBJECT_EXTENSIONS: dict[str, Schema] = {
    "x-environment-variable": {"type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$"},
    "x-statuses": _closed(
        invalid_request=_REFUSAL,
        unknown_model=_REFUSAL,
        image_too_large=_REFUSAL,
        wrong_image_kind=_REFUSAL,
        not_multipart=_REFUSAL,
        wrong_key=_REFUSAL,
        other_method=_REFUSAL,
        chunked_body=_REFUSAL,
    ),
}
_LIKENESS = 0.8


def types_of_keywords(document: Document) -> Iterator[Problem]:
    """Yield the keywords whose values have the wrong type."""
    explained: set[NodePath] = set()
    for path, schema in schemas(document):
        for where, message in _explained(path, schema):
            explained |= {where, (*path, "type")} if where[len(path)] == "type" else {where}
            yield Problem.at(where, message)
    metaschema = Draft202012Validator({"$ref": f"{_DIALECT}/schema"})
    for path, schema in root_schemas(document):
        for error in metaschema.iter_errors(schema):
            where = (*path, *error.instance_path)
            if where not in explained:
                yield Problem.at(where, error.message)


def _explained(path: NodePath, schema: Schema) -> Iterator[tuple[NodePath, str]]:
    """Yield the wrong values of keywords of which it is likely what they should be, with what to write."""
    listed = schema.get("type", [])
    for index, each in enumerate(listed if isinstance(listed, list) else [listed]):
        where = (*path, "type", index) if isinstance(listed, list) else (*path, "type")
        if each is None:
            yield where, 'without quotes, null is no text; write "null"'
        elif each not in _TYPES:
            near = hint(each, _TYPES) if isinstance(each, str) else ""
            yield where, f"{json.dumps(each)} is no type; the types are {', '.join(_TYPES)}{near}"
    if "type" in schema and isinstance(listed, list) and (not listed or _has_twice(listed)):
        yield (*path, "type"), "write one type, or a list of different ones"
    if schema.get("enum") == []:
        yield (*path, "enum"), "the enum is empty, so that no value is valid; list the values, or remove it"
    for keyword, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        value = schema.get(keyword)
        if value is True:
            instead = f"{schema[bound]} in place of {bound} and this" if bound in schema else "and the number"
            yield (*path, keyword), f"this is OpenAPI 3.0; write {keyword}: {instead}"
        elif value is False:
            yield (*path, keyword), "this is OpenAPI 3.0; remove it"


def _has_twice(listed: list[object]) -> bool:
    return any(each in listed[:index] for index, each in enumerate(listed))


def _in_place_of_nullable(schema: Schema) -> str:
    """Return what to write in OpenAPI 3.1 in place of `nullable`, which was a keyword of 3.0."""
    if schema["nullable"] is False:
        return "remove it"
    if "enum" in schema:
        return "add null to the enum, and leave out the type"
    if "$ref" in schema:
        return f'write anyOf: [{{$ref: "{schema["$ref"]}"}}, {{type: "null"}}]'
    if isinstance(schema.get("type"), str):
        return f'write type: [{schema["type"]}, "null"]'
    return 'add "null" to the types'


def keywords(path: NodePath, schema: Schema) -> Iterator[Problem]:
    """Yield the keywords and extensions of a schema that do not exist, or that say nothing."""
    for keyword in sorted(schema.keys() - KEYWORDS):
        if keyword == "nullable":
            message = f"OpenAPI 3.1 has no keyword 'nullable'; {_in_place_of_nullable(schema)}"
            yield Problem.at((*path, keyword), message)
        elif not keyword.startswith("x-"):
            yield Problem.at((*path, keyword), f"no schema has the keyword {keyword!r}{hint(keyword, KEYWORDS)}")
    given = schema.get("format", "")
    for near in difflib.get_close_matches(given, _FORMATS, n=1, cutoff=_LIKENESS):
        if near not in given:  # others are allowed, such as uuid4
            yield Problem.at((*path, "format"), f"there is no format {given!r}; did you mean {near!r}?")
    if "pattern" in schema and not _is_expression(schema["pattern"]):
        yield Problem.at((*path, "pattern"), f"{schema['pattern']!r} is no regular expression; correct it")
    yield from extensions(path, schema, _SCHEMA_EXTENSIONS)


def _is_expression(pattern: str) -> bool:
    try:
        Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


def extensions(path: NodePath, node: dict[str, Any], known: dict[str, Schema]) -> Iterator[Problem]:
    """Yield the extensions of an object whose names or values are wrong, by the schemas of the known ones."""
    for name in sorted(name for name in node if name.startswith("x-")):
        if name in known:
            for error in Draft202012Validator(known[name]).iter_errors(node[name]):
                yield from _of_extension((*path, name), known[name], error)
        elif near := hint(name, known, _LIKENESS):
            yield Problem.at((*path, name), f"there is no extension {name!r}{near}")


def _of_extension(path: NodePath, schema: Schema, error: ValidationError) -> Iterator[Problem]:
    """Yield a wrong value in an extension at its place, and each unknown key at its own, with the one that is meant."""
    where = (*path, *error.instance_path)
    if not isinstance(error.kind, ValidationErrorKind.AdditionalProperties):
        yield Problem.at(where, error.message)
        return
    for step in error.instance_path:
        schema = schema["properties"][step]
    for key in sorted(error.kind.unexpected):
        near = hint(key, schema["properties"]) or f"; the keys are {', '.join(schema['properties'])}"
        yield Problem.at((*where, key), f"{path[-1]} has no key {key!r} here{near}")
