"""Find out why the suite does not find the fields of the form in an OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from image_variations_conformance.contract.document import OPERATION_POINTER
from image_variations_conformance.contract.pointers import resolved, steps

from regeneration.document import Document, NodePath, pointer

_FORM = (*steps(OPERATION_POINTER), "requestBody", "content", "multipart/form-data", "schema")


def misplaced_form(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the JSON pointer to what keeps the suite from finding the fields in a sound document, and a message.

    The suite and its profiles change and read the form by its pointer, and follow a reference only to its schema.
    """
    path: NodePath = ()
    node: Any = document
    for step in _FORM:
        if "$ref" in node:
            yield pointer((*path, "$ref")), "the suite follows no reference here; write out what it refers to"
            return
        path = (*path, step)
        if step not in node:
            yield pointer(path), "this is not there, and the suite reads the fields of the form in it; restore it"
            return
        node = node[step]
    if not resolved(document, node).get("properties"):
        yield str(node.get("$ref", f"#{pointer(path)}")).removeprefix("#"), "the form has no fields; restore them"
