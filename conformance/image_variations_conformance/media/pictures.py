"""Paint pictures for requests, and decode and describe the pictures of responses.

Decoding takes at most 30 bytes of memory a pixel (120 MiB) beside the file itself, and a few seconds, for any content.
"""

from __future__ import annotations

import hashlib
import io
import random
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice

from attrs import field, frozen
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from . import png

# Images in responses have at most 1536 pixels a side; far larger ones are not decoded.
MAX_DECODED_PIXELS = 2048 * 2048
# Twice the size of an uncompressed picture of MAX_DECODED_PIXELS.
MAX_PICTURE_BYTES = 32 * 1024 * 1024
# Chunks of a PNG or segments of a JPEG. Pillow keeps an object for each. Real files have a few hundred chunks at most,
# and a segment for each 64 KiB of a colour profile.
_MAX_PIECES = 20_000
# Scans of a JPEG. Decoding each one goes over the whole picture again. Real files have about ten.
_MAX_SCANS = 200
_THUMBNAIL, _DETAIL = (8, 8), (32, 32)
_SAMPLES = 3 * _THUMBNAIL[0] * _THUMBNAIL[1]
_TEXTS = frozenset({b"iCCP", b"iTXt", b"tEXt", b"zTXt"})
# The formats that an image endpoint may return. For some other formats, Pillow runs external programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def paint(rng: random.Random, side: int) -> Image.Image:
    """Return a square RGB picture with `side` pixels a side: soft areas of strong colour, and some grain.

    Pictures from different seeds differ strongly in colour everywhere, so oracles can tell which input a variation was
    made from.
    """
    areas = Image.frombytes("RGB", (4, 4), bytes(rng.choice((20, 90, 165, 235)) for _ in range(48)))
    soft = areas.resize((side, side), Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", (min(side, 64),) * 2, rng.randbytes(min(side, 64) ** 2)).resize((side, side))
    return ImageChops.add(soft, Image.merge("RGB", [grain.point(lambda value: value // 16)] * 3))


def put_clear_pixel(picture: Image.Image) -> None:
    """Give a picture an alpha channel with one transparent pixel: the channel is in use, but hides next to nothing."""
    picture.putalpha(255)
    picture.putpixel((0, 0), (0, 0, 0, 0))


def transparent(picture: Image.Image) -> Image.Image:
    """Return the picture in RGBA with every pixel wholly transparent. The colours are kept."""
    clear = picture.convert("RGBA")
    clear.putalpha(0)
    return clear


class Unreadable(ValueError):
    """The bytes are not an intact picture of a known format, or the picture exceeds a limit of this module."""


@frozen
class Picture:
    """The description of a decoded picture. `format` is in lower case, `width` and `height` are in pixels.

    `pixels_sha256` is the digest of the decoded pixels, `thumbnail` the picture at 8x8 pixels, `samples` the bytes of
    the thumbnail, and `detail` the picture at 32x32 pixels. `one_colour` and all three are of the picture
    on white. `is_transparent`: some pixel is not opaque.
    """

    format: str
    width: int
    height: int
    one_colour: bool
    pixels_sha256: str
    thumbnail: Image.Image = field(repr=False, eq=False)
    samples: bytes = field(repr=False, eq=False)
    detail: Image.Image = field(repr=False, eq=False)
    is_transparent: bool = False

    @property
    def size(self) -> str:
        """Width and height as the contract writes them, such as 256x256."""
        return f"{self.width}x{self.height}"

    def distances(self, others: Sequence[Picture]) -> list[float]:
        """Return the mean difference between the samples of this thumbnail and of each of the others, 0 to 255.

        This is the minimum over quarter turns and mirror images, because a variation may be turned or mirrored.
        Calling it once for many others is much faster than for each.
        """
        if not others:
            return []
        # One column of all other thumbnails is compared with a column of copies of this one, once for each view of it.
        size = (_THUMBNAIL[0], _THUMBNAIL[1] * len(others))
        column = Image.frombytes("RGB", size, b"".join(other.samples for other in others))
        sums = [_sums(view.tobytes() * len(others), column) for view in _views(self.thumbnail)]
        return [min(of_one) / _SAMPLES for of_one in zip(*sums, strict=True)]

    def difference(self, other: Picture) -> float:
        """Return the mean difference between the samples of two `detail` pictures as they are, 0 to 255."""
        return _difference(self.detail, other.detail)


def _views(thumbnail: Image.Image) -> list[Image.Image]:
    turned = [thumbnail.rotate(angle) for angle in (0, 90, 180, 270)]
    return turned + [ImageOps.mirror(view) for view in turned]


def _sums(samples: bytes, column: Image.Image) -> list[int]:
    """Return for each thumbnail in `column` the sum of its sample differences to the same place in `samples`."""
    differences = ImageChops.difference(Image.frombytes("RGB", column.size, samples), column).tobytes()
    return [sum(differences[at : at + _SAMPLES]) for at in range(0, len(differences), _SAMPLES)]


def _difference(one: Image.Image, other: Image.Image) -> float:
    samples = ImageChops.difference(one, other).tobytes()
    return sum(samples) / len(samples)


def look(content: bytes) -> Picture:
    """Decode a picture in PNG, JPEG, WebP, GIF or BMP and return its description.

    Raises Unreadable if the bytes are not an intact picture, or exceed the limits on bytes, pixels, chunks or segments,
    and scans. The limit on pixels is checked by the header, before anything is decoded.
    """
    if len(content) > MAX_PICTURE_BYTES:
        raise Unreadable(f"a picture of {len(content)} bytes is not decoded")
    if next(islice(_pieces(content), _MAX_PIECES, None), None) is not None:
        raise Unreadable(f"a picture of more than {_MAX_PIECES} chunks or segments is not decoded")
    content = _without_texts(content)
    if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > _MAX_SCANS:
        raise Unreadable(f"a picture of more than {_MAX_SCANS} scans is not decoded")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures, which are limited below, and of odd metadata, which does not matter.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                if opened.width * opened.height > MAX_DECODED_PIXELS:
                    raise Unreadable(f"a picture of {opened.width}x{opened.height} is not decoded")
                if opened.format == "PNG":
                    opened.verify()
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                opened.load()
                return _describe(opened)
    except Unreadable:
        raise
    except UnidentifiedImageError as error:
        raise Unreadable(f"not a picture: {len(content)} bytes that begin with {content[:16]!r}") from error
    except Exception as error:
        # Pillow raises exceptions of many types on invalid bytes.
        raise Unreadable(f"a broken picture: {error}") from error


def _without_texts(content: bytes) -> bytes:
    """Return an intact PNG without the chunks of texts and colour profiles, and anything else as it is.

    They say nothing of the pixels, and Pillow takes those that inflate to more than a megabyte for a broken picture.
    """
    try:
        found = list(png.chunks(content))
    except png.Broken:
        return content
    kept = [(name, data) for name, data in found if name not in _TEXTS]
    return content if kept == found else b"".join([png.SIGNATURE, *(png.chunk(name, data) for name, data in kept)])


def _pieces(content: bytes) -> Iterator[int]:
    """Yield the offset of each chunk of a PNG or segment of a JPEG; nothing for other formats."""
    if content.startswith(png.SIGNATURE):
        at = len(png.SIGNATURE)
        while at < len(content):
            yield at
            at += 12 + int.from_bytes(content[at : at + 4])
    elif content.startswith(b"\xff\xd8"):
        # The pixel data of a JPEG contains none of these markers: FF is followed by 00 or by D0 to D7 in it.
        yield from (found.start() for found in re.finditer(rb"\xff[\xc0-\xcf\xd8-\xfe]", content))


def _describe(opened: Image.Image) -> Picture:
    # Pillow clips 16-bit grey at 255 instead of scaling it.
    whole = opened.point(lambda value: value / 256).convert("L") if opened.mode == "I;16" else opened
    flat = whole if whole.mode == "RGB" else whole.convert("RGB")
    is_transparent = False
    if whole.mode != "RGB" or "transparency" in opened.info:
        rgba = whole.convert("RGBA")
        alpha = rgba.getchannel("A")
        if alpha.getextrema() == (255, 255):
            whole = flat
        else:
            is_transparent = True
            whole, flat = rgba, Image.new("RGB", opened.size, "white")
            flat.paste(rgba, mask=alpha)
    # An alpha channel is part of the digest only if some pixel is transparent.
    pixels = hashlib.sha256(b"%d " % opened.width)
    pixels.update(whole.tobytes())
    thumbnail = flat.resize(_THUMBNAIL, Image.Resampling.BOX)
    return Picture(
        # Pillow calls a JPEG with more pictures behind it so.
        format="jpeg" if opened.format == "MPO" else (opened.format or "").lower(),
        width=opened.width,
        height=opened.height,
        one_colour=flat.getcolors(1) is not None,
        pixels_sha256=pixels.hexdigest(),
        thumbnail=thumbnail,
        samples=thumbnail.tobytes(),
        detail=flat.resize(_DETAIL, Image.Resampling.BOX),
        is_transparent=is_transparent,
    )
