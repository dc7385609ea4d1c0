"""Write the pixels of an intact PNG file in other ways that the PNG specification (third edition) allows.

ANCILLARY adds chunks that decoders may ignore, and LAYOUTS keeps the chunks and lays out the pixel data differently.
Each takes an intact file that `png.encode` made, in RGB for ANCILLARY, and returns an intact file with the same pixels.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from itertools import cycle

from . import png

Apply = Callable[[bytes], bytes]
Chunk = tuple[bytes, bytes]


def animated(content: bytes) -> bytes:
    """Return an animated PNG of two frames of a second: the picture, and one whose samples are all 0.

    Decoders that know nothing of animations show the picture. `content` is an intact PNG of any kind.
    """
    info = png.inspect(content)
    control = struct.pack(">IIIIHHBB", info.width, info.height, 0, 0, 1, 1, 0, 0)
    rows_bytes = sum(row_bytes * rows for row_bytes, rows in png.passes(info))
    # The numbers before the contents are the sequence of fcTL and fdAT, which decoders check.
    with_first = png.with_chunks(
        content, (b"acTL", struct.pack(">II", 2, 0)), (b"fcTL", struct.pack(">I", 0) + control), before=b"IDAT"
    )
    return png.with_chunks(
        with_first,
        (b"fcTL", struct.pack(">I", 1) + control),
        (b"fdAT", struct.pack(">I", 2) + zlib.compress(bytes(rows_bytes))),
        before=b"IEND",
    )


def filtered(content: bytes, filters: tuple[int, ...] = (0, 1, 2, 3, 4)) -> bytes:
    """Return a PNG whose rows have these filter types in turn. `content` is one with filter type 0 in every row."""
    info = png.inspect(content)
    distance = max(1, png.CHANNELS[info.kind.colour] * info.kind.depth // 8)
    data, at, rows = zlib.decompress(png.pixel_stream(content)), 0, []
    turns = cycle(filters)
    for row_bytes, count in png.passes(info):
        above = bytes(row_bytes - 1)
        for _ in range(count):
            row = data[at + 1 : at + row_bytes]
            filter_type = next(turns)
            rows += [bytes([filter_type]), _filtered(filter_type, row, above, distance)]
            above, at = row, at + row_bytes
    return png.with_pixel_stream(content, zlib.compress(b"".join(rows), 6))


def _filtered(filter_type: int, row: bytes, above: bytes, distance: int) -> bytes:
    """Return the differences of a row to its prediction, from bytes `distance` to the left and in the row above."""
    left, left_above = (bytes(distance) + samples[: len(samples) - distance] for samples in (row, above))
    predict = _PREDICTORS[filter_type]
    return bytes(
        (sample - predict(a, b, c)) & 0xFF for sample, a, b, c in zip(row, left, above, left_above, strict=True)
    )


def _paeth(a: int, b: int, c: int) -> int:
    """Return the neighbour nearest to a + b - c; of two as near, the first of left, above and left above."""
    return min((a, b, c), key=lambda neighbour: abs(a + b - c - neighbour))


_PREDICTORS: tuple[Callable[[int, int, int], int], ...] = (
    lambda _a, _b, _c: 0,
    lambda a, _b, _c: a,
    lambda _a, b, _c: b,
    lambda a, b, _c: (a + b) // 2,
    _paeth,
)


def _in_pieces(content: bytes) -> bytes:
    stream = png.pixel_stream(content)
    middle = max(3, len(stream) // 2)
    return png.with_pixel_stream(
        content, stream[:1], stream[1:2], stream[2:3], stream[3:middle], b"", stream[middle:], b""
    )


def _compressed(level: int, window_bits: int) -> Apply:
    """Compress the rows again. The window has 2 ** `window_bits` bytes."""

    def apply(content: bytes) -> bytes:
        stream = zlib.compressobj(level, zlib.DEFLATED, window_bits)
        rows = zlib.decompress(png.pixel_stream(content))
        return png.with_pixel_stream(content, stream.compress(rows) + stream.flush())

    return apply


LAYOUTS: Mapping[str, Apply] = {
    "animated": animated,
    "idat-pieces": _in_pieces,
    "window-512": _compressed(6, 9),
    "stored": _compressed(0, 15),
    "filters": filtered,
}


def _fixed(value: float) -> bytes:
    """Return a number as ICC profiles have it: signed, with 16 bits after the point."""
    return struct.pack(">i", round(value * 65536))


def _icc_profile() -> bytes:
    """Return a profile of the primaries of sRGB with a gamma of 2.2 (ICC.1:2001-04).

    It is written here because those of ImageCms hold the date, and depend on the version of a library.
    """
    name = b"conformance RGB\0"
    xyz = {
        b"wtpt": (0.9642, 1.0, 0.8249),
        b"rXYZ": (0.4361, 0.2225, 0.0139),
        b"gXYZ": (0.3851, 0.7169, 0.0971),
        b"bXYZ": (0.1431, 0.0606, 0.7141),
    }
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"No copyright\0",
        **{tag: b"XYZ " + bytes(4) + b"".join(map(_fixed, values)) for tag, values in xyz.items()},
        **{tag: b"curv" + bytes(4) + struct.pack(">IH", 1, 0x0233) for tag in (b"rTRC", b"gTRC", b"bTRC")},
    }
    table, body = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        table += tag + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    # Size, version 2.4, class, colour spaces, date; then intent and white point of the profile connection space.
    header = struct.pack(
        ">I4xI12s6H4s", 128 + len(table) + len(body), 0x02400000, b"mntrRGB XYZ ", 2024, 2, 29, 0, 0, 0, b"acsp"
    )
    header = header.ljust(64, b"\0") + bytes(4) + b"".join(map(_fixed, xyz[b"wtpt"]))
    return header.ljust(128, b"\0") + table + body


def _added(*chunks: Chunk, before: bytes | None = None) -> Apply:
    return lambda content: png.with_chunks(content, *chunks, before=before)


def _expanding_text(content: bytes) -> bytes:
    """Add a text of 2,000,000 characters, of which 2 KB are in the file. Decoders with a limit on texts may give up."""
    return png.with_chunks(content, (b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 2_000_000, 9)))


def _transparent_colour(content: bytes) -> bytes:
    """Make the colour of the first pixel of an 8-bit RGB picture transparent."""
    red, green, blue = zlib.decompress(png.pixel_stream(content))[1:4]
    return png.with_chunks(content, (b"tRNS", struct.pack(">HHH", red, green, blue)), before=b"IDAT")


# Orientation 1 (upright) alone, as a TIFF file in the byte order of Intel.
_EXIF = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 1, 0, 0)
# x and y of white point, red, green and blue of sRGB, in 1/100,000.
_CHROMATICITIES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
_UNICODE = "Größe, 大きさ".encode()
# Tools write some of these; image libraries keep them, some together with their own properties of a picture.
_KEYWORDS = (
    *(b"Comment", b"Software", b"parameters", b"XML:com.adobe.xmp", b"Raw profile type exif", b"exif", b"icc_profile"),
    *(b"dpi", b"gamma", b"aspect", b"transparency"),
)

ANCILLARY: Mapping[str, Apply] = {
    "srgb": _added((b"gAMA", struct.pack(">I", 45455)), (b"cHRM", _CHROMATICITIES), (b"sRGB", b"\0")),
    "icc-profile": _added((b"iCCP", b"conformance RGB\0\0" + zlib.compress(_icc_profile()))),
    "cicp": _added((b"cICP", bytes([1, 13, 0, 1]))),
    "sbit": _added((b"sBIT", bytes([8, 8, 8]))),
    "background": _added((b"bKGD", struct.pack(">HHH", 255, 128, 0)), before=b"IDAT"),
    "transparent-colour": _transparent_colour,
    "suggested-palette": _added((b"PLTE", bytes(range(30)))),
    "physical-size": _added((b"pHYs", struct.pack(">IIB", 11811, 11811, 1))),
    "time": _added((b"tIME", struct.pack(">HBBBBB", 2024, 2, 29, 23, 59, 60))),
    "exif": _added((b"eXIf", _EXIF)),
    "text": _added((b"tEXt", b"Comment\0made by a conformance suite")),
    "compressed-text": _added((b"zTXt", b"Comment\0\0" + zlib.compress(b"made by a conformance suite"))),
    "unicode-text": _added(
        (b"iTXt", b"Title\0\0\0de\0Titel\0" + _UNICODE),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(_UNICODE)),
    ),
    "expanding-text": _expanding_text,
    "long-text": _added((b"tEXt", b"Comment\0" + b"long text " * 6000)),
    "many-texts": _added(*((b"tEXt", b"%b\0text %d" % each) for each in zip(cycle(_KEYWORDS), range(300)))),
    "private-before": _added((b"vrPd", b"private")),
    "private-after": _added((b"vrPd", b"private"), before=b"IEND"),
}
