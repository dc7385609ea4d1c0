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

from .problem import Problem

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_LIMIT = 4096 * 4096

_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_ANCILLARY_BIT = 0x20
_HEADER_LENGTH = 13
_FIELD = "image"


def read_picture(file: bytes) -> Image.Image:
    """The picture in a PNG file, in RGB; transparent parts show the colour stored for them. Raises Problem."""
    if not file.startswith(SIGNATURE):
        raise Problem("image must be a PNG file. " + ("It is empty." if not file else "It has another format."), _FIELD)
    kept = [SIGNATURE]
    for position, (kind, chunk) in enumerate(_chunks(file)):
        if (position == 0) != (kind == b"IHDR"):
            raise _damaged("Its header must come once, and first.")
        if kind == b"IHDR":
            _check_dimensions(chunk)
        if kind in _PIXEL_CHUNKS:
            kept.append(chunk)
        elif not kind[0] & _ANCILLARY_BIT:
            raise _damaged("It has a part that is not known and that must not be left out.")
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


def _check_dimensions(header: bytes) -> None:
    if len(header) != 12 + _HEADER_LENGTH:
        raise _damaged("Its header has a wrong length.")
    width, height = struct.unpack_from(">II", header, 8)
    if width != height:
        raise Problem(f"image must be square, not {width}x{height} pixels.", _FIELD)
    if not 0 < width * height <= PIXEL_LIMIT:
        raise Problem(f"image must have from 1 to {PIXEL_LIMIT} pixels, not {width}x{height}.", _FIELD)


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


def _damaged(how: str) -> Problem:
    return Problem(f"image must be a whole PNG file. {how}", _FIELD)
