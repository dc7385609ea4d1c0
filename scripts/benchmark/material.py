"""What is sent and what is answered: made once, as files, so that every process reads the same bytes."""

import base64
import json
from pathlib import Path

from attrs import frozen
from image_variations_conformance.png import encode, padded
from PIL import Image

_IMAGES = 10
_LARGE_BYTES = 100 * 2**20


@frozen
class Material:
    """Files: square PNGs of 1,000 and 4,000,000 bytes, 100 MiB that begin like one, an answer of ten 1 MB images."""

    kilobyte: Path
    four_megabytes: Path
    hundred_megabytes: Path
    ten_images: Path

    @classmethod
    def make(cls, folder: Path) -> "Material":
        """Write the files that are not in `folder` yet."""
        folder.mkdir(parents=True, exist_ok=True)
        png = encode(Image.new("RGB", (8, 8), (200, 40, 90)))
        made = cls(*(folder / name for name in ("1kB.png", "4MB.png", "100MiB.png", "ten-images.json")))
        made.kilobyte.write_bytes(padded(png, 1000))
        made.four_megabytes.write_bytes(padded(png, 4_000_000))
        with made.hundred_megabytes.open("wb") as file:
            file.write(png)
            file.truncate(_LARGE_BYTES)
        images = [padded(png, 1_000_000 + number) for number in range(_IMAGES)]
        data = [{"b64_json": base64.b64encode(image).decode()} for image in images]
        made.ten_images.write_text(json.dumps({"created": 1589478378, "data": data}), encoding="ascii")
        return made
