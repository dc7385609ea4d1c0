"""Faults in the number, size, content, format and encoding of the new images."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from attrs import evolve
from PIL import Image

from ..app.form import Part
from ..app.service import Service, Wanted
from ..app.variations import VariationMaker, png
from ..registry import FaultFamily
from .fault_helpers import placeholder

if TYPE_CHECKING:
    from ..app.incoming import IncomingRequest

fault = FaultFamily("semantics")


def _opened(file: bytes) -> Image.Image:
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        return image


def _saved(image: Image.Image, file_format: str) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format)
    return file.getvalue()


# --- number


@fault("n-capped", breaks=("IV-RES-COUNT",))
class NCapped(Service):
    """Makes at most four images, without refusing a larger n."""

    def count(self, n: str | None) -> int:
        return min(super().count(n), 4)


@fault("n-ignored", breaks=("IV-RES-COUNT",))
class NIgnored(Service):
    """Ignores n and always makes one image."""

    def count(self, n: str | None) -> int:
        return min(super().count(n), 1)


@fault("one-too-many", breaks=("IV-RES-COUNT",), also=("IV-N-DEFAULT",))
class OneTooMany(Service):
    """Makes one image more than requested."""

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        return await super().make(picture, evolve(wanted, count=wanted.count + 1))


# --- size


@fault("size-ignored", breaks=("IV-OUT-SIZE",))
class SizeIgnored(Service):
    """Ignores size and always makes images of the default size."""

    def dimensions(self, size: str | None) -> tuple[int, int] | None:
        return super().dimensions(None)


@fault("one-pixel-short", breaks=("IV-OUT-SIZE",), also=("IV-SIZE-DEFAULT",))
class OnePixelShort(Service):
    """Makes images that are one pixel too narrow."""

    def make_one(self, maker: VariationMaker) -> bytes:
        image = _opened(super().make_one(maker))
        return png(image.crop((0, 0, image.width - 1, image.height)))


# --- content


@fault("image-unchanged", breaks=("IV-OUT-CHANGED",), also=("IV-OUT-BLANK", "IV-OUT-DISTINCT"))
class ImageUnchanged(Service):
    """Returns the uploaded picture itself, scaled to the requested size."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return png(maker.picture.resize(maker.size))


@fault("image-blank", breaks=("IV-OUT-BLANK",), also=("IV-OUT-DISTINCT", "IV-OUT-RESEMBLES"))
class ImageBlank(Service):
    """Makes images that are completely black."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return png(Image.new("RGB", maker.size, "black"))


@fault("images-equal", breaks=("IV-OUT-DISTINCT",))
class ImagesEqual(Service):
    """Returns the same image n times in one response."""

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        return await super().make(picture, evolve(wanted, count=1)) * wanted.count


@fault("image-unrelated", breaks=("IV-OUT-RESEMBLES",))
class ImageUnrelated(Service):
    """Makes variations of a fixed picture instead of the uploaded one."""

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        return await super().make(placeholder(), wanted)


# --- format


@fault("format-said-webp", breaks=("IV-OUT-FORMAT",))
class FormatSaidWebp(Service):
    """Sends webp as output_format although the images are PNGs."""

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        document = super().document(request, images, wanted)
        return {**document, "output_format": "webp"} if isinstance(document, dict) else document


@fault("image-gif", breaks=("IV-OUT-FORMAT",), also=("IV-OUT-B64-PNG",))
class ImageGif(Service):
    """Makes GIFs instead of PNGs."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)), "GIF")


@fault("image-jpeg", breaks=("IV-OUT-B64-PNG",))
class ImageJpeg(Service):
    """Sends JPEGs instead of PNGs in b64_json."""

    def encoded(self, image: bytes) -> str:
        return super().encoded(_saved(_opened(image), "JPEG"))


@fault("image-jpeg-unless-alpha", breaks=("IV-OUT-B64-PNG",))
class ImageJpegUnlessAlpha(Service):
    """Sends JPEGs instead of PNGs in b64_json, unless the uploaded picture has an alpha channel."""

    def read_image(self, part: Part) -> Image.Image:
        picture = super().read_image(part)
        with Image.open(io.BytesIO(part.content)) as uploaded:
            picture.info["alpha"] = "A" in uploaded.mode
        return picture

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        images = await super().make(picture, wanted)
        if wanted.response_format == "url" or picture.info.get("alpha"):
            return images
        return [_saved(_opened(image), "JPEG") for image in images]


# --- encoding


@fault("image-cut", breaks=("IV-OUT-B64",))
class ImageCut(Service):
    """Sends only the first half of the PNG file in b64_json."""

    def encoded(self, image: bytes) -> str:
        return super().encoded(image[: len(image) // 2])


@fault("image-a-text", breaks=("IV-OUT-B64",))
class ImageAText(Service):
    """Sends a base64-encoded text instead of an image in b64_json."""

    def encoded(self, image: bytes) -> str:
        return super().encoded(b"an image was made")


@fault("base64-for-urls", breaks=("IV-OUT-B64",))
class Base64ForUrls(Service):
    """Uses the URL-safe base64 alphabet in b64_json."""

    def encoded(self, image: bytes) -> str:
        return base64.urlsafe_b64encode(image).decode()


@fault("base64-in-lines", breaks=("IV-OUT-B64",))
class Base64InLines(Service):
    """Breaks the base64 in b64_json into lines."""

    def encoded(self, image: bytes) -> str:
        return base64.encodebytes(image).decode()


@fault("base64-unpadded", breaks=("IV-OUT-B64",))
class Base64Unpadded(Service):
    """Omits the padding of the base64 in b64_json."""

    def encoded(self, image: bytes) -> str:
        # A third of all files need no padding. A byte after the end of the PNG ensures that padding is needed.
        return super().encoded(image if len(image) % 3 else image + b"\0").rstrip("=")


@fault("base64-with-prefix", breaks=("IV-OUT-B64",))
class Base64WithPrefix(Service):
    """Sends a data URL instead of plain base64 in b64_json."""

    def encoded(self, image: bytes) -> str:
        return "data:image/png;base64," + super().encoded(image)
