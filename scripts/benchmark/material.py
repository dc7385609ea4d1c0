"""The request images and response bodies of the benchmarks, as files that all processes read."""

import base64
import json
import random
from pathlib import Path

from attrs import frozen
from image_variations_conformance.media.pictures import paint
from image_variations_conformance.media.png import encode, padded
from image_variations_conformance.reference.app.variations import VariationMaker
from PIL import Image

_IMAGES = 10
_LARGE_BYTES = 100 * 2**20
_SIDE = 256


@frozen
class Material:
    """Paths of the files.

    `kilobyte` and `four_megabytes` are square PNGs of 1,000 and 4,000,000 bytes. `hundred_megabytes` is a PNG padded
    with zeros to 100 MiB. `ten_images` is a JSON response body with ten 1 MB images in base64. `small_picture` is a PNG
    of 256x256 pixels.
    """

    kilobyte: Path
    four_megabytes: Path
    hundred_megabytes: Path
    ten_images: Path
    small_picture: Path

    @classmethod
    def make(cls, folder: Path) -> "Material":
        """Write the files into `folder`, which is created if it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        chance = random.Random(_SIDE)  # noqa: S311 - a picture, not a secret
        png = encode(Image.new("RGB", (8, 8), (200, 40, 90)))
        made = cls(*(folder / name for name in ("1kB.png", "4MB.png", "100MiB.png", "ten-images.json", "256x256.png")))
        made.kilobyte.write_bytes(padded(png, 1000))
        made.four_megabytes.write_bytes(padded(png, 4_000_000))
        with made.hundred_megabytes.open("wb") as file:
            file.write(png)
            file.truncate(_LARGE_BYTES)
        images = [padded(png, 1_000_000 + number) for number in range(_IMAGES)]
        data = [{"b64_json": base64.b64encode(image).decode()} for image in images]
        made.small_picture.write_bytes(VariationMaker(paint(chance, _SIDE), (_SIDE, _SIDE), chance).make())
        made.ten_images.write_text(json.dumps({"created": 1589478378, "data": data}), encoding="ascii")
        return made
