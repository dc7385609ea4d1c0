"""What means the same in a document, so that it is no difference: bounds, wrapped schemas, names of schemes."""

from math import ceil, floor
from typing import Any

from regeneration.document import Document
from regeneration.versions import canonical

from spec_diff.members import is_number
from spec_diff.rules import WORD_KEYS

SAID_BY = {"const": "enum", "exclusiveMaximum": "maximum", "exclusiveMinimum": "minimum"}
"""The keys in place of which `normal` writes another one."""
_BESIDE = {"default", "deprecated", "x-default", "x-open"}
"""The keys beside a reference, or an `allOf` of one schema, that are not about which values are valid."""
_IN_CLASSES = {"additionalProperties", "allOf", "anyOf", "enum", "items", "oneOf", "properties"}
_BOUNDS = (("maximum", "exclusiveMaximum", 1), ("minimum", "exclusiveMinimum", -1))


def normal(kind: str, node: dict[str, Any]) -> dict[str, Any]:
    """Return a security scheme or a schema in its normal form, any other object as it is."""
    node = dict(node)
    if kind == "scheme" and isinstance(node.get("scheme"), str):
        node["scheme"] = node["scheme"].lower()
    if kind == "schema":
        _enum(node)
        types = node.get("type")
        is_integer = "integer" in types and "number" not in types if isinstance(types, str | list) else False
        if is_integer and canonical(node.get("multipleOf")) in {"1", "1.0"}:
            del node["multipleOf"]
        for bound, exclusive, sign in _BOUNDS:
            _limit(node, bound, exclusive, sign, is_integer=is_integer)
    return node


def _enum(node: dict[str, Any]) -> None:
    """Write a `const` as an `enum` of one value."""
    if "const" in node and isinstance(values := node.get("enum", [node["const"]]), list):
        value = canonical(node.pop("const"))
        node["enum"] = [each for each in values if canonical(each) == value]


def _limit(node: dict[str, Any], bound: str, exclusive: str, sign: int, *, is_integer: bool) -> None:
    """Write that of two bounds which the other one implies no more, and both as the inclusive one for integers.

    `sign` is 1 for upper bounds and -1 for lower ones.
    """
    if not all(is_number(node[key]) for key in (bound, exclusive) if key in node):
        return
    limits = {key: sign * node[key] for key in (bound, exclusive) if key in node}
    if is_integer and limits:
        integers = [floor(limit) if key == bound else ceil(limit) - 1 for key, limit in limits.items()]
        node.pop(exclusive, None)
        node[bound] = sign * min(integers)
    elif len(limits) == 2:
        del node[exclusive if limits[bound] < limits[exclusive] else bound]


def has_class(schema: Any) -> bool:
    """Return whether the client has a class of the name of a schema: of a plain text or number, it has none."""
    return isinstance(schema, dict) and (schema.get("type") == "object" or not _IN_CLASSES.isdisjoint(schema))


def is_wrapped(node: Any, other: Any) -> bool:
    """Return whether a schema says no more than the one schema in its `allOf`, and another one has no `allOf`."""
    return (
        isinstance(node, dict)
        and isinstance(other, dict)
        and "allOf" not in other
        and node.keys() - WORD_KEYS - _BESIDE == {"allOf"}
        and isinstance(node["allOf"], list)
        and len(node["allOf"]) == 1
        and isinstance(node["allOf"][0], dict)
    )


def unwrapped(node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema in an `allOf`, with what stands beside it."""
    return {**node["allOf"][0], **{key: value for key, value in node.items() if key != "allOf"}}


def renamed_schemes(old: Document, new: Document) -> dict[str, str]:
    """Return the old and the new names of the security schemes that differ in nothing else but words."""
    before, after = _schemes(old), _schemes(new)
    gone, come = (
        {each[name]: name for name in each if name not in other} for each, other in ((before, after), (after, before))
    )
    return {name: come[meaning] for meaning, name in gone.items() if meaning in come}


def _schemes(document: Document) -> dict[str, str]:
    """Return the security schemes by name, each as a text that is equal for equal ones."""
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    return {
        name: canonical({key: value for key, value in normal("scheme", each).items() if key not in WORD_KEYS})
        for name, each in (schemes.items() if isinstance(schemes, dict) else ())
        if isinstance(each, dict)
    }
