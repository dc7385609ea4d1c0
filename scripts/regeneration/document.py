"""Reads an OpenAPI 3.1 document and finds the schemas in it.

A document is what YAML gives: dicts with text keys, lists, and plain values. A `NodePath` is the way from its root to
one of its nodes. Examples, defaults and `x-` members hold data of the author's, so nothing in them is taken for a
schema.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from regeneration.refused import Refused

Document: TypeAlias = dict[str, Any]
Schema: TypeAlias = dict[str, Any]
NodePath: TypeAlias = tuple[str | int, ...]

METHODS = ("delete", "get", "head", "options", "patch", "post", "put", "trace")

# Where JSON Schema 2020-12 has schemas within a schema.
SINGLE_APPLICATORS = (
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)
LIST_APPLICATORS = ("allOf", "anyOf", "oneOf", "prefixItems")
MAP_APPLICATORS = ("$defs", "dependentSchemas", "patternProperties", "properties")

# Members whose own members are named by the author of the document, so that no name in them is a keyword.
_NAMED_BY_AUTHOR = frozenset(
    {
        "callbacks",
        "content",
        "encoding",
        "headers",
        "parameters",
        "pathItems",
        "paths",
        "requestBodies",
        "responses",
        "webhooks",
    }
)
_DATA = frozenset({"default", "enum", "example", "examples", "links"})


def read(path: Path) -> Document:
    """The document in the YAML or JSON file at `path`.

    Raises `Refused` when it cannot be read, is no YAML 1.2 (a key given twice is none), or is no mapping.
    """
    try:
        loaded: object = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise Refused(f"{path} is not an OpenAPI document: a mapping was expected, not {type(loaded).__name__}.")
    return loaded


def pointer(path: NodePath) -> str:
    """`path` as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def resolve(document: Document, reference: str) -> Any:
    """What the local `reference` (`#/…`) points at. Raises `LookupError` when there is nothing."""
    if not reference.startswith("#/"):
        raise LookupError(reference)
    node: Any = document
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict):
            node = node[name]
        elif isinstance(node, list) and name.isdecimal():
            node = node[int(name)]
        else:
            raise LookupError(reference)
    return node


def dereferenced(document: Document, node: dict[str, Any]) -> dict[str, Any]:
    """`node`, or what it stands for where it is a reference."""
    while "$ref" in node:
        node = resolve(document, node["$ref"])
    return node


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The path, the method and the object of every operation of the document."""
    for path, path_item in document.get("paths", {}).items():
        for method in METHODS:
            if method in path_item:
                yield path, method, path_item[method]


def objects(document: Document) -> Iterator[tuple[NodePath, dict[str, Any]]]:
    """Every object of the document that is not a schema and not within one, with its path, outer ones first."""
    yield from _objects(document, (), named_by_author=False)


def _objects(node: object, path: NodePath, *, named_by_author: bool) -> Iterator[tuple[NodePath, dict[str, Any]]]:
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _objects(item, (*path, index), named_by_author=False)
    elif isinstance(node, dict):
        if not named_by_author:
            yield path, node
        for name, member in node.items():
            is_schema = name == "schema" or (path == ("components",) and name == "schemas")
            if named_by_author or not (is_schema or name in _DATA or str(name).startswith("x-")):
                inner = not named_by_author and name in _NAMED_BY_AUTHOR
                yield from _objects(member, (*path, name), named_by_author=inner)


def root_schemas(document: Document) -> Iterator[tuple[NodePath, Schema]]:
    """Every schema of the document that is not within another one, with its path."""
    for path, node in objects(document):
        if path == ("components",) and isinstance(node.get("schemas"), dict):
            for name, schema in node["schemas"].items():
                if isinstance(schema, dict):
                    yield (*path, "schemas", name), schema
        elif isinstance(node.get("schema"), dict):
            yield (*path, "schema"), node["schema"]


def subschemas(schema: Schema) -> Iterator[tuple[NodePath, Schema]]:
    """The schemas directly within `schema`, each with its path from there. `true` and `false` are left out."""
    for keyword, value in schema.items():
        members: list[tuple[NodePath, object]] = []
        if keyword in SINGLE_APPLICATORS:
            members = [((keyword,), value)]
        elif keyword in LIST_APPLICATORS and isinstance(value, list):
            members = [((keyword, index), member) for index, member in enumerate(value)]
        elif keyword in MAP_APPLICATORS and isinstance(value, dict):
            members = [((keyword, name), member) for name, member in value.items()]
        for path, member in members:
            if isinstance(member, dict):
                yield path, member


def schemas(document: Document) -> Iterator[tuple[NodePath, Schema]]:
    """Every schema of the document, those within others too, with its path, outer ones first."""
    pending = list(root_schemas(document))
    while pending:
        path, schema = pending.pop(0)
        yield path, schema
        pending.extend(((*path, *relative), inner) for relative, inner in subschemas(schema))
