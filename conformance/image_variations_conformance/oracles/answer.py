"""The JSON of a 200: its syntax, its members, and whether it answers what was asked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

from attrs import frozen

from ..contract.document import Contract, Violation
from ..wire.exchange import MAX_LINK_CHARACTERS, Exchange, Response
from .base import Finding, Observation, judges, shortened

CREATED_TOLERANCE_SECONDS = 600
# A value takes up to two hundred bytes of ours for two of the server's. No answer of ten images has thousands.
MAX_VALUES = 500_000
# What validators and printers go down without running out of stack.
MAX_DEPTH = 100
# No number means more than that; a longer one is cut, and stays far too large for anything.
_MAX_DIGITS = 300
# No valid answer has more than ten items. What stands after these is counted, and not looked at one by one.
_MOST_ITEMS = 100
# Of a text, what is looked at by those that look for something in it.
MOST_CHARACTERS = 1 << 14
_OWN_REQUIREMENT = {
    "created": "IV-RES-CREATED",
    "background": "IV-RES-BACKGROUND",
    "output_format": "IV-RES-OUTPUT-FORMAT",
    "quality": "IV-RES-QUALITY",
    "size": "IV-RES-SIZE",
    "usage": "IV-RES-USAGE",
    "revised_prompt": "IV-RES-REVISED-PROMPT",
}


class NotJson(ValueError):
    """The bytes are not JSON as RFC 8259 has it."""


def parse_json(body: bytes) -> Any:
    """Return the JSON value of a body, which nobody is to change.

    Raises NotJson: other encodings than UTF-8, a BOM, NaN, and what is beyond reading (MAX_VALUES, MAX_DEPTH). Memory
    stays within eight times the body, which is that of text with letters beyond the first plane, and 100 MiB: one
    body is read at a time.
    """
    with _READING:
        known = next((value for latest, value in _LATEST if latest is body), _NOTHING)
        if known is _NOTHING:
            _LATEST.clear()
            known = _parsed(body)
            _LATEST.append((body, known))
    if isinstance(known, NotJson):
        raise NotJson(*known.args)
    return known


_NOTHING = object()
# The latest body read, and its value: one oracle after the other asks for the same, and a large one takes a second.
_LATEST: list[tuple[bytes, Any]] = []
_READING = threading.Lock()


def _parsed(body: bytes) -> Any:
    # No shorter one holds so many.
    if len(body) > MAX_VALUES and sum(map(body.count, (b"[", b"{", b","))) > MAX_VALUES:
        return NotJson(f"more than {MAX_VALUES} values, which nobody reads")
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_int=_bounded_integer)
    except RecursionError:
        return NotJson("nested too deeply")
    except NotJson as error:
        return error
    except ValueError as error:
        return NotJson(str(error))
    return NotJson("nested too deeply") if _deep(value) else value


def _refuse(constant: str) -> None:
    raise NotJson(f"{constant} is not JSON")


def _bounded_integer(digits: str) -> int:
    return int(digits[:_MAX_DIGITS])


def _deep(value: object) -> bool:
    """Whether a value is nested more deeply than we go."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def abridged(value: Any) -> Any:
    """Return a JSON value with its long texts and lists cut short, and nothing in it that is no text in UTF-8."""
    if isinstance(value, str):
        text = value[:MOST_CHARACTERS]
        return text if text.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", text)
    if isinstance(value, list):
        return [abridged(item) for item in value[:_MOST_ITEMS]]
    if isinstance(value, dict):
        return {abridged(key): abridged(item) for key, item in value.items()}
    return value


@frozen
class Item:
    """One item of `data`: which of the two keys it has, and the text under it. `at` counts from 0."""

    at: int
    key: str
    text: str


def items(response: Response) -> tuple[Item, ...]:
    """Return what can be made out of the items of an answer, however broken the rest is; of endless ones, the first."""
    return tuple(islice(_items(response), _MOST_ITEMS))


def _items(response: Response) -> Iterator[Item]:
    try:
        value = parse_json(response.body)
    except NotJson:
        return
    data = value.get("data") if isinstance(value, dict) else None
    for at, item in enumerate(data if isinstance(data, list) else ()):
        for key in ("b64_json", "url"):
            if isinstance(item, dict) and isinstance(item.get(key), str) and item[key]:
                # What is too long for a link is none, and not to be carried about; but for the image that is in it.
                too_long = key == "url" and not (item[key][:5].lower() == "data:" and item[key].isascii())
                yield Item(at, key, item[key][: MAX_LINK_CHARACTERS + 1] if too_long else item[key])


def images_made(exchange: Exchange) -> int:
    """Return how many images an answer brought: the price of the exchange."""
    response = exchange.response
    return len({item.at for item in _items(response)}) if response is not None and response.status == 200 else 0


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
