"""Pictures: painting ones to send, and looking at ones that came back.

Looking at one takes at most 30 bytes a pixel beside the file itself, 120 MiB, and a few seconds, whatever it holds.
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

# Answers are at most 1536 pixels a side; whatever is far larger is not decoded.
MAX_DECODED_PIXELS = 2048 * 2048
# Pictures of that size, not compressed at all, are half as large.
MAX_PICTURE_BYTES = 32 * 1024 * 1024
# What a file is made up of beside its pixels: chunks of a PNG, segments of a JPEG. Pillow keeps an object of each. Real
# files have some hundred chunks at most, and a segment for each 64 KiB of a colour profile.
_MAX_PIECES = 20_000
# Each goes over the whole picture again. Real files have ten.
_MAX_SCANS = 200
_THUMBNAIL, _DETAIL = (8, 8), (32, 32)
_SAMPLES = 3 * _THUMBNAIL[0] * _THUMBNAIL[1]
# Of all that Pillow reads, what an image endpoint may come up with. Some of the rest runs programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


def paint(rng: random.Random, side: int) -> Image.Image:
    """Return a square picture as a camera sees it from afar: soft areas of strong colour, and some grain.

    Two of them from different seeds are far apart in colour everywhere, which is what lets an oracle tell whose
    variation an answer is.
    """
    areas = Image.frombytes("RGB", (4, 4), bytes(rng.choice((20, 90, 165, 235)) for _ in range(48)))
    soft = areas.resize((side, side), Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", (min(side, 64),) * 2, rng.randbytes(min(side, 64) ** 2)).resize((side, side))
    return ImageChops.add(soft, Image.merge("RGB", [grain.point(lambda value: value // 16)] * 3))


class Unreadable(ValueError):
    """The bytes are not one whole picture that we can and will decode."""


@frozen
class Picture:
    """What an oracle needs to know of a decoded picture. `samples` are the bytes of the thumbnail."""

    format: str
    width: int
    height: int
    one_colour: bool
    pixels_sha256: str
    thumbnail: Image.Image = field(repr=False, eq=False)
    samples: bytes = field(repr=False, eq=False)
    detail: Image.Image = field(repr=False, eq=False)

    @property
    def size(self) -> str:
        """Width and height in the words of the contract, such as 256x256."""
        return f"{self.width}x{self.height}"

    def distance(self, other: Picture) -> float:
        """Return how far two pictures are apart as thumbnails: mean difference of a sample, 0 to 255.

        The smallest over mirror images and quarter turns, since a variation may well be one.
        """
        return self.distances([other])[0]

    def distances(self, others: Sequence[Picture]) -> list[float]:
        """Return the distance to each of the others, in a small part of the time that it takes one by one."""
        if not others:
            return []
        # All the others on top of each other, held against a column of this one, in each of its views.
        size = (_THUMBNAIL[0], _THUMBNAIL[1] * len(others))
        column = Image.frombytes("RGB", size, b"".join(other.samples for other in others))
        sums = [_sums(view.tobytes() * len(others), column) for view in _views(self.thumbnail)]
        return [min(of_one) / _SAMPLES for of_one in zip(*sums, strict=True)]

    def difference(self, other: Picture) -> float:
        """Return how far two pictures are apart as they stand: mean difference of a sample, 0 to 255."""
        return _difference(self.detail, other.detail)


def _views(thumbnail: Image.Image) -> list[Image.Image]:
    turned = [thumbnail.rotate(angle) for angle in (0, 90, 180, 270)]
    return turned + [ImageOps.mirror(view) for view in turned]


def _sums(samples: bytes, column: Image.Image) -> list[int]:
    """Return the difference of each thumbnail in a column, all samples of it together, to the same place in another."""
    differences = ImageChops.difference(Image.frombytes("RGB", column.size, samples), column).tobytes()
    return [sum(differences[at : at + _SAMPLES]) for at in range(0, len(differences), _SAMPLES)]


def _difference(one: Image.Image, other: Image.Image) -> float:
    samples = ImageChops.difference(one, other).tobytes()
    return sum(samples) / len(samples)


def look(content: bytes) -> Picture:
    """Decode a picture of any format and describe it.

    Raises Unreadable: not a picture, truncated, broken, or of more pixels or pieces than are decoded. The size is read
    from the header before anything is decoded.
    """
    if len(content) > MAX_PICTURE_BYTES:
        raise Unreadable(f"a picture of {len(content)} bytes is not decoded")
    if next(islice(_pieces(content), _MAX_PIECES, None), None) is not None:
        raise Unreadable(f"a picture of more than {_MAX_PIECES} pieces is not decoded")
    if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > _MAX_SCANS:
        raise Unreadable(f"a picture of more than {_MAX_SCANS} scans is not decoded")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures and of odd metadata; the limit below is ours, the rest does not matter.
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
        # Pillow raises what it likes on hostile bytes.
        raise Unreadable(f"a broken picture: {error}") from error


def _pieces(content: bytes) -> Iterator[int]:
    """Yield where the chunks of a PNG or the segments of a JPEG begin."""
    if content.startswith(png.SIGNATURE):
        at = len(png.SIGNATURE)
        while at < len(content):
            yield at
            at += 12 + int.from_bytes(content[at : at + 4])
    elif content.startswith(b"\xff\xd8"):
        # No pixel data holds these: there, FF comes before 00 or D0 to D7.
        yield from (found.start() for found in re.finditer(rb"\xff[\xc0-\xcf\xd8-\xfe]", content))


def _describe(opened: Image.Image) -> Picture:
    # Pillow cuts 16-bit grey off at 255 where it ought to scale it.
    whole = opened.point(lambda value: value / 256).convert("L") if opened.mode == "I;16" else opened
    flat = whole if whole.mode == "RGB" else whole.convert("RGB")
    if whole.mode != "RGB":
        rgba = whole.convert("RGBA")
        alpha = rgba.getchannel("A")
        if alpha.getextrema() == (255, 255):
            whole = flat
        else:
            whole, flat = rgba, Image.new("RGB", opened.size, "white")
            flat.paste(rgba, mask=alpha)
    # Of the colours alone where there is nothing to see through: an alpha channel that hides nothing changes nothing.
    pixels = hashlib.sha256(b"%d " % opened.width)
    pixels.update(whole.tobytes())
    thumbnail = flat.resize(_THUMBNAIL, Image.Resampling.BOX)
    return Picture(
        format=(opened.format or "").lower(),
        width=opened.width,
        height=opened.height,
        one_colour=flat.getcolors(1) is not None,
        pixels_sha256=pixels.hexdigest(),
        thumbnail=thumbnail,
        samples=thumbnail.tobytes(),
        detail=flat.resize(_DETAIL, Image.Resampling.BOX),
    )
