"""Find mistakes in an OpenAPI document that would otherwise change the client silently.

Neither the OpenAPI schema nor the generator reports an unknown keyword (`maxmum`), or a name in `required` that is not
a property. They are reported here, before openapi-spec-validator checks the document.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from regeneration.document import (
    IN_PLACE,
    LIST_APPLICATORS,
    MAP_APPLICATORS,
    METHODS,
    Document,
    NodePath,
    Schema,
    dereferenced,
    objects,
    operations,
    pointer,
    property_names,
    resolve,
    root_schemas,
    schemas,
    subschemas,
)
from regeneration.keywords import OBJECT_EXTENSIONS, extensions, keywords, types_of_keywords
from regeneration.problem import Problem, hint
from regeneration.structure import structure
from regeneration.values import endless, values

_TEMPLATED = re.compile(r"\{([^}]*)\}")


def lint(document: Document) -> list[Problem]:
    """Return the mistakes of the document.

    Each check relies on the previous ones, so the checks after the first one that finds mistakes are skipped.
    """
    checks = (
        *(_non_json_values, structure, types_of_keywords, _references_and_names),
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


def _references_and_names(document: Document) -> Iterator[Problem]:
    for path, node in objects(document):
        yield from _reference(document, path, node, "an object")
    for path, node in schemas(document):
        yield from _reference(document, path, node, "a schema")
    yield from _boolean_schemas(document)
    for path, schema in root_schemas(document):
        yield from _required_names(document, path, schema, frozenset())
    for path, schema in schemas(document):
        yield from keywords(path, schema)
    for path, node in objects(document):
        yield from extensions(path, node, OBJECT_EXTENSIONS)


def _openapi(document: Document) -> Iterator[Problem]:
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        if error.validator_value == "regex":
            continue  # it tests expressions by Python's syntax; `_keywords` does by that of JSON Schema
        yield Problem.at(tuple(error.absolute_path), error.message.splitlines()[0])


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
    yield from endless(document)
    yield from values(document)
    yield from _operations(document)


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
        yield from _twice(document, operation, at)
        if method == next(each for each in METHODS if each in document["paths"][path]):
            yield from _wrong_paths(path)
            yield from _twice(document, document["paths"][path], ("paths", path))
        listed = [*operation.get("parameters", []), *document["paths"][path].get("parameters", [])]
        resolved = [dereferenced(document, each) for each in listed]
        described = {str(each["name"]) for each in resolved if each.get("in") == "path"}
        used: set[str] = set(_TEMPLATED.findall(path))
        for missing in sorted(used - described):
            yield Problem.at(at, f"the path has a parameter {missing!r} that is not described; add it")
        for unused in sorted(described - used):
            yield Problem.at(at, f"{unused!r} is described as a parameter of the path, which has none; correct one")


def _wrong_paths(path: str) -> Iterator[Problem]:
    """Yield what makes a template of a path another path, or none."""
    at: NodePath = ("paths", path)
    names = _TEMPLATED.findall(path)
    plain = _TEMPLATED.sub("", path)
    if {"{", "}"} & set(plain) or any("{" in name for name in names):
        yield Problem.at(at, "a brace of the path has no other; write each parameter as {name}")
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem.at(at, f"the path has the parameter {name!r} twice; rename one")
    if {"?", "#"} & set(plain):
        yield Problem.at(at, "a path has no query and no fragment; describe query parameters under parameters")
    if {".", ".."} & set(path.split("/")):
        yield Problem.at(at, "a path with . or .. is sent as another one; write the path that is meant")


def _twice(document: Document, owner: dict[str, Any], at: NodePath) -> Iterator[Problem]:
    seen: set[tuple[object, object]] = set()
    for index, each in enumerate(owner.get("parameters", [])):
        resolved = dereferenced(document, each)
        identity = resolved.get("name"), resolved.get("in")
        if identity in seen:
            where = (*at, "parameters", index)
            yield Problem.at(where, f"the parameter {identity[0]!r} in {identity[1]} is there twice; remove one")
        seen.add(identity)


def _reference(document: Document, path: NodePath, node: dict[str, Any], kind: str) -> Iterator[Problem]:
    if "$ref" not in node:
        return
    try:
        target = resolve(document, str(node["$ref"]))
    except LookupError:
        yield Problem.at((*path, "$ref"), f"{node['$ref']!r} points to nothing in this document")
        return
    if not isinstance(target, dict | bool):  # `_boolean_schemas` is about true and false
        yield Problem.at((*path, "$ref"), f"{node['$ref']!r} does not point to {kind}; correct it")
    elif _is_circular(document, node):
        message = f"{kind} that refers only to itself says nothing; write what it is, in place of the reference"
        with suppress(LookupError):
            dereferenced(document, node)  # it does not end if there are only references
            message = f"{kind} that refers to itself as a part or an alternative has no end; remove the reference"
        yield Problem.at((*path, "$ref"), message)


def _is_circular(document: Document, node: dict[str, Any]) -> bool:
    """Return whether the references of a node, and of its subschemas for the same value, lead back to it."""
    pending, seen = [node], set[int]()
    while pending:
        current = pending.pop()
        reached = [inner for relative, inner in subschemas(current) if relative[0] in IN_PLACE]
        with suppress(LookupError):  # it is reported where it stands
            target = resolve(document, str(current["$ref"])) if "$ref" in current else None
            reached += [target] if isinstance(target, dict) else []
        if any(each is node for each in reached):
            return True
        pending += [each for each in reached if id(each) not in seen]
        seen |= {id(each) for each in reached}
    return False


def _required_names(document: Document, path: NodePath, schema: Schema, outer: frozenset[str]) -> Iterator[Problem]:
    """Yield the names in `required` that are not a property of this or of another schema for the same value."""
    known = outer | property_names(document, schema, seen=())
    required = schema.get("required", [])
    for index, name in enumerate(required):
        if name not in known:
            yield Problem.at((*path, "required", index), f"no property is called {name!r}{hint(name, known)}")
    for relative, inner in subschemas(schema):
        inherited = known if relative[0] in IN_PLACE else frozenset()
        yield from _required_names(document, (*path, *relative), inner, inherited)
