"""Remove the API key from what a server sends, as it is or in the encodings in which servers repeat requests."""

from __future__ import annotations

import re
from array import array
from base64 import b64encode
from collections.abc import Iterator

_PLACEHOLDER = b"[api key]"
_MIN_KEY_BYTES = 4  # a shorter key is not redacted, because it can be part of ordinary words
_MIN_BASE64_BYTES = 8
# An escaped character of JSON, of a URL or of HTML, also if it is escaped again, or a row of backslashes.
_ESCAPE = re.compile(
    rb"""\\+(?:(?:u00|x)([0-9a-fA-F]{2})|["'/]|)|%(?:25)*([0-9a-fA-F]{2})|&\#(?:x0{0,6}([0-9a-fA-F]{2})|0{0,6}(1?[0-9]{2}));"""
)
_DECIMAL = 4


def redacted(content: bytes, key: str) -> bytes:
    """Return the content without the key, which must be ASCII.

    The key is found as it is, with escapes of JSON, URLs and HTML, in base64 within any text such as `Bearer …`, and
    cut off at the end of the content, which can be incomplete.
    """
    plain = key.encode()
    if len(plain) < _MIN_KEY_BYTES:
        return content
    secrets = [plain, *_in_base64(plain)]
    for secret in secrets:
        content = content.replace(secret, _PLACEHOLDER)
    if _ESCAPE.search(content):
        content = _without_escaped(content, secrets)
    for size in range(len(plain) - 1, _MIN_KEY_BYTES - 1, -1):
        if content.endswith(plain[:size]):
            return content[:-size] + _PLACEHOLDER
    return content


def _in_base64(plain: bytes) -> Iterator[bytes]:
    """Yield what does not depend on the neighbours of the key, for each of its places in a group of three bytes."""
    for offset in range(3):
        encoded = b64encode(bytes(offset) + plain)[(offset * 8 + 5) // 6 : (offset + len(plain)) * 8 // 6]
        if len(encoded) >= _MIN_BASE64_BYTES:
            yield from {encoded, encoded.translate(bytes.maketrans(b"+/", b"-_"))}


def _without_escaped(content: bytes, secrets: list[bytes]) -> bytes:
    text, starts, ends = _unescaped(content)
    spans: list[tuple[int, int]] = []
    for secret in (each.replace(b"\\", b"") for each in secrets):
        at = text.find(secret) if len(secret) >= _MIN_KEY_BYTES else -1
        while at >= 0:
            spans.append((starts[at], ends[at + len(secret) - 1]))
            at = text.find(secret, at + len(secret))
    kept: list[bytes] = []
    done = 0
    for start, end in sorted(spans):
        if start >= done:
            kept += [content[done:start], _PLACEHOLDER]
        done = max(done, end)
    return b"".join([*kept, content[done:]])


def _unescaped(content: bytes) -> tuple[bytearray, array[int], array[int]]:
    """Return the content without escapes and backslashes, and for each byte its start and end in the content."""
    text, starts, ends = bytearray(), array("I"), array("I")
    done = 0

    def copy(until: int) -> None:
        text.extend(content[done:until])
        starts.extend(range(done, until))
        ends.extend(range(done + 1, until + 1))

    for match in _ESCAPE.finditer(content):
        copy(match.start())
        done = match.end()
        group = match.lastindex
        character = match[0][-1] if group is None else int(match[group], 10 if group == _DECIMAL else 16)
        if character != ord("\\"):
            text.append(character)
            starts.append(match.start())
            ends.append(done)
    copy(len(content))
    return text, starts, ends
