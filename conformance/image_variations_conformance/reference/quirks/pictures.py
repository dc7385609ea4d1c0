"""New images of unusual kinds and formats."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Unpack

from PIL import Image, PngImagePlugin

from ..app.service import Service, ServiceOptions, Wanted
from ..app.variations import VariationMaker
from ..registry import QuirkFamily

if TYPE_CHECKING:
    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("pictures")

_ANY_PNG = "reading: a complete image, preferably a PNG, of any kind"
_ANY_FORMAT = "IV-OUT-FORMAT"


def _opened(file: bytes) -> Image.Image:
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        return image


def _saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


# --- PNGs


@quirk("png-with-alpha", by=_ANY_PNG)
class PngWithAlpha(Service):
    """Makes PNGs with a transparent left edge."""

    def make_one(self, maker: VariationMaker) -> bytes:
        image = _opened(super().make_one(maker)).convert("RGBA")
        image.paste((0, 0, 0, 0), (0, 0, maker.size[0] // 64, maker.size[1]))
        return _saved(image, "PNG", compress_level=1)


@quirk("png-with-palette", by=_ANY_PNG)
class PngWithPalette(Service):
    """Makes PNGs with a palette of 256 colours."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)).quantize(method=Image.Quantize.FASTOCTREE), "PNG")


@quirk("png-with-texts", by=_ANY_PNG)
class PngWithTexts(Service):
    """Makes PNGs with text chunks and uncompressed pixels."""

    def make_one(self, maker: VariationMaker) -> bytes:
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Software", "reference server")
        texts.add_itxt("Comment", "変" * 500, zip=True)
        return _saved(_opened(super().make_one(maker)), "PNG", compress_level=0, pnginfo=texts, dpi=(72, 72))


# --- other formats


class _Announcing(Service):
    """A Service that sends the format of its images in output_format."""

    announced_format: str | None = None

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        document = super().document(request, images, wanted)
        if self.announced_format and isinstance(document, dict):
            return {**document, "output_format": self.announced_format}
        return document


@quirk("jpeg-links", by=_ANY_FORMAT)
class JpegLinks(Service):
    """Serves JPEGs by link, without an output_format, and sends PNGs in b64_json."""

    def hang(self, image: bytes) -> str:
        return super().hang(_saved(_opened(image), "JPEG"))


@quirk("jpeg-said", by=_ANY_FORMAT, warns=("IV-OUT-B64-PNG",))
class JpegSaid(_Announcing):
    """Makes JPEGs, with jpeg as output_format."""

    announced_format = "jpeg"

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)), "JPEG")


@quirk("webp-said", by=_ANY_FORMAT, warns=("IV-OUT-B64-PNG",))
class WebpSaid(_Announcing):
    """Makes WebPs, with webp as output_format."""

    announced_format = "webp"

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)), "WEBP", quality=80, method=0)


@quirk("webp-unsaid", by=_ANY_FORMAT, warns=("IV-OUT-B64-PNG",))
class WebpUnsaid(Service):
    """Makes WebPs, without an output_format."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)), "WEBP", quality=80, method=0)


# --- randomness


@quirk("same-again", by="unspecified: only the images of one response must differ")
class SameAgain(Service):
    """Makes the same images of a picture each time."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        options.setdefault("seed", 7)
        super().__init__(**options)
