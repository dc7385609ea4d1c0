"""Faults in the number, size, content, format and encoding of the new images."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from attrs import evolve
from PIL import Image, PngImagePlugin

from ..app.form import Part
from ..app.service import Service, Wanted
from ..registry import Change, FaultFamily
from .factories import Ids, answers, draws, encodes, ids_of, loaded, member, placeholder, reads, saved
from .features import GREY_ALPHA, RGBA, png_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from ..app.variations import VariationMaker

fault = FaultFamily("semantics")

_COUNT, _SIZE, _B64, _CANONICAL = "IV-RES-COUNT", "IV-OUT-SIZE", "IV-OUT-B64", "IV-OUT-B64-CANONICAL"


def _makes(breaks: Ids, images: Callable[[list[bytes], int], list[bytes]], count: Callable[[int], int]) -> Change:
    """Make `count` images for a request of a number of them, and send what `images` makes of these and that number."""

    class Makes(Service):
        async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
            made = await super().make(picture, evolve(wanted, count=count(wanted.count)))
            return images(made, wanted.count)

    return Change(Makes, ids_of(breaks))


def _same(made: list[bytes], _: int) -> list[bytes]:
    return made


# --- number

# fmt: off
fault("n-capped", "Makes at most four images, without refusing a larger n.",
      _makes(_COUNT, _same, lambda count: min(count, 4)))
fault("n-ignored", "Ignores n and always makes one image.", _makes(_COUNT, _same, lambda _: 1))
fault("one-too-many", "Makes one image more than requested.",
      _makes(_COUNT, _same, lambda count: count + 1), also=("IV-N-DEFAULT",))
fault("one-too-few", "Makes one image fewer than requested, if that is several.",
      _makes(_COUNT, _same, lambda count: max(count - 1, 1)))
fault("last-of-ten-lost", "Makes nine images for n=10.", _makes(_COUNT, _same, lambda count: min(count, 9)))

# --- size

fault("size-ignored", "Ignores size and always makes images of the default size.",
      reads(_SIZE, size=lambda sent: sent if sent is None or sent not in {"256x256", "512x512"} else None))
fault("size-512-made-256", "Makes images of 256x256 pixels for the size 512x512.",
      reads(_SIZE, size=lambda sent: "256x256" if sent == "512x512" else sent))
fault("one-pixel-short", "Makes images that are one pixel too narrow.",
      draws(_SIZE, lambda image, _: image.crop((0, 0, image.width - 1, image.height))), also=("IV-SIZE-DEFAULT",))
fault("size-doubled", "Makes images of twice the size.",
      draws(_SIZE, lambda image, _: image.resize((image.width * 2, image.height * 2))), also=("IV-SIZE-DEFAULT",))

# --- content

_SAME = ("IV-OUT-BLANK", "IV-OUT-DISTINCT")
fault("image-unchanged", "Returns the uploaded picture itself, scaled to the requested size.",
      draws("IV-OUT-CHANGED", lambda _, maker: maker.picture.resize(maker.size)), also=_SAME)
fault("image-blank", "Makes images that are completely black.",
      draws("IV-OUT-BLANK", lambda image, _: Image.new("RGB", image.size, "black")),
      also=("IV-OUT-DISTINCT", "IV-OUT-RESEMBLES"))
fault("image-transparent", "Makes images that are completely transparent.",
      draws("IV-OUT-BLANK", lambda image, _: Image.new("RGBA", image.size)),
      also=("IV-OUT-CHANGED", "IV-OUT-DISTINCT", "IV-OUT-RESEMBLES"))
fault("images-equal", "Returns the same image n times in one response.",
      _makes("IV-OUT-DISTINCT", lambda made, count: made * count, lambda _: 1))
fault("last-image-repeated", "Returns the first image in place of the last one, if there are several.",
      _makes("IV-OUT-DISTINCT", lambda made, _: [*made[:-1], made[0]], lambda count: count))
# fmt: on


@fault.service("image-unrelated", "IV-OUT-RESEMBLES")
class ImageUnrelated(Service):
    """Makes variations of a fixed picture instead of the uploaded one."""

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        return await super().make(placeholder(), wanted)


# --- format

# fmt: off
fault("format-said-webp", "Sends webp as output_format although the images are PNGs.",
      answers("IV-OUT-FORMAT", member("output_format", "webp")))
fault("format-said-jpeg", "Sends jpeg as output_format although the images are PNGs.",
      answers("IV-OUT-FORMAT", member("output_format", "jpeg")))
fault("image-gif", "Makes GIFs instead of PNGs.",
      draws("IV-OUT-FORMAT", lambda image, _: saved(image, "GIF")), also=("IV-OUT-B64-PNG",))
fault("image-bmp", "Makes BMPs instead of PNGs.",
      draws("IV-OUT-FORMAT", lambda image, _: saved(image, "BMP")), also=("IV-OUT-B64-PNG",))
fault("image-jpeg", "Sends JPEGs instead of PNGs in b64_json.",
      encodes("IV-OUT-B64-PNG", lambda image: saved(loaded(image), "JPEG")))
# fmt: on


@fault.service("image-jpeg-unless-alpha", "IV-OUT-B64-PNG")
class ImageJpegUnlessAlpha(Service):
    """Sends JPEGs instead of PNGs in b64_json, unless the uploaded picture has an alpha channel."""

    def read_image(self, part: Part) -> Image.Image:
        picture = super().read_image(part)
        picture.info["alpha"] = png_info(part.content).colour in {GREY_ALPHA, RGBA}
        return picture

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        images = await super().make(picture, wanted)
        if wanted.response_format == "url" or picture.info.get("alpha"):
            return images
        return [saved(loaded(image), "JPEG") for image in images]


@fault.service("background-said-opaque", "IV-RES-BACKGROUND-TRUE")
class BackgroundSaidOpaque(Service):
    """Makes images with a transparent left half, with opaque as background."""

    def make_one(self, maker: VariationMaker) -> bytes:
        image = loaded(super().make_one(maker)).convert("RGBA")
        image.paste((0, 0, 0, 0), (0, 0, image.width // 2, image.height))
        return saved(image, "PNG", compress_level=1)

    def success(self, document: object) -> Response:
        return super().success({**document, "background": "opaque"} if isinstance(document, dict) else document)


@fault.service("key-in-image", "IV-ERR-SECRETS")
class KeyInImage(Service):
    """Writes the API key in a text of each image, as the one that it was made for."""

    def make_one(self, maker: VariationMaker) -> bytes:
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Requester", self.api_key)
        return saved(loaded(super().make_one(maker)), "PNG", compress_level=1, pnginfo=texts)


# --- encoding


def _with_bits(padding: int) -> Change:
    """Set an unused bit of base64 with this number of padding characters, which each image gets."""

    def encode(image: bytes) -> str:
        # Bytes after the end of the PNG make the padding as long as it has to be.
        image += bytes((-padding - len(image)) % 3)
        text = base64.b64encode(image).decode()
        letter = text[-padding - 1]
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return text[: -padding - 1] + alphabet[alphabet.index(letter) + 1] + "=" * padding

    return encodes(_CANONICAL, encode)


# fmt: off
fault("base64-bits-set", "Sets an unused bit before the padding == of base64.", _with_bits(2))
fault("base64-bit-set-before-one-sign", "Sets an unused bit before the padding = of base64.", _with_bits(1))
fault("image-cut", "Sends only the first half of the PNG file in b64_json.",
      encodes(_B64, lambda image: image[: len(image) // 2]))
fault("image-end-cut", "Sends a PNG file without its last chunk in b64_json.", encodes(_B64, lambda image: image[:-12]))
fault("image-checksum-wrong", "Sends a PNG file with a wrong checksum in b64_json.",
      encodes(_B64, lambda image: image[:29] + bytes([image[29] ^ 1]) + image[30:]))
fault("image-a-text", "Sends a base64-encoded text instead of an image in b64_json.",
      encodes(_B64, lambda _: b"an image was made"))
fault("base64-twice", "Encodes the image in base64 twice.", encodes(_B64, base64.b64encode))
fault("base64-as-hexadecimal", "Sends hexadecimal digits in b64_json.", encodes(_B64, lambda image: image.hex()))
fault("base64-as-python-writes-it", "Sends the repr of Python bytes in b64_json.",
      encodes(_B64, lambda image: repr(base64.b64encode(image))))
fault("base64-for-urls", "Uses the URL-safe base64 alphabet in b64_json.",
      encodes(_B64, lambda image: base64.urlsafe_b64encode(image).decode()))
fault("base64-in-lines", "Breaks the base64 in b64_json into lines.",
      encodes(_B64, lambda image: base64.encodebytes(image).decode()))
fault("base64-line-end", "Ends the base64 in b64_json with a line end.",
      encodes(_B64, lambda image: base64.b64encode(image).decode() + "\n"))
fault(
    "base64-unpadded",
    "Omits the padding of the base64 in b64_json.",
    # A third of all files need no padding. A byte after the end of the PNG ensures that padding is needed.
    encodes(_B64, lambda image: base64.b64encode(image if len(image) % 3 else image + b"\0").decode().rstrip("=")),
)
fault("base64-with-prefix", "Sends a data URL instead of plain base64 in b64_json.",
      encodes(_B64, lambda image: "data:image/png;base64," + base64.b64encode(image).decode()))
