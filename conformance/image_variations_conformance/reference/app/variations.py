"""Making variations: quick, small, and real.

A variation is a random crop of the picture, a little turned, half of the time mirrored, in slightly other colours, with
a faint grain over it. It is painted on a canvas of 256x256 pixels and enlarged without smoothing: that costs a fifth of
the time of painting at full size, and PNG packs the result well even where the picture is noise.
"""

import hashlib
import io
import math
import random
import zlib

from PIL import Image, ImageChops

CANVAS = 256

_MOST_TURN_RADIANS = math.radians(0.8)
_LEAST_CROP = 0.985
_GRAIN_CELLS = 32
_GRAIN_LEVELS = (0, 6, 12)
_DARKEST, _BRIGHTEST = 4, 238
_COLOUR_SHIFT = 4


def png(image: Image.Image) -> bytes:
    """The image as a PNG file."""
    file = io.BytesIO()
    # Runs are what enlarged pixels are made of: to look for nothing else is quicker, and packs better.
    image.save(file, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return file.getvalue()


class VariationMaker:
    """Makes variations of one RGB picture, `side` pixels wide and high. None equals the picture or one before."""

    def __init__(self, picture: Image.Image, side: int, rng: random.Random) -> None:
        self.picture = picture
        self.side = side
        self._rng = rng
        self._canvas = picture.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR, reducing_gap=2.0)
        self._seen = {_digest(picture)}

    def make(self) -> bytes:
        """One more variation, as a PNG file."""
        while True:
            image = self._paint().resize((self.side, self.side), Image.Resampling.NEAREST)
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
        turn = self._rng.uniform(-_MOST_TURN_RADIANS, _MOST_TURN_RADIANS)
        cos, sin = math.cos(turn), math.sin(turn)
        # A turned square of this share of the side still lies within the canvas.
        share = self._rng.uniform(_LEAST_CROP, 1) / (cos + abs(sin))
        slack = CANVAS * (1 - share * (cos + abs(sin))) / 2
        middle = CANVAS / 2
        x = middle + self._rng.uniform(-slack, slack)
        y = middle + self._rng.uniform(-slack, slack)
        a, b = share * cos, share * sin
        matrix = (a, b, x - (a + b) * middle, -b, a, y - (a - b) * middle)
        return self._canvas.transform(
            (CANVAS, CANVAS), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BILINEAR
        )

    def _colours(self) -> list[int]:
        """A table for each channel, that leaves room for the grain above it."""
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
