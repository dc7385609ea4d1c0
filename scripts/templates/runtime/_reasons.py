"""Find the reason in an error response, in the formats that servers, frameworks and gateways use.

They are: the error object of OpenAI, `{"error": "…"}`, `{"message": "…"}`, `{"detail": "…"}`, the invalid fields of
FastAPI, problem details (RFC 9457), OAuth, `{"errors": …}` as a list or by field, and one of these in another.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import cast

from attrs import evolve, frozen

# The members that can have the reason. Those that say most come first.
_NAMES = ("message", "detail", "msg", "error_description", "errors", "title", "error")
_PARTS_OF_A_REQUEST = frozenset({"body", "query", "path", "header", "cookie"})
_MAX_DEPTH = 6
_MAX_REASONS = 3
_MAX_STEPS = 8
_MAX_NAME = 100


@frozen
class Reason:
    """The reason of an error, and the field that it is about. The text is not shortened and can be empty."""

    text: str
    param: str | None = None


def reason(value: object) -> Reason:
    """Return the reason in the JSON value, or else the text, of an error response; the first three if it has many."""
    if isinstance(value, str) and value.lstrip()[:1] == "<":
        return Reason("")  # HTML is not readable
    found = list(islice(_reasons(value, 0), _MAX_REASONS))
    return Reason("; ".join(each.text for each in found), next((each.param for each in found if each.param), None))


def _reasons(value: object, depth: int) -> Iterator[Reason]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str) and value.strip():
        yield Reason(value.strip().rstrip("."))
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _reasons(item, depth + 1)
    elif isinstance(value, dict):
        members = cast("dict[str, object]", value)
        # An error object says more than its neighbours, and a mere word such as "Bad Request" says less.
        names = ("error", *_NAMES) if isinstance(members.get("error"), dict) else _NAMES
        for name in names:
            inner = members.get(name)
            if name == "errors" and isinstance(inner, dict):
                fields = cast("dict[str, object]", inner).items()
                inner = [{"field": field, "message": message} for field, message in fields]
            found = list(islice(_reasons(inner, depth + 1), _MAX_REASONS))
            if found:
                yield from (_placed(each, members) for each in found)
                return


def _placed(found: Reason, members: dict[str, object]) -> Reason:
    """Return the reason with the place that an object names: `loc` in FastAPI, or else `field`, or else `param`."""
    loc, field, param = (members.get(name) for name in ("loc", "field", "param"))
    if isinstance(loc, list):
        steps = [step for step in cast("list[object]", loc)[:_MAX_STEPS] if isinstance(step, str | int)]
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:_MAX_NAME]}" for step in steps)
        inner = steps[1:] if steps and steps[0] in _PARTS_OF_A_REQUEST else steps
        param = inner[0] if inner else None
        found = Reason(f"{place.lstrip('.')}: {found.text}", found.param) if place else found
    elif isinstance(field, str) and field:
        found, param = Reason(f"{field[:_MAX_NAME]}: {found.text}", found.param), field
    return evolve(found, param=param) if found.param is None and isinstance(param, str) else found
