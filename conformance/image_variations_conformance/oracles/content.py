"""What a response contains: its JSON and its images, read once and carried with the observation."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from ..media.pictures import MAX_PICTURE_BYTES, Picture, Unreadable, look
from ..wire.exchange import MAX_LINK_CHARACTERS, Exchange
from ..wire.json_body import Item, NotJson, abridged, data_of, items, parse_json

STATUSES_OF_FILES = frozenset({200, 203})
"""The statuses of a response that holds the file that was asked for. A 203 comes from a proxy that changed it."""


class NotBase64(ValueError):
    """The text is not strict base64; the message says where."""


@frozen
class Content:
    """The content of a response. Only one that is answered 2xx has items, images and targets.

    `document` is the JSON value, abridged; it is None if `json_error` says why there is none. `items` have texts of at
    most the length of a link, and `digests` are those of the complete texts. `images` are by index and key of the item.
    `targets` are the result of each fetch of the exchange: a picture, a text that says why the body is none, or None if
    the fetch was not answered with a file. `repeated` is the name of a member that an object has twice. `endings` are
    the last characters of each complete text.
    """

    document: Any = None
    json_error: str | None = None
    data_length: int | None = None
    items: tuple[Item, ...] = ()
    digests: tuple[bytes, ...] = ()
    images: Mapping[tuple[int, str], Picture | str] = field(factory=dict)
    targets: tuple[Picture | str | None, ...] = ()
    repeated: str | None = None
    endings: tuple[str, ...] = ()

    @property
    def pictures(self) -> list[tuple[int, Picture]]:
        """The images that decode, one an item, with the index of the item."""
        found: dict[int, Picture] = {}
        for (at, _), picture in self.images.items():
            if isinstance(picture, Picture):
                found.setdefault(at, picture)
        return list(found.items())


def read_content(exchange: Exchange) -> Content:
    """Return the content of the response of an exchange, with the targets of its links."""
    response = exchange.response
    if response is None:
        return Content()
    repeated: list[str] = []
    try:
        value = parse_json(response.body, repeated)
    except NotJson as error:
        return Content(json_error=str(error))
    data = data_of(value)
    length = None if data is None else len(data)
    if not 200 <= response.status < 300:
        return Content(abridged(value), None, length)
    found = items(value)
    targets = tuple(_target(fetch) for fetch in exchange.fetches)
    return Content(
        abridged(value),
        None,
        length,
        tuple(evolve(item, text=item.text[: MAX_LINK_CHARACTERS + 1]) for item in found),
        tuple(hashlib.sha256(item.text.encode("utf-8", "surrogatepass")).digest() for item in found),
        _images(exchange, found, targets),
        targets,
        next(iter(repeated), None),
        tuple(item.text[-4:] for item in found),
    )


def _target(fetch: Exchange) -> Picture | str | None:
    if fetch.response is None or fetch.response.status not in STATUSES_OF_FILES:
        return None
    try:
        return look(fetch.response.body)
    except Unreadable as error:
        return str(error)


def _images(
    exchange: Exchange, found: tuple[Item, ...], targets: tuple[Picture | str | None, ...]
) -> dict[tuple[int, str], Picture | str]:
    images: dict[tuple[int, str], Picture | str] = {}
    # If a link was followed twice, the first fetch counts.
    by_label = {fetch.label: target for fetch, target in reversed([*zip(exchange.fetches, targets, strict=True)])}
    for item in found:
        target = by_label.get(f"{exchange.label}/{item.at}")
        if item.key == "b64_json":
            try:
                images[item.at, item.key] = look(decode_base64(item.text))
            except (NotBase64, Unreadable) as error:
                images[item.at, item.key] = str(error)
        elif target is not None:
            images[item.at, item.key] = target
    return images


def decode_base64(text: str) -> bytes:
    """Return the bytes of a text in base64 by RFC 4648, section 4: standard alphabet, padded, nothing else.

    Raises NotBase64; also for more bytes than a picture may have.
    """
    if len(text) > MAX_PICTURE_BYTES * 4 // 3 + 4:
        raise NotBase64(f"{len(text)} characters are more than any picture takes")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        stray = re.search(r"[^A-Za-z0-9+/=]", text)
        problem = f"{stray[0]!r} at {stray.start()} is not of the standard alphabet" if stray is not None else error
        raise NotBase64(f"{problem}: {text[:30]!a}") from error


def is_canonical(end: str) -> bool:
    """Return whether the unused bits before the padding are zero, by the last four characters of a text in base64.

    See RFC 4648, section 3.5.
    """
    try:
        return base64.b64encode(base64.b64decode(end, validate=True)).decode() == end
    except ValueError:
        return True
