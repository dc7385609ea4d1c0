"""Read an OpenAPI 3.1 document and find its objects and schemas.

A document is the value loaded from YAML: dicts with string keys, lists, and scalars. A `NodePath` is the sequence of
keys and indexes from the root to a node. Examples, defaults, enums, links and `x-` members contain data, so they are
not searched for schemas.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from image_variations_conformance.contract.pointers import escaped, steps
from yaml import MarkedYAMLError

from regeneration.marks import MarkedYaml, NotUtf8Error
from regeneration.refused import Refused, shown_path

Document: TypeAlias = dict[str, Any]
Schema: TypeAlias = dict[str, Any]
NodePath: TypeAlias = tuple[str | int, ...]

METHODS = ("delete", "get", "head", "options", "patch", "post", "put", "trace")

# The keywords of JSON Schema 2020-12 whose value is a schema, a list of schemas, or a map from names to schemas.
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

# The keywords whose subschemas apply to the same value as the outer schema.
IN_PLACE = frozenset({"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"})

# Members whose value is a map with keys chosen by the author of the document, so that its keys are not keywords.
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
_MAX_NODES = 1_000_000
_DATA = frozenset({"default", "enum", "example", "examples", "links"})


def read(path: Path) -> Document:
    """Return the document in the YAML or JSON file at `path`.

    Raises `Refused` with file and line if the file cannot be read, is not YAML that every parser reads alike, or is not
    a mapping.
    """
    shown = shown_path(path)
    try:
        marked = MarkedYaml.read(path)
        ambiguities = [f"{shown}:{each.line}: {each.pointer}: {each.message}" for each in marked.ambiguities]
        if ambiguities:
            raise Refused("\n  ".join([f"{shown} is not YAML that every parser reads alike:", *ambiguities]))
        loaded = marked.value
    except OSError as error:
        raise Refused(f"{shown} cannot be read: {error.strerror}.") from error
    except NotUtf8Error as error:
        raise Refused(f"{shown}:{error.line}: /: {error}.") from error
    except MarkedYAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = 1 if mark is None else mark.line + 1
        raise Refused(f"{shown}:{line}: /: not YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(loaded, dict):
        raise Refused(f"{shown}:1: /: expected an OpenAPI document, which is a mapping, not {type(loaded).__name__}.")
    try:
        left = [_MAX_NODES]
        return {name: _unshared(node, left) for name, node in loaded.items()}
    except RecursionError:
        raise Refused(f"{shown}:1: /: an alias of YAML is within its own anchor; write a $ref.") from None
    except OverflowError:
        raise Refused(
            f"{shown}:1: /: more than {_MAX_NODES:,} values, most by aliases of YAML; write a $ref."
        ) from None


def _unshared(node: object, left: list[int]) -> Any:
    """Return a copy in which an alias of YAML is an object of its own, because schemas are told apart by identity.

    Raises `OverflowError` for more values than are `left`.
    """
    left[0] -= 1
    if left[0] < 0:
        raise OverflowError
    if isinstance(node, dict):
        return {name: _unshared(inner, left) for name, inner in node.items()}
    return [_unshared(inner, left) for inner in node] if isinstance(node, list) else node


def copied(node: Any) -> Any:
    """Return a copy of a part of a document. It is quicker than `deepcopy`, which looks for parts that are shared."""
    if isinstance(node, dict):
        return {name: copied(inner) for name, inner in node.items()}
    return [copied(inner) for inner in node] if isinstance(node, list) else node


def pointer(path: NodePath) -> str:
    """Return `path` as a JSON pointer (RFC 6901)."""
    return "".join(f"/{escaped(str(step))}" for step in path)


def resolve(document: Document, reference: str) -> Any:
    """Return the node that the local `reference` (`#/…`) points to. Raise `LookupError` if there is none."""
    if not reference.startswith("#/"):
        raise LookupError(reference)
    node: Any = document
    for name in steps(reference):
        if isinstance(node, dict):
            node = node[name]
        elif isinstance(node, list) and name.isdecimal():
            node = node[int(name)]
        else:
            raise LookupError(reference)
    return node


def dereferenced(document: Document, node: dict[str, Any]) -> dict[str, Any]:
    """Return `node`, or the object that it refers to if it has a `$ref`. Raise `LookupError` if there is none."""
    followed: set[str] = set()
    while "$ref" in node:
        reference = node["$ref"]
        if reference in followed:
            raise LookupError(f"{reference} refers to itself")
        followed.add(reference)
        node = resolve(document, reference)
    return node


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the path, the method and the operation object of every operation."""
    for path, path_item in document.get("paths", {}).items():
        for method in METHODS:
            if method in path_item:
                yield path, method, path_item[method]


def parameters(document: Document, path: str, method: str) -> Iterator[tuple[NodePath, dict[str, Any]]]:
    """Yield the parameters of an operation with their paths, first its own, which override those of its path."""
    item = document["paths"][path]
    own = item[method].get("parameters", [])
    overriding = {_identity(document, each) for each in own}
    for index, each in enumerate(own):
        yield ("paths", path, method, "parameters", index), each
    for index, each in enumerate(item.get("parameters", [])):
        if _identity(document, each) not in overriding:
            yield ("paths", path, "parameters", index), each


def _identity(document: Document, parameter: dict[str, Any]) -> tuple[object, object]:
    resolved = dereferenced(document, parameter)
    return resolved.get("name"), resolved.get("in")


def is_success(status: str, responses: Collection[str]) -> bool:
    """Return whether a response is one to an accepted request: a 2xx, or the default if there is no 2xx."""
    return status.startswith("2") or (status == "default" and not any(each.startswith("2") for each in responses))


def objects(document: Document) -> Iterator[tuple[NodePath, dict[str, Any]]]:
    """Yield every object outside schemas and data, with its path, each before the objects within it."""
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
    """Yield every schema that is not within another schema, with its path."""
    for path, node in objects(document):
        if path == ("components",) and isinstance(node.get("schemas"), dict):
            for name, schema in node["schemas"].items():
                if isinstance(schema, dict):
                    yield (*path, "schemas", name), schema
        elif isinstance(node.get("schema"), dict):
            yield (*path, "schema"), node["schema"]


def subschemas(schema: Schema) -> Iterator[tuple[NodePath, Schema]]:
    """Yield the schemas directly within `schema`, with their paths relative to it, without boolean schemas."""
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
    """Yield every schema, with its path, each before the schemas within it."""
    pending = list(root_schemas(document))
    while pending:
        path, schema = pending.pop(0)
        yield path, schema
        pending.extend(((*path, *relative), inner) for relative, inner in subschemas(schema))


def property_names(document: Document, schema: Schema, seen: tuple[str, ...]) -> frozenset[str]:
    """Return the property names of the schema, of its in-place subschemas, and of the schemas that they refer to."""
    names: frozenset[str] = frozenset(schema.get("properties", ()))
    for relative, inner in subschemas(schema):
        if relative[0] in IN_PLACE:
            names |= property_names(document, inner, seen)
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        try:
            target: Any = resolve(document, reference)
        except LookupError:
            return names
        if isinstance(target, dict):
            names |= property_names(document, target, (*seen, reference))
    return names
