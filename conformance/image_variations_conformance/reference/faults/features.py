"""Features of valid requests: predicates over a Received, for `refuses`."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from ..app.picture import PIXEL_CHUNKS, SIGNATURE

if TYPE_CHECKING:
    from ..app.form import Part
    from ..app.received import Received

Feature = Callable[["Received"], bool]

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


@frozen
class PngInfo:
    """What the header of a PNG says, its chunk types in order, and the number of bytes of the file."""

    side: int
    depth: int
    colour: int
    interlaced: bool
    chunks: tuple[bytes, ...]
    size_bytes: int

    @property
    def ancillary(self) -> frozenset[bytes]:
        """The types of chunks that do not define the pixels."""
        return frozenset(self.chunks) - PIXEL_CHUNKS


def long_text(part: Part) -> bool:
    """Return whether a PNG has a compressed text of more than 1 MiB."""
    start = part.content.find(b"zTXt")
    if start < 0:
        return False
    packed = part.content[start + 4 :].partition(b"\0\0")[2]
    return len(zlib.decompressobj().decompress(packed, (1 << 20) + 1)) > 1 << 20


def png_info(content: bytes) -> PngInfo:
    """Return the properties of a valid PNG. Of a file in another format, all are 0."""
    if not content.startswith(SIGNATURE):
        return PngInfo(0, 0, 0, False, (), len(content))
    side, _, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", content, 16)
    chunks: list[bytes] = []
    # `picture.chunks` raises an error for a damaged PNG, which another fault may have accepted.
    position = len(SIGNATURE)
    while position + 8 <= len(content) and chunks[-1:] != [b"IEND"]:
        length, kind = struct.unpack_from(">I4s", content, position)
        chunks.append(kind)
        position += 12 + length
    return PngInfo(side, depth, colour, bool(interlace), tuple(chunks), len(content))


def image(test: Callable[[PngInfo], bool]) -> Feature:
    """Return whether the image has a property."""
    return lambda received: received.image is not None and test(png_info(received.image.content))


def image_part(test: Callable[[Part], bool]) -> Feature:
    """Return whether the part with the image has a property."""
    return lambda received: received.image is not None and test(received.image)


def any_part(test: Callable[[Part], bool]) -> Feature:
    """Return whether a part of the form has a property."""
    return lambda received: any(map(test, received.parts))


def text_part(test: Callable[[Part], bool]) -> Feature:
    """Return whether a part with a text field has a property."""
    return lambda received: any(test(part) for part in received.fields.values() if part is not received.image)


def absent(name: str) -> Feature:
    """Return whether a field is absent."""
    return lambda received: received.text(name) is None


def text(name: str, test: Callable[[str], bool]) -> Feature:
    """Return whether a field is there and has a property."""
    return lambda received: test(received.text(name) or "") if name in received.fields else False


def header(name: str, pattern: str) -> Feature:
    """Return whether the value of a request header contains a match of a pattern. Letter case matters."""
    return lambda received: re.search(pattern, received.header(name)) is not None


def boundary(test: Callable[[bytes], bool]) -> Feature:
    """Return whether the boundary of the form has a property."""
    return lambda received: test(received.boundary)


def body_start(pattern: bytes) -> Feature:
    """Return whether the form begins with a match of a pattern, in which BOUNDARY is its delimiter."""

    def begins(received: Received) -> bool:
        delimiter = re.escape(b"--" + received.boundary)
        return re.match(pattern.replace(b"BOUNDARY", delimiter), received.request.start) is not None

    return begins


def body_end(pattern: bytes) -> Feature:
    """Return whether the form ends with a match of a pattern, in which BOUNDARY is its delimiter."""

    def ends(received: Received) -> bool:
        delimiter = re.escape(b"--" + received.boundary)
        return re.search(pattern.replace(b"BOUNDARY", delimiter) + rb"\Z", received.request.end) is not None

    return ends


def chunked(received: Received) -> bool:
    """Return whether the body is in chunked coding."""
    return received.request.declared is None


TRAILERS = rb"\r\n0\r\n[^\r\n]+\r\n(?:[^\r\n]+\r\n)*\r\n\Z"
"""What the bytes of a request in chunked coding with trailers contain."""


def on_wire(pattern: bytes) -> Feature:
    """Return whether the bytes of a request in chunked coding contain a match of a pattern.

    Only the first and last bytes are searched, as Connection keeps them.
    """
    return lambda received: chunked(received) and re.search(pattern, received.request.connection.received) is not None


def head(pattern: bytes) -> Feature:
    """Return whether the head of the request, as received, contains a match of a pattern. Letter case matters."""

    def contains(received: Received) -> bool:
        return re.search(pattern, bytes(received.request.connection.received).partition(b"\r\n\r\n")[0]) is not None

    return contains
