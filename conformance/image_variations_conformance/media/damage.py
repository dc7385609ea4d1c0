"""Damage an intact PNG file in one place, at every level of the format, with right checksums around the damage.

From signature and chunks over header, pixels and palette to the end of the file. Each damage is an error by the PNG
specification (third edition). What it allows, or what it tells decoders to ignore or to repair, is not here: bytes
after IEND or after the zlib stream, unknown ancillary chunks, and a palette index beyond the palette (an error, but one
that decoders are told to show as black, section 13.2).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from attrs import frozen
from PIL import Image

from . import png

Apply = Callable[[bytes], bytes]
_HEADER_END = len(png.SIGNATURE) + 25
_PALETTE = png.Kind(png.PALETTE)
_TEXT = (b"tEXt", b"Comment\0between")


@frozen
class Damage:
    """A way to break a PNG.

    `apply` takes an intact file of at least 2x2 pixels that `png.encode` made, of the kind `kind`, and returns the
    broken file. `essential` ones are sent even where only a few can be, and `deep` ones, which are like others, only
    where many can be. `decodable` ones leave every pixel decodable, and libpng decodes them: many servers accept them,
    though they are corrupt.
    """

    label: str
    note: str
    apply: Apply
    kind: png.Kind = png.PLAIN
    essential: bool = False
    deep: bool = False
    decodable: bool = False

    @property
    def hides_format(self) -> bool:
        """Whether something is left of a file that does not begin like a PNG."""
        left = self.apply(png.encode(Image.new("RGB", (2, 2)), self.kind))
        return bool(left) and not left.startswith(png.SIGNATURE)


def _place(content: bytes, name: bytes) -> tuple[int, int]:
    """Return where the first chunk of a name begins, with its length field, and the offset after its CRC."""
    at = len(png.SIGNATURE)
    for found, data in png.chunks(content):
        end = at + 12 + len(data)
        if found == name:
            return at, end
        at = end
    raise ValueError(f"no chunk {name!r}")


def _crc(name: bytes) -> Apply:
    """Change the CRC of the first chunk of a name."""

    def apply(content: bytes) -> bytes:
        _, end = _place(content, name)
        return content[: end - 1] + bytes([content[end - 1] ^ 1]) + content[end:]

    return apply


def _idat_length(change: Callable[[int], int]) -> Apply:
    """Change the length field of IDAT."""

    def apply(content: bytes) -> bytes:
        at, end = _place(content, b"IDAT")
        return content[:at] + struct.pack(">I", change(end - at - 12)) + content[at + 4 :]

    return apply


def _chunk(name: bytes, change: Callable[[bytes], bytes]) -> Apply:
    """Change the content of the chunks of a name, and set their length and CRC."""
    return lambda content: png.joined((n, change(data) if n == name else data) for n, data in png.chunks(content))


def _added(*chunks: tuple[bytes, bytes], before: bytes | None = None) -> Apply:
    return lambda content: png.with_chunks(content, *chunks, before=before)


def _without(name: bytes) -> Apply:
    return lambda content: png.without_chunk(content, name)


def _repeated(name: bytes) -> Apply:
    """Put a second copy of a chunk before IDAT."""
    return lambda content: png.with_chunks(content, (name, dict(png.chunks(content))[name]), before=b"IDAT")


def _moved(name: bytes, before: bytes) -> Apply:
    """Move a chunk to the place before the first chunk of another name."""

    def apply(content: bytes) -> bytes:
        chunks = list(png.chunks(content))
        moved = next(chunk for chunk in chunks if chunk[0] == name)
        chunks.remove(moved)
        at = [found for found, _ in chunks].index(before)
        return png.joined([*chunks[:at], moved, *chunks[at:]])

    return apply


def _header(offset: int, value: bytes) -> Apply:
    """Set bytes of the header; its fields are width, height, depth, colour, compression, filters and interlacing."""
    return _chunk(b"IHDR", lambda header: header[:offset] + value + header[offset + len(value) :])


def with_sides(side: int) -> Apply:
    """Set width and height in the header alike: a picture that is not square would be refused for that."""
    return _header(0, struct.pack(">II", side, side))


def _stream(change: Callable[[bytes], bytes]) -> Apply:
    """Change the zlib stream in IDAT."""
    return lambda content: png.with_pixel_stream(content, change(png.pixel_stream(content)))


def _zlib_header(method_and_window: int, flags: int = 0, after: bytes = b"") -> Apply:
    """Replace the header of the zlib stream by another with a right check value, and with bytes after it."""
    flags += 31 - (method_and_window * 256 + flags) % 31
    return _stream(lambda stream: bytes([method_and_window, flags]) + after + stream[2:])


def _bit_flipped(stream: bytes) -> bytes:
    """Flip the first bit after the type of the first block that makes the deflate data invalid, not only its checksum.

    That is soon found, in the lengths of the block or its tables of codes. Most bits further on only change pixels.
    """
    for number in range(3, 8 * (len(stream) - 6)):
        at, bit = divmod(number, 8)
        changed = stream[: 2 + at] + bytes([stream[2 + at] ^ 1 << bit]) + stream[3 + at :]
        try:
            zlib.decompressobj(-15).decompress(changed[2:-4])
        except zlib.error:
            return changed
    raise ValueError("every flipped bit gives valid deflate data")


def _rows(change: Callable[[bytes, int], bytes]) -> Apply:
    """Change the rows, given with the bytes per row, and compress them again."""

    def apply(content: bytes) -> bytes:
        ((row_bytes, _),) = png.passes(png.inspect(content))
        return png.with_pixel_stream(
            content, zlib.compress(change(zlib.decompress(png.pixel_stream(content)), row_bytes), 6)
        )

    return apply


def _filter(value: int, *, last: bool = False) -> Apply:
    """Set the filter byte of the first or last row."""

    def change(rows: bytes, row_bytes: int) -> bytes:
        at = len(rows) - row_bytes if last else 0
        return rows[:at] + bytes([value]) + rows[at + 1 :]

    return _rows(change)


def _gzip(rows: bytes) -> bytes:
    stream = zlib.compressobj(wbits=31)
    return stream.compress(rows) + stream.flush()


def _cut_in_pixels(content: bytes) -> bytes:
    at, end = _place(content, b"IDAT")
    return content[: (at + end) // 2]


def _idat_apart(content: bytes) -> bytes:
    stream = png.pixel_stream(content)
    split = png.with_pixel_stream(content, stream[: len(stream) // 2], stream[len(stream) // 2 :])
    _, end = _place(split, b"IDAT")
    return split[:end] + png.chunk(*_TEXT) + split[end:]


DAMAGES: tuple[Damage, ...] = (
    # The signature.
    Damage("no-signature", "no signature", lambda content: content[len(png.SIGNATURE) :]),
    Damage("signature-byte", "a changed byte in the signature", lambda content: content[:3] + b"g" + content[4:]),
    Damage("signature-lf", "CR LF turned to LF in the signature", lambda content: content[:4] + content[5:]),
    Damage("signature-7-bit", "the first bit of the signature lost", lambda content: b"\x09" + content[1:], deep=True),
    # Chunks.
    Damage("length-too-long", "an IDAT length one too long", _idat_length(lambda length: length + 1)),
    Damage("length-too-short", "an IDAT length one too short", _idat_length(lambda length: length - 1)),
    Damage("length-2-gib", "an IDAT length of 7FFFFFFF", _idat_length(lambda _: 0x7FFFFFFF), deep=True),
    Damage("length-4-gib", "an IDAT length of FFFFFFFF", _idat_length(lambda _: 0xFFFFFFFF)),
    Damage("ihdr-crc", "a wrong CRC in IHDR", _crc(b"IHDR")),
    Damage("plte-crc", "a wrong CRC in PLTE", _crc(b"PLTE"), _PALETTE),
    Damage("idat-crc", "a wrong CRC in IDAT", _crc(b"IDAT"), essential=True),
    Damage("iend-crc", "a wrong CRC in IEND", _crc(b"IEND"), decodable=True),
    # Its name has the bit of a critical chunk: decoders may ignore odd ancillary chunks.
    Damage("chunk-name", "a chunk name with a zero byte", _added((b"V\0Pd", b""))),
    Damage("critical-chunk", "an unknown critical chunk", _added((b"VrPd", b""))),
    Damage("ihdr-late", "a chunk before IHDR", _added(_TEXT, before=b"IHDR")),
    Damage("ihdr-twice", "IHDR twice", _repeated(b"IHDR")),
    Damage("ihdr-short", "an IHDR of 12 bytes", _chunk(b"IHDR", lambda header: header[:-1])),
    Damage("no-ihdr", "no IHDR", _without(b"IHDR")),
    # Fields of the header.
    Damage("side-zero", "0x0 pixels", with_sides(0)),
    Damage("side-2-31", "sides of 2^31 pixels", with_sides(2**31)),
    Damage("bit-depth-3", "a bit depth of 3", _header(8, b"\3")),
    Damage("bit-depth-for-colour", "a bit depth of 4 for RGB", _header(8, b"\4")),
    Damage("colour-type-5", "colour type 5", _header(9, b"\5")),
    Damage("compression-1", "compression method 1", _header(10, b"\1")),
    Damage("filter-method-1", "filter method 1", _header(11, b"\1")),
    Damage("interlace-2", "interlace method 2", _header(12, b"\2")),
    # Pixel data: IDAT, the zlib stream, deflate, rows and their filters.
    Damage("no-idat", "no IDAT", _without(b"IDAT"), essential=True),
    Damage("idat-empty", "an empty IDAT", _stream(lambda _: b""), deep=True),
    Damage("idat-apart", "a chunk between IDAT chunks", _idat_apart),
    Damage("zlib-check", "a wrong zlib header check", _stream(lambda s: s[:1] + bytes([s[1] ^ 1]) + s[2:])),
    Damage("zlib-window", "a zlib window of 64 KiB", _zlib_header(0x88), deep=True),
    Damage(
        "zlib-dictionary", "a preset zlib dictionary", _zlib_header(0x78, 0x20, struct.pack(">I", zlib.adler32(b"png")))
    ),
    Damage("zlib-none", "deflate data without zlib", _stream(lambda stream: stream[2:-4])),
    Damage("gzip", "gzip in place of zlib", _stream(lambda stream: _gzip(zlib.decompress(stream)))),
    Damage("deflate-block", "an invalid deflate block", _stream(lambda s: s[:2] + bytes([s[2] | 0b110]) + s[3:])),
    Damage("deflate-bit", "a flipped bit in deflate data", _stream(_bit_flipped)),
    Damage("deflate-truncated", "truncated deflate data", _stream(lambda stream: stream[: len(stream) // 2])),
    Damage("adler-wrong", "a wrong Adler-32", _stream(lambda stream: stream[:-1] + bytes([stream[-1] ^ 1]))),
    Damage("no-adler", "no Adler-32", _stream(lambda stream: stream[:-4])),
    Damage("row-missing", "one row too few", _rows(lambda rows, row_bytes: rows[:-row_bytes])),
    Damage("rows-missing", "no rows in intact zlib data", _rows(lambda *_: b"")),
    Damage("row-truncated", "half a row at the end", _rows(lambda rows, row_bytes: rows[: -(row_bytes // 2)])),
    Damage("row-extra", "one row too many", _rows(lambda rows, row_bytes: rows + rows[-row_bytes:]), decodable=True),
    Damage("filter-5-first", "filter 5 in the first row", _filter(5)),
    Damage("filter-5-last", "filter 5 in the last row", _filter(5, last=True)),
    Damage("filter-255", "filter 255 in the first row", _filter(255), deep=True),
    # The palette.
    Damage("no-plte", "a palette picture without PLTE", _without(b"PLTE"), _PALETTE),
    Damage(
        "plte-length", "a PLTE length not divisible by 3", _chunk(b"PLTE", lambda colours: colours + b"\0"), _PALETTE
    ),
    Damage("plte-empty", "an empty PLTE", _chunk(b"PLTE", lambda _: b""), _PALETTE),
    Damage("plte-late", "PLTE after IDAT", _moved(b"PLTE", before=b"IEND"), _PALETTE),
    Damage("plte-twice", "PLTE twice", _repeated(b"PLTE"), _PALETTE),
    # The end of the file, and the whole of it.
    Damage("no-iend", "no IEND", _without(b"IEND"), decodable=True),
    Damage("truncated", "truncated in IDAT", _cut_in_pixels, essential=True),
    Damage("truncated-header", "truncated in IHDR", lambda content: content[: _HEADER_END - 9], deep=True),
    Damage("truncated-iend", "truncated before the CRC of IEND", lambda content: content[:-4], decodable=True),
    Damage("truncated-byte", "the last byte missing", lambda content: content[:-1], decodable=True),
    Damage("signature-only", "only the signature", lambda _: png.SIGNATURE, essential=True),
    Damage("header-only", "only signature and IHDR", lambda content: content[:_HEADER_END], essential=True),
    Damage("empty", "an empty file", lambda _: b"", essential=True),
    Damage("zeros", "as many zero bytes", lambda content: bytes(len(content))),
    Damage(
        "half-zeros",
        "zero bytes in the second half",
        lambda content: content[: len(content) // 2].ljust(len(content), b"\0"),
        deep=True,
    ),
    Damage("crlf", "LF turned to CR LF", lambda content: content.replace(b"\n", b"\r\n")),
    Damage("utf-8", "bytes decoded as UTF-8", lambda content: content.decode(errors="replace").encode()),
)
