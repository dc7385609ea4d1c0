"""Reading the JSON of a response that nobody vouches for, within limits."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

from attrs import frozen

from .exchange import MAX_LINK_CHARACTERS, Exchange, Response

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
