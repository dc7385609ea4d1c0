"""New images of other kinds, each of which is an image."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Unpack

from PIL import Image, PngImagePlugin

from ..app.service import Service, ServiceOptions, Wanted
from ..app.variations import VariationMaker
from .registry import QuirkFamily

if TYPE_CHECKING:
    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("pictures")

_ANY_PNG = "reading: a complete image, best of all a PNG, of whatever kind"
_ANY_FORMAT = "IV-OUT-FORMAT"


def _opened(file: bytes) -> Image.Image:
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        return image


def _saved(image: Image.Image, file_format: str, **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **how)
    return file.getvalue()


# --- PNGs


@quirk("png-with-alpha", by=_ANY_PNG)
class PngWithAlpha(Service):
    """Makes PNGs whose left edge is transparent."""

    def make_one(self, maker: VariationMaker) -> bytes:
        image = _opened(super().make_one(maker)).convert("RGBA")
        image.paste((0, 0, 0, 0), (0, 0, maker.side // 64, maker.side))
        return _saved(image, "PNG", compress_level=1)


@quirk("png-with-palette", by=_ANY_PNG)
class PngWithPalette(Service):
    """Makes PNGs of 256 colours."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)).quantize(method=Image.Quantize.FASTOCTREE), "PNG")


@quirk("png-with-texts", by=_ANY_PNG)
class PngWithTexts(Service):
    """Makes PNGs with texts in them, and pixels that are hardly packed."""

    def make_one(self, maker: VariationMaker) -> bytes:
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Software", "reference server")
        texts.add_itxt("Comment", "変" * 500, zip=True)
        return _saved(_opened(super().make_one(maker)), "PNG", compress_level=0, pnginfo=texts, dpi=(72, 72))


# --- other formats


class _Saying(Service):
    """A Service that says in output_format what its images are, where that has a value."""

    said: str | None = None

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        document = super().document(request, images, wanted)
        return {**document, "output_format": self.said} if self.said and isinstance(document, dict) else document


@quirk("jpeg-links", by=_ANY_FORMAT)
class JpegLinks(Service):
    """Gives links to JPEGs, says nothing of it, and makes PNGs for b64_json."""

    def hang(self, image: bytes) -> str:
        return super().hang(_saved(_opened(image), "JPEG"))


@quirk("jpeg-said", by=_ANY_FORMAT, warns=("IV-OUT-B64-PNG",))
class JpegSaid(_Saying):
    """Makes JPEGs, and says so in output_format."""

    said = "jpeg"

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)), "JPEG")


@quirk("webp-said", by=_ANY_FORMAT, warns=("IV-OUT-B64-PNG",))
class WebpSaid(_Saying):
    """Makes WebPs, and says so in output_format."""

    said = "webp"

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)), "WEBP", quality=80, method=0)


@quirk("webp-unsaid", by=_ANY_FORMAT, warns=("IV-OUT-B64-PNG",))
class WebpUnsaid(Service):
    """Makes WebPs, and says nothing of it."""

    def make_one(self, maker: VariationMaker) -> bytes:
        return _saved(_opened(super().make_one(maker)), "WEBP", quality=80, method=0)


# --- chance


@quirk("same-again", by="nothing said of chance: the images of one answer differ, those of two may not")
class SameAgain(Service):
    """Makes the same images of the same picture, each time."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        options.setdefault("seed", 7)
        super().__init__(**options)
