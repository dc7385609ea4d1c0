"""What means the same in a document, so that it is no difference: bounds, wrapped schemas, unions with null, names."""

from collections.abc import Callable
from math import ceil, floor
from typing import Any, TypeAlias

from regeneration.document import Document, NodePath
from regeneration.versions import canonical

from spec_diff.members import is_number
from spec_diff.rules import WORD_KEYS

SAID_BY = {"const": "enum", "exclusiveMaximum": "maximum", "exclusiveMinimum": "minimum"}
"""The keys in place of which `normal` writes another one."""
_BESIDE = {"default", "deprecated", "x-default", "x-open"}
"""The keys beside a reference, or an `allOf` of one schema, that are not about which values are valid."""
Split: TypeAlias = tuple[bool, dict[str, Any], NodePath]
"""Whether a schema allows null, what else it allows, and the steps to that."""
_UNIONS = {"anyOf", "oneOf"}
_IN_PLACE = {"$ref", "allOf", "const", "else", "if", "not", "then"}
"""The keys that may exclude null, whatever the type."""
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


def split_null(node: Any, resolved: Callable[[Any], Any]) -> Split | None:
    """Return a schema without null, or None if that is too complex. `resolved` returns what a reference is to.

    A union with null, `anyOf: [A, {type: "null"}]`, says the same as null among the types of A.
    """
    if not isinstance(node, dict):
        return None
    for key in _UNIONS & node.keys():
        return _split_union(node, key, resolved)
    types = _types(node)
    if types and "null" not in types:
        return False, node, ()
    rest = [each for each in types if each != "null"]
    if not rest or not _IN_PLACE.isdisjoint(node):
        return None
    without = {**node, "type": rest if len(rest) > 1 else rest[0]}
    if isinstance(values := node.get("enum"), list):
        without["enum"] = [each for each in values if each is not None]
    return not isinstance(values, list) or None in values, without, ()


def _split_union(node: dict[str, Any], key: str, resolved: Callable[[Any], Any]) -> Split | None:
    alternatives = node[key]
    if node.keys() - WORD_KEYS - _BESIDE != {key} or not isinstance(alternatives, list) or len(alternatives) != 2:
        return None
    others = [n for n, each in enumerate(alternatives) if _types(each) != ["null"]]
    types = _types(resolved(alternatives[others[0]])) if len(others) == 1 else []
    if not types or "null" in types:
        return None
    beside = {name: member for name, member in node.items() if name != key}
    return True, {**alternatives[others[0]], **beside}, (key, others[0])


def _types(schema: Any) -> list[str]:
    types = schema.get("type", []) if isinstance(schema, dict) else []
    return types if isinstance(types, list) else [types]


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
