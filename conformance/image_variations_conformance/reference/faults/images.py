"""Images that are too many, too few, or not what was asked for."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from attrs import evolve
from PIL import Image

from ..app.form import Part
from ..app.service import Service, Wanted
from ..app.variations import VariationMaker, png
from .fault_helpers import placeholder
from .registry import FaultFamily

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


# --- how many


@fault("n-capped", breaks=("IV-RES-COUNT",))
class NCapped(Service):
    """Makes four images at the most, and says nothing of it."""

    def count(self, n: str | None) -> int:
        return min(super().count(n), 4)


@fault("n-ignored", breaks=("IV-RES-COUNT",))
class NIgnored(Service):
    """Makes one image, whatever n is."""

    def count(self, n: str | None) -> int:
        return min(super().count(n), 1)


@fault("one-too-many", breaks=("IV-RES-COUNT",), also=("IV-N-DEFAULT",))
class OneTooMany(Service):
    """Makes one image more than asked for."""

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        return await super().make(picture, evolve(wanted, count=wanted.count + 1))


# --- of what size


@fault("size-ignored", breaks=("IV-OUT-SIZE",))
class SizeIgnored(Service):
    """Makes images of 1024x1024, whatever size is."""

    def side(self, size: str) -> int:
        return 1024


@fault("one-pixel-short", breaks=("IV-OUT-SIZE",), also=("IV-SIZE-DEFAULT",))
class OnePixelShort(Service):
    """Makes images that lack a column of pixels."""

    def make_one(self, maker: VariationMaker) -> bytes:
        image = _opened(super().make_one(maker))
        return png(image.crop((0, 0, image.width - 1, image.height)))


# --- of what


@fault("image-unchanged", breaks=("IV-OUT-CHANGED",), also=("IV-OUT-BLANK", "IV-OUT-DISTINCT"))
class ImageUnchanged(Service):
    """Gives back the picture that was sent, in the size asked for."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return png(maker.picture.resize((maker.side, maker.side)))


@fault("image-blank", breaks=("IV-OUT-BLANK",), also=("IV-OUT-DISTINCT", "IV-OUT-RESEMBLES"))
class ImageBlank(Service):
    """Makes images of one colour."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return png(Image.new("RGB", (maker.side, maker.side), "black"))


@fault("images-equal", breaks=("IV-OUT-DISTINCT",))
class ImagesEqual(Service):
    """Gives one image many times in an answer."""

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        return await super().make(picture, evolve(wanted, count=1)) * wanted.count


@fault("image-unrelated", breaks=("IV-OUT-RESEMBLES",))
class ImageUnrelated(Service):
    """Makes variations of a picture of its own."""

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        return await super().make(placeholder(), wanted)


# --- in what format


@fault("format-said-webp", breaks=("IV-OUT-FORMAT",))
class FormatSaidWebp(Service):
    """Says in output_format that its PNGs are WebP."""

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        document = super().document(request, images, wanted)
        return {**document, "output_format": "webp"} if isinstance(document, dict) else document


@fault("image-gif", breaks=("IV-OUT-FORMAT",), also=("IV-OUT-B64-PNG",))
class ImageGif(Service):
    """Makes GIFs."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)), "GIF")


@fault("image-jpeg", breaks=("IV-OUT-B64-PNG",))
class ImageJpeg(Service):
    """Makes JPEGs in b64_json."""

    def encoded(self, image: bytes) -> str:
        return super().encoded(_saved(_opened(image), "JPEG"))


@fault("image-jpeg-unless-alpha", breaks=("IV-OUT-B64-PNG",))
class ImageJpegUnlessAlpha(Service):
    """Makes JPEGs in b64_json, but for pictures with an alpha channel."""

    def read_image(self, part: Part) -> Image.Image:
        picture = super().read_image(part)
        with Image.open(io.BytesIO(part.content)) as sent:
            picture.info["alpha"] = "A" in sent.mode
        return picture

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        images = await super().make(picture, wanted)
        if wanted.response_format == "url" or picture.info.get("alpha"):
            return images
        return [_saved(_opened(image), "JPEG") for image in images]


# --- in what encoding


@fault("image-cut", breaks=("IV-OUT-B64",))
class ImageCut(Service):
    """Lacks the second half of the image in b64_json."""

    def encoded(self, image: bytes) -> str:
        return super().encoded(image[: len(image) // 2])


@fault("image-a-text", breaks=("IV-OUT-B64",))
class ImageAText(Service):
    """Has a text in b64_json, in base64, and no image."""

    def encoded(self, image: bytes) -> str:
        return super().encoded(b"an image was made")


@fault("base64-for-urls", breaks=("IV-OUT-B64",))
class Base64ForUrls(Service):
    """Writes base64 in the alphabet for URLs."""

    def encoded(self, image: bytes) -> str:
        return base64.urlsafe_b64encode(image).decode()


@fault("base64-in-lines", breaks=("IV-OUT-B64",))
class Base64InLines(Service):
    """Breaks base64 into lines."""

    def encoded(self, image: bytes) -> str:
        return base64.encodebytes(image).decode()


@fault("base64-unpadded", breaks=("IV-OUT-B64",))
class Base64Unpadded(Service):
    """Writes base64 without its padding."""

    def encoded(self, image: bytes) -> str:
        # A third of all files needs no padding. A byte behind the end of the PNG makes such a file need it.
        return super().encoded(image if len(image) % 3 else image + b"\0").rstrip("=")


@fault("base64-with-prefix", breaks=("IV-OUT-B64",))
class Base64WithPrefix(Service):
    """Writes a data URL in b64_json."""

    def encoded(self, image: bytes) -> str:
        return "data:image/png;base64," + super().encoded(image)
