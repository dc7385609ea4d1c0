"""Write PNG files of every colour type and bit depth, and check strictly whether a PNG file is intact.

Pillow accepts some broken files, and writes neither interlaced files nor 16-bit colour. So both directions are
implemented here from the PNG specification (third edition). Tests compare them with Pillow.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from functools import cache

from attrs import frozen
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
# First column, first row, column step and row step of the seven passes of Adam7.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_HIGHEST_FILTER = 4
_MAX_SIDE = 2**31 - 1
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
# Servers need not decode pictures of more pixels, so the pixel data of such pictures is not checked.
MAX_PIXELS = 4096 * 4096


@frozen
class Kind:
    """The colour type of a PNG, its bit depth, and whether it is interlaced."""

    colour: int
    depth: int = 8
    interlaced: bool = False

    def __str__(self) -> str:
        name = {GREY: "grey", RGB: "RGB", PALETTE: "palette", GREY_ALPHA: "grey with alpha", RGBA: "RGBA"}[self.colour]
        return f"{self.depth}-bit {name}{', interlaced' if self.interlaced else ''}"


PLAIN = Kind(RGB)


@frozen
class Info:
    """The header of a PNG. Width and height are in pixels."""

    width: int
    height: int
    kind: Kind

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height


class Broken(ValueError):
    """The bytes are not an intact PNG file; the message names the first defect."""


class NotPng(Broken):
    """The bytes do not begin with the PNG signature."""


def chunk(name: bytes, content: bytes) -> bytes:
    """Return the bytes of a chunk: length, name, content and CRC."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and content of each chunk up to IEND.

    Raises NotPng without the signature, and Broken if the file is truncated or a CRC is wrong.
    """
    if not png.startswith(SIGNATURE):
        raise NotPng("no PNG signature")
    at, name = len(SIGNATURE), b""
    while name != b"IEND":
        if at + 12 > len(png):
            raise Broken(f"the file ends after {len(png)} bytes, before IEND")
        length, name = struct.unpack(">I4s", png[at : at + 8])
        if at + 12 + length > len(png):
            raise Broken(f"the file ends inside the chunk {name!r}")
        content = png[at + 8 : at + 8 + length]
        if zlib.crc32(name + content) != struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0]:
            raise Broken(f"wrong CRC in the chunk {name!r}")
        yield name, content
        at += 12 + length


def inspect(png: bytes) -> Info:
    """Check that a PNG is intact and has exactly the pixels that its header states, and return the header.

    Raises NotPng or Broken. The pixel data of more than MAX_PIXELS is not checked. Memory stays within a few megabytes,
    whatever size the pixel data inflates to.
    """
    remaining = chunks(png)
    info = _header(*next(remaining))
    inflate, measure = zlib.decompressobj(), _Pixels(info)
    previous, has_palette = b"IHDR", False
    for name, content in remaining:
        if not name.isalpha() or (name[:1].isupper() and name not in _CRITICAL) or name == b"IHDR":
            raise Broken(f"an unexpected chunk {name!r}")
        if name == b"PLTE":
            if has_palette or measure.begun or len(content) not in range(3, 769, 3):
                raise Broken("a palette in the wrong place or of an invalid length")
            has_palette = True
        elif name == b"IDAT":
            if measure.begun and previous != b"IDAT":
                raise Broken("other chunks between the IDAT chunks")
            if info.kind.colour == PALETTE and not has_palette:
                raise Broken("the pixels come before the palette")
            measure.begun = True
            if info.pixels <= MAX_PIXELS:
                _inflate(inflate, content, measure)
        previous = name
    if not measure.begun or (info.pixels <= MAX_PIXELS and not (measure.complete and inflate.eof)):
        raise Broken("fewer pixels than the header promises")
    return info


def _header(name: bytes, content: bytes) -> Info:
    if name != b"IHDR" or len(content) != 13:
        raise Broken("the first chunk is not a header of 13 bytes")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", content)
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise Broken(f"impossible dimensions {width}x{height}")
    if depth not in DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise Broken(f"impossible header {content.hex()}")
    return Info(width, height, Kind(colour, depth, bool(interlace)))


def passes(info: Info) -> Iterator[tuple[int, int]]:
    """Yield the bytes per row, with the filter byte, and the number of rows of each pass that has pixels."""
    bits = CHANNELS[info.kind.colour] * info.kind.depth
    steps = _ADAM7 if info.kind.interlaced else ((0, 0, 1, 1),)
    for first_column, first_row, column_step, row_step in steps:
        columns = -(-(info.width - first_column) // column_step)
        rows = -(-(info.height - first_row) // row_step)
        if columns > 0 and rows > 0:
            yield 1 + (columns * bits + 7) // 8, rows


class _Pixels:
    """Checks the size of inflated pixel data against the header, and the filter byte of each row."""

    def __init__(self, info: Info) -> None:
        self._passes = passes(info)
        self.begun = self.complete = False
        self._begin_pass()

    def _begin_pass(self) -> None:
        """Set the bytes per row and the missing bytes of the next pass, or note that there is none."""
        following = next(self._passes, None)
        if following is None:
            self.complete = True
        else:
            self._row, rows = following
            self._missing = self._row * rows

    def feed(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self.complete:
                raise Broken("more pixels than the header promises")
            length = min(self._missing, len(data) - at)
            # All filter bytes of this piece in one slice: a loop over rows of two bytes would be slow.
            highest = max(data[at + self._missing % self._row : at + length : self._row], default=0)
            if highest > _HIGHEST_FILTER:
                raise Broken(f"unknown filter {highest} of a row")
            at += length
            self._missing -= length
            if self._missing == 0:
                self._begin_pass()


def _inflate(stream: zlib._Decompress, content: bytes, pixels: _Pixels) -> None:
    try:
        while content and not stream.eof:
            pixels.feed(stream.decompress(content, 1 << 20))
            content = stream.unconsumed_tail
    except zlib.error as error:
        raise Broken(f"the pixel data does not inflate: {error}") from error


def encode(picture: Image.Image, kind: Kind = PLAIN, extra: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """Return a picture as a PNG of this kind.

    `extra` are the names and contents of ancillary chunks, which are put between the header and the pixels.
    """
    width, height = picture.size
    info = Info(width, height, kind)
    header = struct.pack(">IIBBBBB", width, height, kind.depth, kind.colour, 0, 0, kind.interlaced)
    pieces = [(b"IHDR", header), *extra]
    if kind.colour == PALETTE:
        # The other methods take up to two hundred times as long, and the exact colours do not matter.
        picture = picture.convert("RGB").quantize(1 << kind.depth, Image.Quantize.FASTOCTREE)
        colours = bytes(picture.getpalette() or ())[: 3 * (max(picture.tobytes()) + 1)]
        pieces.append((b"PLTE", colours))
    else:
        picture = picture.convert({GREY: "L", RGB: "RGB", GREY_ALPHA: "LA", RGBA: "RGBA"}[kind.colour])
    return joined([*pieces, (b"IDAT", zlib.compress(_rows(picture, info), 6)), (b"IEND", b"")])


def _rows(picture: Image.Image, info: Info) -> bytes:
    """Return the rows of every pass, unfiltered, each with a filter byte of 0 before it."""
    samples, channels = picture.tobytes(), CHANNELS[info.kind.colour]
    steps = _ADAM7 if info.kind.interlaced else ((0, 0, 1, 1),)
    rows = []
    for first_column, first_row, column_step, row_step in steps:
        if first_column >= info.width:
            continue
        for y in range(first_row, info.height, row_step):
            row = samples[y * info.width * channels : (y + 1) * info.width * channels]
            if column_step > 1:
                picked = bytearray(len(range(first_column, info.width, column_step)) * channels)
                for channel in range(channels):
                    picked[channel::channels] = row[first_column * channels + channel :: column_step * channels]
                row = bytes(picked)
            rows += [b"\0", _pack(row, info.kind)]
    return b"".join(rows)


def _pack(row: bytes, kind: Kind) -> bytes:
    """Return a row of 8-bit samples, packed at the bit depth of the kind."""
    if kind.depth == 8:
        return row
    if kind.depth == 16:
        wide = bytearray(2 * len(row))
        wide[::2] = wide[1::2] = row
        return bytes(wide)
    # The samples of a palette are indexes and keep their values; grey samples lose their lower bits.
    shift = 0 if kind.colour == PALETTE else 8 - kind.depth
    per_byte = 8 // kind.depth
    row += bytes(-len(row) % per_byte)
    combined = 0
    for place in range(per_byte):
        shifted = row[place::per_byte].translate(_shift_table(shift, 8 - kind.depth * (place + 1)))
        combined |= int.from_bytes(shifted)
    return combined.to_bytes(len(row) // per_byte)


@cache
def _shift_table(right: int, left: int) -> bytes:
    """Return the translation table that shifts a sample so many bits to the right, and then to the left."""
    return bytes(sample >> right << left & 0xFF for sample in range(256))


def padded(png: bytes, size_bytes: int) -> bytes:
    """Return the same picture in a file of exactly `size_bytes`, with an ancillary chunk of zeros before IEND.

    Raises ValueError if the file is too large for that.
    """
    room = size_bytes - len(png) - 12
    if room < 0:
        raise ValueError(f"a PNG of {len(png)} bytes cannot be padded to {size_bytes}")
    # A private ancillary chunk that is safe to copy: decoders that do not know it must ignore it.
    filler = chunk(b"vrPd", bytes(room))
    return png[:-12] + filler + png[-12:]


def joined(named: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the file of these chunks, given by name and content: the inverse of `chunks`."""
    return SIGNATURE + b"".join(chunk(name, content) for name, content in named)


def without_chunk(png: bytes, name: bytes) -> bytes:
    """Return a PNG without the chunks of a name. Raises Broken if the file is not intact up to IEND."""
    return joined((found, content) for found, content in chunks(png) if found != name)


def with_chunks(png: bytes, *added: tuple[bytes, bytes], before: bytes | None = None) -> bytes:
    """Return a PNG with more chunks: before the first chunk of a name, or else directly after the header.

    Raises Broken if the file is not intact up to IEND, and ValueError if it has no chunk of that name.
    """
    present = list(chunks(png))
    at = 1 if before is None else [name for name, _ in present].index(before)
    return joined([*present[:at], *added, *present[at:]])


def pixel_stream(png: bytes) -> bytes:
    """Return the zlib stream in the IDAT chunks. Raises Broken if the file is not intact up to IEND."""
    return b"".join(content for name, content in chunks(png) if name == b"IDAT")


def with_pixel_stream(png: bytes, *pieces: bytes) -> bytes:
    """Return a PNG with one IDAT chunk for each of these pieces of a zlib stream in place of its own.

    Raises Broken if the file is not intact up to IEND, and ValueError if it has no IDAT chunk.
    """
    present = list(chunks(png))
    at = [name for name, _ in present].index(b"IDAT")
    others = [(name, content) for name, content in present if name != b"IDAT"]
    return joined([*others[:at], *((b"IDAT", piece) for piece in pieces), *others[at:]])
