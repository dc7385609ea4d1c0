"""Checking the image that was sent: one whole PNG, square, of a size that can be decoded.

The frame of chunks (PNG, third edition, section 5) is checked here, with every checksum and the end, because Pillow
takes a file that lacks its last bytes. Pillow then sees only the chunks that make the pixels: what is in the others
(texts, colour profiles, animation frames, however large when unpacked) cannot matter.
"""

import io
import struct
import zlib
from collections.abc import Iterator

from PIL import Image, UnidentifiedImageError

from .api_error import ApiError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_LIMIT = 4096 * 4096

_FIELD = "image"
_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_ANCILLARY_BIT = 0x20
_HEADER_LENGTH = 13
_OF_A_PALETTE = 3
_SAMPLES_OF_A_PIXEL = {0: 1, 2: 3, _OF_A_PALETTE: 1, 4: 2, 6: 4}
# Where the passes of an interlaced image begin, and how far their pixels are apart: columns, then rows.
_PASSES = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
_AT_ONCE_BYTES = 1 << 20


def read_picture(file: bytes) -> Image.Image:
    """The picture in a PNG file, in RGB; transparent parts show the colour stored for them. Raises ApiError."""
    if not file.startswith(SIGNATURE):
        raise ApiError(
            "image must be a PNG file. " + ("It is empty." if not file else "It has another format."), _FIELD
        )
    kinds: list[bytes] = []
    kept = [SIGNATURE]
    pixels: list[bytes] = []
    for kind, chunk in _chunks(file):
        if (not kinds) != (kind == b"IHDR"):
            raise _damaged("Its header must come once, and first.")
        if kind == b"IHDR":
            _check_header(chunk)
        if kind == b"PLTE" and len(chunk) - 12 not in range(3, 769, 3):
            raise _damaged("Its palette has a wrong length.")
        if kind == b"IDAT":
            pixels.append(chunk[8:-4])
        if kind in _PIXEL_CHUNKS:
            kept.append(chunk)
        elif not kind[0] & _ANCILLARY_BIT:
            raise _damaged("It has a part that is not known and that must not be left out.")
        kinds.append(kind)
    _check_order(kinds, kept[1])
    _check_pixels(kept[1], pixels)
    return _decoded(b"".join(kept))


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks up to the end chunk, each as its kind and its bytes. What follows the end chunk does not matter."""
    position = len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if len(file) < position + 12:
            raise _damaged("It is cut off.")
        length, kind = struct.unpack_from(">I4s", file, position)
        end = position + 12 + length
        if len(file) < end:
            raise _damaged("It is cut off.")
        (checksum,) = struct.unpack_from(">I", file, end - 4)
        if zlib.crc32(memoryview(file)[position + 4 : end - 4]) != checksum:
            raise _damaged("A checksum in it does not fit.")
        yield kind, file[position:end]
        position = end


def _check_header(header: bytes) -> None:
    if len(header) != 12 + _HEADER_LENGTH:
        raise _damaged("Its header has a wrong length.")
    width, height, _, _, compression, filters, interlace = struct.unpack_from(">IIBBBBB", header, 8)
    if width != height:
        raise ApiError(f"image must be square, not {width}x{height} pixels.", _FIELD)
    if not 0 < width * height <= PIXEL_LIMIT:
        raise ApiError(f"image must have from 1 to {PIXEL_LIMIT} pixels, not {width}x{height}.", _FIELD)
    # Pillow does not look at these.
    if compression or filters or interlace > 1:
        raise _damaged("Its header asks for what there is not.")


def _check_order(kinds: list[bytes], header: bytes) -> None:
    """Pillow takes any order, and makes up a palette of greys where there is none."""
    if b"IDAT" not in kinds:
        raise _damaged("It has no pixels.")
    first = kinds.index(b"IDAT")
    if b"IDAT" in kinds[first + kinds.count(b"IDAT") :]:
        raise _damaged("Its pixels are not in one piece.")
    palettes = kinds[:first].count(b"PLTE")
    if palettes > 1 or b"PLTE" in kinds[first:] or (not palettes and header[17] == _OF_A_PALETTE):
        raise _damaged("Its palette must come once, and before the pixels.")


def _check_pixels(header: bytes, pixels: list[bytes]) -> None:
    """Pillow takes a few pixels more or fewer than there are."""
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", header, 8)
    bits = depth * _SAMPLES_OF_A_PIXEL.get(colour, 0)
    sizes = (
        (len(range(left, width, across)), len(range(top, height, down)))
        for left, across, top, down in (_PASSES if interlace else ((0, 1, 0, 1),))
    )
    lacking = sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns)
    stream = zlib.decompressobj()
    try:
        for data in pixels:
            left = data
            while left and lacking >= 0 and not stream.eof:
                lacking -= len(stream.decompress(left, _AT_ONCE_BYTES))
                left = stream.unconsumed_tail
    except zlib.error:
        raise _damaged("Its pixels cannot be read.") from None
    if lacking or not stream.eof:
        raise _damaged("It has more or fewer pixels than its header says.")


def _decoded(file: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(file), formats=["PNG"]) as image:
            image.load()
            return _in_rgb(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error):
        raise _damaged("Its pixels cannot be read.") from None


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I;16":
        # The conversion of Pillow would cut grey values off at 255 instead of scaling them.
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "P":
        # A palette with transparency in it is converted by way of RGBA, or Pillow warns.
        image = image.convert("RGBA")
    return image.convert("RGB")


def _damaged(how: str) -> ApiError:
    return ApiError(f"image must be a whole PNG file. {how}", _FIELD)
