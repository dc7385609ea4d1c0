"""Pictures: painting ones to send, and looking at ones that came back."""

from __future__ import annotations

import hashlib
import io
import random
import warnings
from functools import lru_cache

from attrs import field, frozen
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

# Answers are at most 1536 pixels a side; whatever is far larger is not decoded.
MAX_DECODED_PIXELS = 4096 * 4096
_THUMBNAIL, _DETAIL = (8, 8), (32, 32)
# Of all that Pillow reads, what an image endpoint may come up with. Some of the rest runs programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


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
    """What an oracle needs to know of a decoded picture."""

    format: str
    width: int
    height: int
    one_colour: bool
    pixels_sha256: str
    thumbnail: Image.Image = field(repr=False, eq=False)
    detail: Image.Image = field(repr=False, eq=False)

    @property
    def size(self) -> str:
        """Width and height in the words of the contract, such as 256x256."""
        return f"{self.width}x{self.height}"

    def distance(self, other: Picture) -> float:
        """Return how far two pictures are apart as thumbnails: mean difference of a sample, 0 to 255.

        The smallest over mirror images and quarter turns, since a variation may well be one.
        """
        return min(_difference(view, other.thumbnail) for view in _views(self.thumbnail))

    def difference(self, other: Picture) -> float:
        """Return how far two pictures are apart as they stand: mean difference of a sample, 0 to 255."""
        return _difference(self.detail, other.detail)


def _views(thumbnail: Image.Image) -> list[Image.Image]:
    turned = [thumbnail.rotate(angle) for angle in (0, 90, 180, 270)]
    return turned + [ImageOps.mirror(view) for view in turned]


def _difference(one: Image.Image, other: Image.Image) -> float:
    samples = ImageChops.difference(one, other).tobytes()
    return sum(samples) / len(samples)


@lru_cache(maxsize=128)
def look(content: bytes) -> Picture:
    """Decode a picture of any kind and describe it.

    Raises Unreadable: not a picture, cut off, broken, or of more pixels than we decode. Nothing is decoded before the
    header has told the size.
    """
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


def _describe(opened: Image.Image) -> Picture:
    flat = Image.new("RGB", opened.size, "white")
    # Pillow cuts 16-bit grey off at 255 where it ought to scale it.
    eight_bit = opened.point(lambda value: value / 256).convert("L") if opened.mode == "I;16" else opened
    rgba = eight_bit.convert("RGBA")
    flat.paste(rgba, mask=rgba.getchannel("A"))
    return Picture(
        format=(opened.format or "").lower(),
        width=opened.width,
        height=opened.height,
        one_colour=flat.getcolors(1) is not None,
        pixels_sha256=hashlib.sha256(b"%d %b" % (opened.width, rgba.tobytes())).hexdigest(),
        thumbnail=flat.resize(_THUMBNAIL, Image.Resampling.BOX),
        detail=flat.resize(_DETAIL, Image.Resampling.BOX),
    )
