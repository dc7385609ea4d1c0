"""The JSON of a 200: its syntax, its members, and whether it answers what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ..contract.document import Contract, Violation
from ..wire.exchange import Response
from ..wire.json_body import _NOTHING, NotJson, abridged, parse_json
from .base import Finding, Observation, judges, shortened

CREATED_TOLERANCE_SECONDS = 600
_OWN_REQUIREMENT = {
    "created": "IV-RES-CREATED",
    "background": "IV-RES-BACKGROUND",
    "output_format": "IV-RES-OUTPUT-FORMAT",
    "quality": "IV-RES-QUALITY",
    "size": "IV-RES-SIZE",
    "usage": "IV-RES-USAGE",
    "revised_prompt": "IV-RES-REVISED-PROMPT",
}


@judges("IV-RES-JSON")
def answers_are_json(it: Observation, _: Contract) -> Iterator[Finding]:
    """A 200 is strict JSON, and says so."""
    response = it.response
    if response is None or not it.accepted or it.appraisal.verdict == "invalid":
        return
    problem = None
    try:
        parse_json(response.body)
    except NotJson as error:
        problem = f"{error}: {shortened(response.body[:60].decode('utf-8', 'replace'))}"
    if problem is None and response.media_type != "application/json":
        problem = f"expected the content type application/json, got {response.media_type or 'none'}"
    yield it.finding("IV-RES-JSON", problem is None, problem or "")


@judges(
    "IV-RES-SCHEMA",
    "IV-RES-KEY",
    "IV-URL-ABSOLUTE",
    *_OWN_REQUIREMENT.values(),
)
def answers_fit_the_schema(it: Observation, contract: Contract) -> Iterator[Finding]:
    """A 200 has the members that the contract wants, and each is what the contract says."""
    value = _value(it)
    if value is _NOTHING:
        return
    broken: dict[str, Violation] = {}
    for violation in contract.violations("ImagesResponse", abridged(value)):
        requirement = _requirement_of(violation)
        if requirement is not None:
            broken.setdefault(requirement, violation)
    for requirement, violation in broken.items():
        where = "/".join(map(str, violation.path)) or "the answer"
        yield it.finding(requirement, False, f"{where}: {shortened(violation.message, 120)}")
    for requirement in {"IV-RES-SCHEMA", *_OWN_REQUIREMENT.values()} - set(broken):
        # `created` has more to it than its type.
        if requirement != "IV-RES-CREATED":
            yield it.finding(requirement, True)


def _value(it: Observation) -> Any:
    if it.response is None or not it.accepted or it.appraisal.verdict == "invalid":
        return _NOTHING
    try:
        return parse_json(it.response.body)
    except NotJson:
        return _NOTHING


def _requirement_of(violation: Violation) -> str | None:
    """Return the requirement that a violation breaks, or None where another oracle counts better."""
    path, keyword = violation.path, violation.keyword
    if violation.message.startswith("null is not"):
        return "IV-RES-SCHEMA"
    if path == ("data",) and keyword in {"minItems", "maxItems"}:
        return None
    name = next((step for step in reversed(path) if isinstance(step, str) and step in _OWN_REQUIREMENT), None)
    if name is not None:
        return _OWN_REQUIREMENT[name]
    if path[:1] == ("data",) and len(path) > 1:
        if keyword == "format":
            return "IV-URL-ABSOLUTE" if violation.message != '"" is not a "uri"' else None
        # Both keys, none, or an empty text: said by the oracle below, which knows what was asked.
        if keyword in {"oneOf", "minLength"} and path[2:3] in {(), ("b64_json",), ("url",)}:
            return None
        return "IV-RES-KEY" if path[2:3] in {("b64_json",), ("url",)} else "IV-RES-SCHEMA"
    return "IV-RES-SCHEMA"


@judges("IV-RES-CREATED")
def created_is_now(it: Observation, _: Contract) -> Iterator[Finding]:
    """The time of making is within ten minutes of now, by the server's clock or ours."""
    value = _value(it)
    created = value.get("created") if isinstance(value, dict) else None
    if it.response is None or isinstance(created, bool) or not isinstance(created, int | float) or created % 1:
        return
    clocks = [it.exchange.started + it.exchange.seconds]
    date = _date(it.response)
    if date is not None:
        clocks.append(date.timestamp())
    away = min(abs(created - clock) for clock in clocks)
    message = f"created is {shortened(repr(created), 30)}, which is {away:.0f} s from now"
    yield it.finding("IV-RES-CREATED", away <= CREATED_TOLERANCE_SECONDS, message)


def _date(response: Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.header("date") or "")
    except (ValueError, TypeError, OverflowError):
        return None


@judges("IV-RES-COUNT", "IV-N-DEFAULT", "IV-RES-KEY", "IV-FORMAT-DEFAULT")
def answers_fit_the_request(it: Observation, _: Contract) -> Iterator[Finding]:
    """There are as many items as were asked for, each under the key that was asked for and no other."""
    value, asked = _value(it), it.appraisal.asked
    data = value.get("data") if isinstance(value, dict) else None
    if asked is None or not isinstance(data, list) or it.compared:
        return
    requirement = "IV-RES-COUNT" if "n" in asked.given else "IV-N-DEFAULT"
    how = f"n={asked.n}" if "n" in asked.given else "no n"
    message = f"{how}: expected {asked.n} {'item' if asked.n == 1 else 'items'}, got {len(data)}"
    yield it.finding(requirement, len(data) == asked.n, message)
    if not data or not all(isinstance(item, dict) for item in data):
        return
    given = "response_format" in asked.given
    keys = sorted({_keys(item) for item in data})
    how = f"response_format={asked.response_format}" if given else "no response_format"
    message = f"{how}: expected {asked.response_format} alone in each item, got {' or '.join(keys)}"
    # Both keys or none are wrong whatever was asked; the other key, only by what was asked.
    swapped = keys in (["b64_json"], ["url"])
    requirement = "IV-RES-KEY" if given or not swapped else "IV-FORMAT-DEFAULT"
    yield it.finding(requirement, keys == [asked.response_format], message)
    empty = [at for at, item in enumerate(data) if "" in (item.get("url"), item.get("b64_json"))]
    if empty:
        yield it.finding("IV-RES-KEY", False, f"item {empty[0]} holds an empty text")


def _keys(item: dict[str, object]) -> str:
    """Return which of the two keys an item has; one that is null is reported as such, and not as there."""
    return " and ".join(key for key in ("b64_json", "url") if item.get(key) is not None) or "neither key"
