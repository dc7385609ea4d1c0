"""Validate and decode the uploaded image: one complete file of at most PIXEL_LIMIT pixels, normally a square PNG.

This module checks the sequence of chunks (PNG, third edition, section 5), every checksum and the end chunk, because
Pillow accepts a file that lacks its last bytes. Pillow then gets only the chunks that define the pixels, so that the
others (texts, colour profiles, animation frames, of any unpacked size) have no effect.
"""

import io
import struct
import zlib
from collections.abc import Iterator

from PIL import Image, UnidentifiedImageError

from ...contract.extensions import ImageRules
from .api_error import ApiError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_LIMIT = 4096 * 4096
PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})

_FIELD = "image"
_ANCILLARY_BIT = 0x20
_HEADER_LENGTH = 13
_PALETTE_COLOUR_TYPE = 3
_SAMPLES_PER_PIXEL = {0: 1, 2: 3, _PALETTE_COLOUR_TYPE: 1, 4: 2, 6: 4}
# The passes of an interlaced image: first column, column distance, first row, row distance.
_PASSES = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
_INFLATE_BYTES = 1 << 20
# PNG, third edition, section 7.1.
_MAX_SIDE = 2**31 - 1


def read_picture(file: bytes, rules: ImageRules) -> Image.Image:
    """Return the picture in an image file in RGB. Transparency is dropped: the stored colours are kept.

    Raises ApiError (400) if the file is not complete, or not valid by the rules of the contract.
    """
    other_kinds = [kind for kind in rules.kinds if kind != "png"]
    if file and not file.startswith(SIGNATURE) and other_kinds:
        return _decoded_as(file, other_kinds, rules)
    if not file.startswith(SIGNATURE):
        raise ApiError(
            "image must be a PNG file. " + ("It is empty." if not file else "It has another format."),
            _FIELD,
            kind="wrong-image-kind",
            requirement="IV-IMAGE-FORMAT" if file else "IV-IMAGE-INTACT",
            detail="" if file else "empty",
        )
    kinds: list[bytes] = []
    kept = [SIGNATURE]
    pixels: list[bytes] = []
    for kind, chunk in chunks(file):
        if (not kinds) != (kind == b"IHDR"):
            raise _damaged("Its header must be its first chunk and must not be repeated.", "header-place")
        if kind == b"IHDR":
            _check_header(chunk, rules)
        if kind == b"PLTE" and len(chunk) - 12 not in range(3, 769, 3):
            raise _damaged("Its palette has a wrong length.", "palette")
        if kind == b"IDAT":
            pixels.append(chunk[8:-4])
        if kind in PIXEL_CHUNKS:
            kept.append(chunk)
        elif not kind[0] & _ANCILLARY_BIT:
            raise _damaged("It has an unknown critical chunk.", "critical-chunk")
        kinds.append(kind)
    _check_order(kinds, kept[1])
    _check_pixels(kept[1], pixels)
    return _decoded(b"".join(kept))


def chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the bytes of each chunk, up to and including the end chunk. Bytes after that are ignored.

    Raises ApiError if the file is cut off or a checksum is wrong.
    """
    position = len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if len(file) < position + 12:
            raise _damaged("It is cut off.", "no-end" if len(file) == position else "cut-off")
        length, kind = struct.unpack_from(">I4s", file, position)
        end = position + 12 + length
        if len(file) < end:
            raise _damaged("It is cut off.", "cut-off")
        (checksum,) = struct.unpack_from(">I", file, end - 4)
        if zlib.crc32(memoryview(file)[position + 4 : end - 4]) != checksum:
            raise _damaged("A checksum in it is wrong.", "checksum")
        yield kind, file[position:end]
        position = end


def _check_header(header: bytes, rules: ImageRules) -> None:
    if len(header) != 12 + _HEADER_LENGTH:
        raise _damaged("Its header has a wrong length.", "header-length")
    width, height, _, _, compression, filters, interlace = struct.unpack_from(">IIBBBBB", header, 8)
    _check_dimensions(width, height, rules)
    # Pillow does not check these.
    if compression or filters or interlace > 1:
        raise _damaged("Its header names an unknown compression, filter or interlace method.", "header-method")


def _check_dimensions(width: int, height: int, rules: ImageRules) -> None:
    if rules.square and width != height:
        message = f"image must be square, not {width}x{height} pixels."
        raise ApiError(message, _FIELD, requirement="IV-IMAGE-SQUARE")
    if not 0 < width * height <= PIXEL_LIMIT:
        is_possible = 0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE
        # The contract is silent about large images. No PNG has a side of 0 (PNG, third edition, section 11.2.1).
        raise ApiError(
            f"image must have from 1 to {PIXEL_LIMIT} pixels, not {width}x{height}.",
            _FIELD,
            kind="invalid-request" if is_possible else "wrong-image-kind",
            requirement="" if width * height else "IV-IMAGE-INTACT",
            detail="pixel-limit",
        )


def _check_order(kinds: list[bytes], header: bytes) -> None:
    """Raise ApiError if chunks are missing or out of order. Pillow accepts any order, and a missing palette."""
    if b"IDAT" not in kinds:
        raise _damaged("It has no pixels.", "no-pixels")
    first = kinds.index(b"IDAT")
    if b"IDAT" in kinds[first + kinds.count(b"IDAT") :]:
        raise _damaged("Its pixel chunks are not consecutive.", "pixels-split")
    palettes = kinds[:first].count(b"PLTE")
    if palettes > 1 or b"PLTE" in kinds[first:] or (not palettes and header[17] == _PALETTE_COLOUR_TYPE):
        raise _damaged("Its palette is missing, repeated or after the pixels.", "palette")


def _check_pixels(header: bytes, pixels: list[bytes]) -> None:
    """Raise ApiError if the pixel data has a wrong length. Pillow accepts a few pixels too many or too few."""
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", header, 8)
    bits = depth * _SAMPLES_PER_PIXEL.get(colour, 0)
    sizes = (
        (len(range(left, width, across)), len(range(top, height, down)))
        for left, across, top, down in (_PASSES if interlace else ((0, 1, 0, 1),))
    )
    missing_bytes = sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns)
    stream = zlib.decompressobj()
    try:
        for data in pixels:
            remaining = data
            while remaining and missing_bytes >= 0 and not stream.eof:
                missing_bytes -= len(stream.decompress(remaining, _INFLATE_BYTES))
                remaining = stream.unconsumed_tail
    except zlib.error:
        raise _damaged("Its pixels cannot be read.", "deflate") from None
    if missing_bytes or not stream.eof:
        detail = "pixels-missing" if missing_bytes > 0 else "pixel-count"
        raise _damaged("It has more or fewer pixels than its header says.", detail)


def _decoded(file: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(file), formats=["PNG"]) as image:
            image.load()
            return _in_rgb(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error):
        raise _damaged("Its pixels cannot be read.", "pixels") from None


def _decoded_as(file: bytes, kinds: list[str], rules: ImageRules) -> Image.Image:
    """Return the picture in a file of one of these formats other than PNG."""
    try:
        with Image.open(io.BytesIO(file), formats=[kind.upper() for kind in kinds]) as image:
            _check_dimensions(*image.size, rules)
            image.load()
            return image.convert("RGB")
    except ApiError:
        raise
    except Exception as error:
        # Pillow raises exceptions of many types on invalid bytes.
        message = f"image must be a whole file of one of these formats: {', '.join(rules.kinds)}."
        raise ApiError(message, _FIELD, requirement="IV-IMAGE-FORMAT") from error


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I;16":
        # Pillow would clip 16-bit grey values at 255 instead of scaling them.
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "P":
        # Pillow warns when it converts a palette with transparency straight to RGB.
        image = image.convert("RGBA")
    return image.convert("RGB")


def _damaged(sentence: str, detail: str) -> ApiError:
    return ApiError(
        f"image must be a whole PNG file. {sentence}",
        _FIELD,
        kind="wrong-image-kind",
        requirement="IV-IMAGE-INTACT",
        detail=detail,
    )
