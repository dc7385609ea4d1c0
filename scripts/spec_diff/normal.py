"""Write an object of a document in one of the ways that mean the same, so that the others are no difference."""

from math import ceil, floor
from typing import Any

from regeneration.versions import canonical

from spec_diff.members import is_number

SAID_BY = {"const": "enum", "exclusiveMaximum": "maximum", "exclusiveMinimum": "minimum"}
"""The keys in place of which `normal` writes another one."""
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
