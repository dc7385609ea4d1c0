"""What happened to a member of an object: a value, a bound, or a set of values."""

import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from regeneration.versions import canonical

from spec_diff.rules import RULES

ABSENT: Any = type("Absent", (), {"__repr__": lambda _: "nothing"})()
"""The value of a member that is not there."""

_SETS = {
    *(("operation", "tags"), ("encoding", "contentType"), ("image", "kinds"), ("image", "other-names")),
    *(("schema", "enum"), ("schema", "required"), ("statuses", "must"), ("statuses", "should")),
}
_WITHOUT_BOUND = {("schema", "enum"), ("encoding", "contentType")}
"""The sets that mean anything if they are absent. The others mean nothing then."""
# What an absent key means.
_IMPLIED: dict[tuple[str, str], object] = {
    **{(kind, "required"): False for kind in ("body", "header", "parameter")},
    **{(kind, "deprecated"): False for kind in ("operation", "parameter", "schema")},
    **{("schema", key): 0 for key in ("minItems", "minLength", "minProperties")},
    ("schema", "additionalProperties"): True,
    ("schema", "uniqueItems"): False,
    ("schema", "x-open"): False,
    ("sides", "multiple-of"): 1,
}


def plain(value: Any) -> Any:
    """Return a value of YAML with texts for keys."""
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def shown(value: object) -> str:
    """Return a value as it stands in a message, cut short. A text has quotes if it looks like another value."""
    text = repr(value) if value is ABSENT else canonical(value)
    text = value if isinstance(value, str) and _is_plain(value) else text
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_plain(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return bool(text)
    return False


def actions(kind: str, key: str, before: Any, after: Any) -> Iterable[tuple[str, Any]]:
    """Yield what happened to a member, and to which value if it is a set, else to ABSENT."""
    if (kind, key) == ("schema", "type"):
        return _types(before, after)
    if (kind, key) == ("operation", "tags"):
        return _tags(before, after)
    if (kind, key) == ("schema", "additionalProperties") and dict in (type(before), type(after)):
        return [(_of_additional_properties(before, after), ABSENT)]
    if (kind, key) in _SETS and not ((kind, key) in _WITHOUT_BOUND and ABSENT in (before, after)):
        return _values(kind, before, after)
    if (kind, key) == ("document", "openapi"):
        minors = [str(each).split(".")[:2] for each in (before, after)]
        return [("patched" if minors[0] == minors[1] else "changed", ABSENT)]
    implied = _IMPLIED.get((kind, key), ABSENT)
    old, new = (implied if it is ABSENT else it for it in (before, after))
    if ABSENT not in (old, new) and canonical(old) == canonical(new):
        return [("restated", ABSENT)]
    if isinstance(old, bool) and isinstance(new, bool):
        return [("enabled" if new else "disabled", ABSENT)]
    if ABSENT in (before, after) and (kind, key) != ("sides", "multiple-of"):
        return [("added" if before is ABSENT else "removed", ABSENT)]
    if is_number(old) and is_number(new):
        return [(_of_numbers(kind, key, Fraction(str(old)), Fraction(str(new))), ABSENT)]
    return [("changed", ABSENT)]


def is_number(value: object) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _of_numbers(kind: str, key: str, old: Fraction, new: Fraction) -> str:
    if old == new:
        return "restated"
    if (kind, key, "generalized") in RULES and old and new:
        return "changed" if old % new and new % old else "specialized" if old % new else "generalized"
    return ("increased" if new > old else "decreased") if (kind, key, "increased") in RULES else "changed"


def _of_additional_properties(before: Any, after: Any) -> str:
    """Return what happened to a schema of further properties, which stands between false, none, and true, any."""
    old, new = (True if it is ABSENT or it == {} else it for it in (before, after))
    if old is True and new is True:
        return "restated"
    if not all(isinstance(it, bool | dict) for it in (old, new)):
        return "changed"
    return "generalized" if old is False or new is True else "specialized"


def _types(before: Any, after: Any) -> Iterator[tuple[str, Any]]:
    every = ("array", "boolean", "integer", "number", "object", "string")
    old, new = (
        set(every) if it is ABSENT else set(map(str, it if isinstance(it, list) else [it])) for it in (before, after)
    )
    for types in (old, new):
        types.update(("integer",) if "number" in types else ())
    found = []
    if ("null" in old) != ("null" in new) and ABSENT not in (before, after):
        found.append("became-nullable" if "null" in new else "became-not-nullable")
    old, new = old - {"null"}, new - {"null"}
    if old != new:
        found.append("generalized" if old < new else "specialized" if old > new else "changed")
    yield from ((action, ABSENT) for action in found or ["restated"])


def _tags(before: Any, after: Any) -> Iterator[tuple[str, Any]]:
    """Yield what happened to the tags of an operation, the first of which counts more than the others."""
    old, new = (list(_set("operation", each) or ()) for each in (before, after))
    is_reordered = old[:1] != new[:1] and set(old[:1]) <= set(new) and set(new[:1]) <= set(old)
    if is_reordered:
        yield "reordered", ABSENT
    for action, value in _values("operation", before, after):
        if action == "value-added" and canonical(value) == new[0]:
            yield "first-added", value
        elif not (action == "restated" and is_reordered):
            yield action, value


def _values(kind: str, before: Any, after: Any) -> Iterator[tuple[str, Any]]:
    sets = [_set(kind, each) for each in (before, after)]
    if None in sets:
        yield "changed", ABSENT
        return
    old, new = (each or {} for each in sets)
    changes = [("value-removed", value) for text, value in old.items() if text not in new]
    changes += [("value-added", value) for text, value in new.items() if text not in old]
    if kind == "statuses":  # 4XX is a hundred of them
        changes = [(action, ABSENT) for action in dict.fromkeys(action for action, _ in changes)]
    yield from changes or [("restated", ABSENT)]


def _set(kind: str, value: Any) -> dict[str, Any] | None:
    """Return the values of a set by their canonical texts, None if it is none."""
    items = [each.strip() for each in value.split(",")] if kind == "encoding" and isinstance(value, str) else value
    if items is ABSENT:
        return {}
    if not isinstance(items, list):
        return None
    if kind == "statuses":
        items = [n for each in map(str, items) for n in ([f"4{i:02}" for i in range(100)] if each == "4XX" else [each])]
    return {canonical(each): each for each in items}
