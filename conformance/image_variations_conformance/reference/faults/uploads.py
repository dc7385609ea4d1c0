"""Faults in the validation of the uploaded image: missing, refused though it is valid, too large, or by its labels."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image

from ...media import png
from ..app.form import Part, read_form
from ..app.picture import PIXEL_CHUNKS, SIGNATURE, chunks
from ..app.service import Service, Wanted
from ..registry import Change, FaultFamily
from .factories import NO_5XX, accepts, crashes_on, limits_bytes, refuses
from .features import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, PngInfo, image, image_part, long_text, png_info
from .no_response import Failure

if TYPE_CHECKING:
    from ..app.incoming import IncomingRequest

fault = FaultFamily("validation")

_PNG, _KINDS, _SIDES, _CHUNKS = "IV-IMAGE-PNG", "IV-IMAGE-PNG-KINDS", "IV-IMAGE-PNG-SIDES", "IV-IMAGE-PNG-CHUNKS"
_TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_KNOWN_CHUNKS = _TEXT_CHUNKS | {
    *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"eXIf", b"tIME"),
    *(b"acTL", b"fcTL", b"fdAT"),
}


def _refuses(breaks: str, test: Callable[[PngInfo], bool], status: Failure = 400) -> Change:
    """Refuse a valid image that has a property."""
    return refuses(breaks, image(test), status, param="image")


def _is_transparent(part: Part) -> bool:
    if png_info(part.content).colour != RGBA:
        return False
    # Without its texts, of which Pillow refuses those of more than 1 MiB.
    pixels = b"".join(chunk for kind, chunk in chunks(part.content) if kind in PIXEL_CHUNKS)
    with Image.open(io.BytesIO(SIGNATURE + pixels)) as picture:
        return picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0)


# --- the image is required

# fmt: off
fault("image-optional", "Accepts a form without an image, and makes variations of a placeholder.",
      accepts("IV-IMAGE-REQUIRED"))
fault("missing-image-crashes", "Answers 500 to a form without an image.", crashes_on("IV-IMAGE-REQUIRED"))
fault("missing-image-dropped", "Cuts the connection of a form without an image.",
      crashes_on("IV-IMAGE-REQUIRED", "drop"))

# --- valid PNGs

fault("alpha-required", "Refuses an RGB PNG without an alpha channel.",
      refuses(_PNG, image(lambda info: info.colour == RGB), param="image",
              message="image must have the format RGBA, LA or L."), also=(_KINDS,))
fault("alpha-refused", "Refuses an RGBA PNG.",
      refuses(_PNG, image(lambda info: info.colour == RGBA), param="image", message="image must have no transparency."))
fault("alpha-crashes", "Answers 500 to an RGBA PNG, which it cannot save as a JPEG.",
      _refuses(_PNG, lambda info: info.colour == RGBA, 500))
fault("transparent-crashes", "Answers 500 to a wholly transparent PNG.",
      refuses(_PNG, image_part(_is_transparent), 500))
fault("palette-refused", "Refuses a PNG with a palette.", _refuses(_KINDS, lambda info: info.colour == PALETTE))
fault("grey-refused", "Refuses a grey PNG.", _refuses(_KINDS, lambda info: info.colour == GREY))
fault("grey-alpha-crashes", "Answers 500 to a grey PNG with an alpha channel.",
      _refuses(_KINDS, lambda info: info.colour == GREY_ALPHA, 500))
fault("one-bit-refused", "Refuses a PNG of one bit a sample.", _refuses(_KINDS, lambda info: info.depth == 1))
fault("sixteen-bit-refused", "Refuses a PNG of 16 bits a sample.", _refuses(_KINDS, lambda info: info.depth == 16))
fault("sixteen-bit-crashes", "Answers 500 to a PNG of 16 bits a sample.",
      _refuses(_KINDS, lambda info: info.depth == 16, 500))
fault("interlaced-refused", "Refuses an interlaced PNG.", _refuses(_KINDS, lambda info: info.interlaced))
fault("one-pixel-refused", "Refuses a PNG of 1x1 pixels.", _refuses(_KINDS, lambda info: info.side == 1))
fault("one-pixel-crashes", "Answers 500 to a PNG of 1x1 pixels.", _refuses(_KINDS, lambda info: info.side == 1, 500))

fault("odd-side-refused", "Refuses a PNG with an odd number of pixels a side.",
      _refuses(_SIDES, lambda info: info.side % 2 == 1 and info.side > 1))
fault("two-pixels-refused", "Refuses a PNG of 2x2 pixels.", _refuses(_SIDES, lambda info: info.side == 2))
fault("few-pixels-crash", "Answers 500 to a PNG of fewer than 8 pixels a side, which its model cannot scale.",
      _refuses(_SIDES, lambda info: 1 < info.side < 8, 500))
fault("side-over-1024-refused", "Refuses a PNG of more than 1,024 pixels a side.",
      _refuses(_SIDES, lambda info: info.side > 1024))
fault("side-2048-crashes", "Answers 500 to a PNG of 2,048 pixels a side.",
      _refuses(_SIDES, lambda info: info.side >= 2048, 500))
fault("dense-picture-refused", "Refuses a PNG of more than 60 pixels a byte, which might be an attack on its decoder.",
      _refuses(_SIDES, lambda info: info.side**2 > 60 * info.size_bytes))
fault("side-1000-refused", "Refuses a PNG of more than 64 pixels a side that is no multiple of 8.",
      _refuses(_SIDES, lambda info: info.side > 64 and info.side % 8 > 0))

fault("ancillary-chunks-refused", "Refuses a PNG with any chunk that does not define its pixels.",
      _refuses(_CHUNKS, lambda info: bool(info.ancillary)), also=("IV-IMAGE-PNG-ANIMATED", "IV-IMAGE-UP-TO-LIMIT"))
fault("private-chunks-refused", "Refuses a PNG with a chunk that the specification does not name.",
      _refuses(_CHUNKS, lambda info: bool(info.ancillary - _KNOWN_CHUNKS)), also=("IV-IMAGE-UP-TO-LIMIT",))
fault("text-chunks-crash", "Answers 500 to a PNG with texts.",
      _refuses(_CHUNKS, lambda info: not info.ancillary.isdisjoint(_TEXT_CHUNKS), 500))
fault("long-compressed-text-crashes", "Answers 500 to a PNG with a compressed text of more than 1 MiB, as Pillow does.",
      refuses(_CHUNKS, image_part(long_text), 500))
fault("text-keyword-crashes", "Answers 500 to a PNG with a text named transparency, as Pillow does.",
      refuses(_CHUNKS, image_part(lambda part: b"tEXttransparency\0" in part.content), 500))
fault("colour-profile-crashes", "Answers 500 to a PNG with a colour profile.",
      _refuses(_CHUNKS, lambda info: b"iCCP" in info.chunks, 500))
fault("exif-refused", "Refuses a PNG with Exif data.", _refuses(_CHUNKS, lambda info: b"eXIf" in info.chunks))
fault("many-chunks-refused", "Refuses a PNG with more than 100 chunks.",
      _refuses(_CHUNKS, lambda info: len(info.chunks) - info.chunks.count(b"IDAT") > 100))
fault("transparent-colour-crashes", "Answers 500 to an RGB PNG with a transparent colour.",
      _refuses(_CHUNKS, lambda info: b"tRNS" in info.chunks and info.colour == RGB, 500))
fault("palette-and-transparency-refused", "Refuses an RGB PNG with a palette and a transparent colour.",
      _refuses(_CHUNKS, lambda info: info.colour == RGB and {b"PLTE", b"tRNS"} <= set(info.chunks)))
fault("animated-refused", "Refuses an animated PNG.",
      _refuses("IV-IMAGE-PNG-ANIMATED", lambda info: b"acTL" in info.chunks))
fault("animated-crashes", "Answers 500 to an animated PNG.",
      _refuses("IV-IMAGE-PNG-ANIMATED", lambda info: b"acTL" in info.chunks, 500))

# --- bytes

fault("large-accepted", "Accepts images of less than 32 MiB.", limits_bytes("IV-IMAGE-MAX-BYTES", 32 * 1024 * 1024))
fault("limit-one-byte-off", "Accepts an image of exactly 4,194,304 bytes, the size at which refusal is required.",
      limits_bytes("IV-IMAGE-MAX-BYTES", 4_194_304 + 1))
fault("large-crashes", "Answers 500 to an image that is too large.", crashes_on("IV-IMAGE-MAX-BYTES"))
fault("large-502", "Answers 502 to an image that is too large, which its upstream server refuses.",
      crashes_on("IV-IMAGE-MAX-BYTES", 502))
fault("limit-one-megabyte", "Refuses images of 1 MiB or more, as web servers do by default.",
      limits_bytes("IV-IMAGE-UP-TO-LIMIT", 1024 * 1024), also=("IV-ERR-PARAM",))
fault("limit-two-megabytes", "Refuses images of 2 MiB or more, as PHP does by default.",
      limits_bytes("IV-IMAGE-UP-TO-LIMIT", 2 * 1024 * 1024), also=("IV-ERR-PARAM",))
fault("large-image-times-out", "Answers 504 to an image of more than 1 MB, as a gateway with a short timeout does.",
      _refuses("IV-IMAGE-UP-TO-LIMIT", lambda info: info.size_bytes > 1_000_000, 504))
fault("large-image-crashes", "Answers 500 to an image of more than 1 MiB, which its form parser stores in a file.",
      _refuses("IV-IMAGE-UP-TO-LIMIT", lambda info: info.size_bytes > 1024 * 1024, 500))
# fmt: on

# --- file name and part type


def _type_of(part: Part) -> str:
    return (part.content_type or "").partition(";")[0].strip().lower()


# fmt: off
fault("extension-required", "Refuses a PNG whose file name does not end in .png.",
      refuses("IV-IMAGE-BY-BYTES",
              image_part(lambda part: bool(part.filename) and not (part.filename or b"").endswith(b".png")),
              param="image", message="image must be a PNG file."))
fault("extension-crashes", "Answers 500 to a PNG whose file name has no dot.",
      refuses("IV-IMAGE-BY-BYTES", image_part(lambda part: bool(part.filename) and b"." not in (part.filename or b"")),
              500))
fault("part-type-checked",
      "Refuses a PNG in a part with another Content-Type than image/png or application/octet-stream.",
      refuses("IV-IMAGE-BY-BYTES",
              image_part(lambda part: part.content_type not in {None, "image/png", "application/octet-stream"}),
              param="image", message="image must be of the type image/png."))
fault("form-type-refused", "Refuses a PNG in a part with the type of a form, whose content it decodes as text.",
      refuses("IV-IMAGE-BY-BYTES", image_part(lambda part: _type_of(part).startswith("application/x-www-form")),
              param="image"))
fault("name-of-dots-dropped", "Takes an image whose file name is a folder for missing.",
      refuses("IV-IMAGE-BY-BYTES", image_part(lambda part: (part.filename or b"x").strip(b"./") == b""),
              param="image", message="image is missing."))
fault("jpeg-type-refused", "Refuses a PNG in a part with the Content-Type image/jpeg.",
      refuses("IV-IMAGE-BY-BYTES", image_part(lambda part: _type_of(part) == "image/jpeg"), 415, param="image"))
fault("octet-stream-refused", "Refuses a PNG in a part with the Content-Type application/octet-stream.",
      refuses("IV-IMAGE-OCTET-STREAM", image_part(lambda part: _type_of(part) == "application/octet-stream"),
              param="image", message="image must be of the type image/png."))
fault("untyped-part-refused", "Refuses an image in a part without a Content-Type.",
      refuses("IV-IMAGE-OCTET-STREAM", image_part(lambda part: part.content_type is None), param="image"))
fault("untyped-part-crashes", "Answers 500 to an image in a part without a Content-Type.",
      refuses("IV-IMAGE-OCTET-STREAM", image_part(lambda part: part.content_type is None), 500))
fault("file-name-required", "Treats an image part without a file name as missing.",
      refuses("IV-IMAGE-NO-FILENAME", image_part(lambda part: part.filename is None), param="image",
              message="image is missing."))
fault("file-name-missing-crashes", "Answers 500 to an image part without a file name.",
      refuses("IV-IMAGE-NO-FILENAME", image_part(lambda part: not part.filename), 500))
fault("file-name-over-255-crashes", "Answers 500 to a file name longer than most file systems store.",
      refuses(NO_5XX, image_part(lambda part: len(part.filename or b"") > 255), 500))
fault("part-type-without-slash-crashes", "Answers 500 to a part whose Content-Type has no slash.",
      refuses(NO_5XX, image_part(lambda part: "/" not in (part.content_type or "/")), 500))
# fmt: on


@fault.service("transparency-blanks", "IV-OUT-BLANK", also=("IV-OUT-DISTINCT", "IV-OUT-RESEMBLES"))
class TransparencyBlanks(Service):
    """Makes black images of a picture in which some pixel is transparent."""

    def read_image(self, part: Part) -> Image.Image:
        picture = super().read_image(part)
        return Image.new("RGB", picture.size) if png_info(part.content).colour in {RGBA, GREY_ALPHA} else picture

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        if picture.getbbox() is not None:
            return await super().make(picture, wanted)
        return [png.encode(Image.new("RGB", wanted.size or picture.size))] * wanted.count


@fault.service("chunked-limit-missing", "IV-IMAGE-MAX-BYTES")
class ChunkedLimitMissing(Service):
    """Accepts images of any size in chunked coding, since it looks at the Content-Length alone."""

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        limit = 32 * 1024 * 1024 if request.declared is None else self.image_bytes
        return await read_form(request, boundary, self.field_names, self.image_fields, limit)
