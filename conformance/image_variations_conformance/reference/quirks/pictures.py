"""New images of unusual kinds and formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Unpack

from PIL import Image, PngImagePlugin

from ..app.service import Service, ServiceOptions, Wanted
from ..app.variations import VariationMaker
from ..faults.factories import draws, loaded, saved
from ..registry import Change, QuirkFamily

if TYPE_CHECKING:
    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("pictures")

_ANY_PNG = "reading: a complete image, preferably a PNG, of any kind"
_ANY_FORMAT = "IV-OUT-FORMAT"


# --- PNGs


def _with_edge(image: Image.Image) -> bytes:
    """Return a PNG with a transparent left edge."""
    image = image.convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, image.width // 64, image.height))
    return saved(image, "PNG", compress_level=1)


def _with_texts(image: Image.Image) -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Software", "reference server")
    texts.add_itxt("Comment", "変" * 500, zip=True)
    return saved(image, "PNG", compress_level=0, pnginfo=texts, dpi=(72, 72))


def _with_palette(image: Image.Image) -> bytes:
    picture = image.quantize(method=Image.Quantize.FASTOCTREE)
    # The transparent colour of an RGB picture is no index of the palette.
    picture.info.pop("transparency", None)
    return saved(picture, "PNG")


# fmt: off
quirk("png-with-alpha", _ANY_PNG, "Makes PNGs with a transparent left edge.",
      draws((), lambda image, _: _with_edge(image)))
quirk("png-with-palette", _ANY_PNG, "Makes PNGs with a palette of 256 colours.",
      draws((), lambda image, _: _with_palette(image)))
quirk("png-with-texts", _ANY_PNG, "Makes PNGs with text chunks and uncompressed pixels.",
      draws((), lambda image, _: _with_texts(image)))
# fmt: on

# --- other formats


def _says(name: str, value: str, file: Callable[[Image.Image], bytes], *warns: str) -> Change:
    """Make files of another kind, and say so in a member of the response."""

    class Says(Service):
        def make_one(self, maker: VariationMaker) -> bytes:
            return file(loaded(super().make_one(maker)))

        def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
            document = super().document(request, images, wanted)
            return {**document, name: value} if isinstance(document, dict) else document

    return Change(Says, warns)


def _jpeg(image: Image.Image) -> bytes:
    return saved(image, "JPEG")


def _webp(image: Image.Image) -> bytes:
    return saved(image, "WEBP", quality=80, method=0)


# fmt: off
quirk("jpeg-said", _ANY_FORMAT, "Makes JPEGs, with jpeg as output_format.",
      _says("output_format", "jpeg", _jpeg, "IV-OUT-B64-PNG"))
quirk("webp-said", _ANY_FORMAT, "Makes WebPs, with webp as output_format.",
      _says("output_format", "webp", _webp, "IV-OUT-B64-PNG"))
quirk("webp-unsaid", _ANY_FORMAT, "Makes WebPs, without an output_format.",
      draws("IV-OUT-B64-PNG", lambda image, _: _webp(image)))
quirk("background-said",
      "IV-RES-BACKGROUND-TRUE", "Makes PNGs with a transparent left edge, with transparent as background.",
      _says("background", "transparent", _with_edge))
# fmt: on


@quirk.service("jpeg-links", _ANY_FORMAT)
class JpegLinks(Service):
    """Serves JPEGs by link, without an output_format, and sends PNGs in b64_json."""

    def hang(self, image: bytes) -> str:
        return super().hang(_jpeg(loaded(image)))


# --- randomness


@quirk.service("same-again", "unspecified: only the images of one response must differ")
class SameAgain(Service):
    """Makes the same images of a picture each time."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        options.setdefault("seed", 7)
        super().__init__(**options)
