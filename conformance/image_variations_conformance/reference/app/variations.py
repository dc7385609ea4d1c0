"""Make variations of a picture, quickly and as small PNG files.

A variation is a random crop of the picture, slightly rotated, mirrored half of the time, with shifted colours and faint
grain. It is painted on a canvas of 256x256 pixels and enlarged without smoothing. That takes a fifth of the time of
painting at full size, and the PNG file stays small even if the picture is noise.
"""

import hashlib
import io
import math
import random
import zlib

from PIL import Image, ImageChops

CANVAS = 256

_MAX_TURN_RADIANS = math.radians(0.8)
_MIN_CROP = 0.985
_GRAIN_CELLS = 32
_GRAIN_LEVELS = (0, 6, 12)
_DARKEST, _BRIGHTEST = 4, 238
_COLOUR_SHIFT = 4


def png(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    file = io.BytesIO()
    # Enlarged pixels consist of runs, so run-length matching is faster and compresses better.
    image.save(file, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return file.getvalue()


class VariationMaker:
    """Make variations of one RGB picture, of one size in pixels, each unlike the picture and all others."""

    def __init__(self, picture: Image.Image, size: tuple[int, int], rng: random.Random) -> None:
        self.picture = picture
        self.size = size
        self._rng = rng
        self._canvas = picture.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR, reducing_gap=2.0)
        self._seen = {_digest(picture)}

    def make(self) -> bytes:
        """Return one more variation as a PNG file."""
        while True:
            image = self._paint().resize(self.size, Image.Resampling.NEAREST)
            digest = _digest(image)
            if digest not in self._seen:
                self._seen.add(digest)
                return png(image)

    def _paint(self) -> Image.Image:
        image = self._cropped()
        if self._rng.random() < 1 / 2:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return ImageChops.add(image.point(self._colours()), self._grain())

    def _cropped(self) -> Image.Image:
        turn = self._rng.uniform(-_MAX_TURN_RADIANS, _MAX_TURN_RADIANS)
        cos, sin = math.cos(turn), math.sin(turn)
        # A rotated square with this share of the side still fits in the canvas.
        share = self._rng.uniform(_MIN_CROP, 1) / (cos + abs(sin))
        slack = CANVAS * (1 - share * (cos + abs(sin))) / 2
        centre = CANVAS / 2
        x = centre + self._rng.uniform(-slack, slack)
        y = centre + self._rng.uniform(-slack, slack)
        a, b = share * cos, share * sin
        matrix = (a, b, x - (a + b) * centre, -b, a, y - (a - b) * centre)
        return self._canvas.transform(
            (CANVAS, CANVAS), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR
        )

    def _colours(self) -> list[int]:
        """Return the lookup tables of the three channels. Their maximum leaves room for the grain, which is added."""
        table = []
        for _ in range(3):
            low = _DARKEST + self._rng.uniform(-1, 1) * _COLOUR_SHIFT
            high = _BRIGHTEST + self._rng.uniform(-1, 1) * _COLOUR_SHIFT
            table += [round(low + (high - low) * value / 255) for value in range(256)]
        return table

    def _grain(self) -> Image.Image:
        cells = bytes(self._rng.choices(_GRAIN_LEVELS, k=_GRAIN_CELLS * _GRAIN_CELLS))
        grain = Image.frombytes("L", (_GRAIN_CELLS, _GRAIN_CELLS), cells).resize((CANVAS, CANVAS))
        return Image.merge("RGB", (grain, grain, grain))


def _digest(image: Image.Image) -> bytes:
    return hashlib.sha256(repr(image.size).encode() + image.tobytes()).digest()
