"""JSON pointers (RFC 6901) and the references of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def escaped(name: str) -> str:
    """Return a name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def steps(pointer: str) -> list[str]:
    """Return the names in a JSON pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def value_at(document: Mapping[str, Any], pointer: str) -> Any:
    """Return the value at a JSON pointer. References on the way are followed.

    Raises LookupError if there is none.
    """
    node: Any = document
    for name in steps(pointer):
        while isinstance(node, Mapping) and name not in node and isinstance(node.get("$ref"), str):
            node = value_at(document, node["$ref"].removeprefix("#"))
        if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
            node = node[int(name)]
        elif isinstance(node, Mapping) and name in node:
            node = node[name]
        else:
            raise LookupError(f"{pointer} does not exist; nothing is called {name!r} there")
    return node


def resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a node, or what it refers to if it is a reference. Raises LookupError if that does not exist."""
    while "$ref" in node:
        node = value_at(document, node["$ref"].removeprefix("#"))
    return node
