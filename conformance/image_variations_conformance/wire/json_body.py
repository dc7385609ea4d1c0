"""Reading JSON bodies of responses that may be hostile, within limits on values, depth and length."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from .exchange import MAX_LINK_CHARACTERS

MAX_VALUES = 500_000
"""A parsed value takes up to 200 bytes for two bytes of JSON. A response with ten images has fewer than a hundred."""
MAX_DEPTH = 200
"""How deeply a value may be nested. Validators and printers recurse."""
MAX_TEXT_CHARACTERS = 1 << 14
"""How much of a text is kept in an abridged value."""
# Longer integers are cut to this length, with which they are still out of every range.
_MAX_DIGITS = 300
# No valid response has more than ten items. Further ones are only counted.
_MAX_ITEMS = 100


class NotJson(ValueError):
    """The bytes are not JSON by RFC 8259, or exceed the limits of this module."""


def parse_json(body: bytes, repeated: list[str] | None = None) -> Any:
    """Return the JSON value of a body. The names of members that an object has twice are added to `repeated`.

    Raises NotJson, also for encodings other than UTF-8, a byte order mark, NaN, and more than MAX_VALUES or MAX_DEPTH.
    Memory stays within 100 MiB and eight times the body, which text beyond the basic multilingual plane takes.
    """
    # A shorter body cannot hold as many values.
    if len(body) > MAX_VALUES and sum(map(body.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise NotJson(f"more than {MAX_VALUES} values")
    try:
        text = body.decode("utf-8")
        hook = None if repeated is None else partial(_object, repeated)
        value = json.loads(text, parse_constant=_refuse, parse_int=_bounded_integer, object_pairs_hook=hook)
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except NotJson:
        raise
    except ValueError as error:
        raise NotJson(str(error)) from None
    if _is_too_deep(value):
        raise NotJson("nested too deeply")
    return value


def _object(repeated: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs) and not repeated:
        repeated.append(next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1))
    return members


def _refuse(constant: str) -> None:
    raise NotJson(f"{constant} is not JSON")


def _bounded_integer(digits: str) -> int:
    return int(digits[:_MAX_DIGITS])


def _is_too_deep(value: object) -> bool:
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
    """Return a JSON value with its long texts and lists cut, and with its lone surrogates replaced."""
    if isinstance(value, str):
        text = value[:MAX_TEXT_CHARACTERS]
        return text if text.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", text)
    if isinstance(value, list):
        return [abridged(item) for item in value[:_MAX_ITEMS]]
    if isinstance(value, dict):
        return {abridged(key): abridged(item) for key, item in value.items()}
    return value


@frozen
class Item:
    """An item of `data`: its index from 0, which of the two keys it has, and the text of that member."""

    at: int
    key: str
    text: str

    @property
    def scheme(self) -> str | None:
        """The scheme of the link, in lower case; None where the text is not an absolute URL."""
        # A data: URL may be long, and urlsplit caches what it has split.
        link = self.text[:MAX_LINK_CHARACTERS]
        try:
            parts = urlsplit(link)
        except ValueError:
            return None
        if re.search(r"[\s\\<>\"]", link) or not parts.scheme:
            return None
        return parts.scheme if parts.hostname or parts.scheme not in {"http", "https"} else None


def items(value: Any) -> tuple[Item, ...]:
    """Return the first 100 items of a parsed response, even if the rest of it is invalid."""
    return tuple(islice(_items(value), _MAX_ITEMS))


def count_images(value: Any) -> int:
    """Return how many items of a parsed response contain an image or a link."""
    return len({item.at for item in _items(value)})


def data_of(value: Any) -> list[Any] | None:
    """Return the list `data` of a parsed response, or None if it has none."""
    data = value.get("data") if isinstance(value, dict) else None
    return data if isinstance(data, list) else None


def _items(value: Any) -> Iterator[Item]:
    for at, item in enumerate(data_of(value) or ()):
        for key in ("b64_json", "url"):
            if isinstance(item, dict) and isinstance(item.get(key), str) and item[key]:
                # A longer link is not followed. A data: URL contains the image and may be longer.
                too_long = key == "url" and not (item[key][:5].lower() == "data:" and item[key].isascii())
                yield Item(at, key, item[key][: MAX_LINK_CHARACTERS + 1] if too_long else item[key])
