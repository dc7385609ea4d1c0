"""Find mistakes in an OpenAPI document that would otherwise change the client silently.

Neither the OpenAPI schema nor the generator reports an unknown keyword (`maxmum`), or a name in `required` that is not
a property. They are reported here, before openapi-spec-validator checks the document.
"""

import difflib
import re
from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import quote

from attrs import frozen
from jsonschema_rs import Draft202012Validator, Registry
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # it ships no types
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.schemas import get_schema_content_v31

from regeneration.document import (
    LIST_APPLICATORS,
    MAP_APPLICATORS,
    Document,
    NodePath,
    Schema,
    dereferenced,
    objects,
    operations,
    pointer,
    resolve,
    root_schemas,
    schemas,
    subschemas,
)

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
_OBJECT_EXTENSIONS: dict[str, Schema] = {
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
_EXTENSION_LIKENESS = 0.8

_DOCUMENT = "urn:document"  # the name of the document for a validator
_TEMPLATED = re.compile(r"\{([^}]*)\}")
_BOUNDS = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))

# The keywords whose subschemas apply to the same value as the outer schema.
_IN_PLACE = frozenset({"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"})


@frozen
class Problem:
    """One mistake: the JSON pointer to it, and a message."""

    pointer: str
    message: str

    @classmethod
    def at(cls, path: NodePath, message: str) -> Self:
        """Return the mistake at a place of a document."""
        return cls(pointer(path), message)

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


def lint(document: Document) -> list[Problem]:
    """Return the mistakes of the document.

    Each check relies on the previous ones, so the checks after the first one that finds mistakes are skipped.
    """
    checks = (
        *(_non_json_values, _structure, _types_of_keywords, _references_and_names),
        *(_values_and_operations, _openapi),
    )
    for check in checks:
        problems = list(check(document))
        if problems:
            return problems
    return []


def _non_json_values(node: object, path: NodePath = ()) -> Iterator[Problem]:
    """Yield the values that YAML allows and JSON does not: keys that are not strings, dates, sets."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(key, str):
                yield from _non_json_values(value, (*path, key))
            else:
                yield Problem.at(path, f"the key {key!r} is not a string; put it in quotes")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _non_json_values(item, (*path, index))
    elif not isinstance(node, str | int | float | bool | None):
        yield Problem.at(path, f"{node} is read as a {type(node).__name__}; put it in quotes")


def _structure(document: Document) -> Iterator[Problem]:
    """Yield the objects outside schemas that OpenAPI does not know, or that have no or wrong members."""
    for error in Draft202012Validator(dict(get_schema_content_v31())).iter_errors(document):
        yield Problem.at(tuple(error.instance_path), error.message.splitlines()[0])


def _types_of_keywords(document: Document) -> Iterator[Problem]:
    metaschema = Draft202012Validator({"$ref": f"{_DIALECT}/schema"})
    for path, schema in root_schemas(document):
        for error in metaschema.iter_errors(schema):
            yield Problem.at((*path, *error.instance_path), error.message)


def _references_and_names(document: Document) -> Iterator[Problem]:
    for path, node in [*objects(document), *schemas(document)]:
        yield from _reference(document, path, node)
    yield from _boolean_schemas(document)
    for path, schema in root_schemas(document):
        yield from _required_names(document, path, schema, frozenset())
    for path, schema in schemas(document):
        yield from _keywords(path, schema)
    for path, node in objects(document):
        yield from _extensions(path, node, _OBJECT_EXTENSIONS)


def _openapi(document: Document) -> Iterator[Problem]:
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        if error.validator_value == "regex":
            continue  # it tests expressions by Python's syntax; `_keywords` does by that of JSON Schema
        yield Problem.at(tuple(error.absolute_path), error.message.splitlines()[0])


def _values(document: Document) -> Iterator[Problem]:
    """Yield the values in a schema that the schema itself refuses, those that an enum has twice, and crossed bounds."""
    registry = Registry([(_DOCUMENT, document)])
    for path, schema in schemas(document):
        for lower, upper in _BOUNDS:
            if lower in schema and upper in schema and schema[lower] > schema[upper]:
                message = (
                    f"no value is valid: {lower} {schema[lower]} is more than {upper} {schema[upper]}; correct one"
                )
                yield Problem.at((*path, lower), message)
        listed = [(("enum", index), value) for index, value in enumerate(schema.get("enum", []))]
        given = [((keyword,), schema[keyword]) for keyword in ("const", "default", "example") if keyword in schema]
        examples = [(("examples", index), value) for index, value in enumerate(schema.get("examples", []))]
        if not (listed or given or examples):
            continue
        validator = Draft202012Validator(
            {"$ref": f"{_DOCUMENT}#{quote(pointer(path))}"}, registry=registry, validate_formats=True
        )
        for relative, value in [*given, *listed, *examples]:
            for error in validator.iter_errors(value):
                where = (*path, *relative)
                yield Problem.at(where, f"the schema does not allow this value: {error.message}")
        for index, value in enumerate(schema.get("enum", [])):
            if value in schema["enum"][:index]:
                yield Problem.at((*path, "enum", index), f"the enum has {value!r} twice; remove one")


def _boolean_schemas(document: Document) -> Iterator[Problem]:
    """Yield the schemas `true` and `false` where the generator reads none."""
    found: list[tuple[NodePath, object]] = []
    for path, node in objects(document):
        found += [((*path, "schema"), node["schema"])] if "schema" in node else []
        if path == ("components",):
            found += [((*path, "schemas", name), each) for name, each in node.get("schemas", {}).items()]
    for path, schema in schemas(document):
        for keyword in {*LIST_APPLICATORS, *MAP_APPLICATORS} & schema.keys():
            members = schema[keyword]
            listed = members.items() if isinstance(members, dict) else enumerate(members)
            found += [((*path, keyword, name), each) for name, each in listed]
        found += [((*path, "items"), schema["items"])] if "items" in schema else []
    for path, each in found:
        if isinstance(each, bool):
            yield Problem.at(path, f"{str(each).lower()} is no schema that the generator can read; write a type")


def _values_and_operations(document: Document) -> Iterator[Problem]:
    yield from _endless(document)
    yield from _values(document)
    yield from _operations(document)


def _endless(document: Document) -> Iterator[Problem]:
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


def _operations(document: Document) -> Iterator[Problem]:
    """Yield what the last check finds too, but without the place: repeated ids, and parameters of paths."""
    ids: dict[str, str] = {}
    for path, method, operation in operations(document):
        at: NodePath = ("paths", path, method)
        if not operation.get("responses"):
            yield Problem.at(at, "the operation has no responses; describe what a client reads")
        name = operation.get("operationId")
        if name in ids:
            yield Problem.at((*at, "operationId"), f"{ids[name]} has the operationId {name!r} too; rename one")
        elif name is not None:
            ids[name] = pointer(at)
        listed = [*operation.get("parameters", []), *document["paths"][path].get("parameters", [])]
        resolved = [dereferenced(document, each) for each in listed]
        described = {str(each["name"]) for each in resolved if each.get("in") == "path"}
        used: set[str] = set(_TEMPLATED.findall(path))
        for missing in sorted(used - described):
            yield Problem.at(at, f"the path has a parameter {missing!r} that is not described; add it")
        for unused in sorted(described - used):
            yield Problem.at(at, f"{unused!r} is described as a parameter of the path, which has none; correct one")


def _reference(document: Document, path: NodePath, node: dict[str, Any]) -> Iterator[Problem]:
    if "$ref" in node:
        try:
            resolve(document, str(node["$ref"]))
        except LookupError:
            yield Problem.at((*path, "$ref"), f"{node['$ref']!r} points to nothing in this document")


def _keywords(path: NodePath, schema: Schema) -> Iterator[Problem]:
    for keyword in sorted(schema.keys() - KEYWORDS):
        if not keyword.startswith("x-"):
            near = difflib.get_close_matches(keyword, sorted(KEYWORDS), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield Problem.at((*path, keyword), f"no schema has the keyword {keyword!r}{hint}")
    if "pattern" in schema and not _is_expression(schema["pattern"]):
        yield Problem.at((*path, "pattern"), f"{schema['pattern']!r} is no regular expression; correct it")
    yield from _extensions(path, schema, _SCHEMA_EXTENSIONS)


def _is_expression(pattern: str) -> bool:
    try:
        Draft202012Validator({"pattern": pattern})
    except ValueError:
        return False
    return True


def _extensions(path: NodePath, node: dict[str, Any], known: dict[str, Schema]) -> Iterator[Problem]:
    for name in sorted(name for name in node if name.startswith("x-")):
        if name in known:
            for error in Draft202012Validator(known[name]).iter_errors(node[name]):
                yield Problem.at((*path, name, *error.instance_path), error.message)
        elif near := difflib.get_close_matches(name, sorted(known), n=1, cutoff=_EXTENSION_LIKENESS):
            yield Problem.at((*path, name), f"there is no extension {name!r}; did you mean {near[0]!r}?")


def _required_names(document: Document, path: NodePath, schema: Schema, outer: frozenset[str]) -> Iterator[Problem]:
    """Yield the names in `required` that are not a property of this or of another schema for the same value."""
    known = outer | _property_names(document, schema, seen=())
    required = schema.get("required", [])
    for index, name in enumerate(required):
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield Problem.at((*path, "required", index), f"no property is called {name!r}{hint}")
    for relative, inner in subschemas(schema):
        inherited = known if relative[0] in _IN_PLACE else frozenset()
        yield from _required_names(document, (*path, *relative), inner, inherited)


def _property_names(document: Document, schema: Schema, seen: tuple[str, ...]) -> frozenset[str]:
    """Return the property names of the schema, of its in-place subschemas, and of the schemas that they refer to."""
    names: frozenset[str] = frozenset(schema.get("properties", ()))
    for relative, inner in subschemas(schema):
        if relative[0] in _IN_PLACE:
            names |= _property_names(document, inner, seen)
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        try:
            target: Any = resolve(document, reference)
        except LookupError:
            return names
        if isinstance(target, dict):
            names |= _property_names(document, target, (*seen, reference))
    return names
