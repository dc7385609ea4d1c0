"""Faults in the validation of the uploaded image."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image

from ..app.api_error import ApiError
from ..app.form import Part
from ..app.picture import SIGNATURE
from ..app.service import Service
from ..registry import Change, FaultFamily
from .factories import accepts, crashes_on, opened, placeholder, refuses
from .features import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, image, image_part

fault = FaultFamily("validation")

_PNG, _KINDS, _SIDES, _CHUNKS = "IV-IMAGE-PNG", "IV-IMAGE-PNG-KINDS", "IV-IMAGE-PNG-SIDES", "IV-IMAGE-PNG-CHUNKS"
_FORMAT, _INTACT = "IV-IMAGE-FORMAT", "IV-IMAGE-INTACT"
_TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_KNOWN_CHUNKS = _TEXT_CHUNKS | {
    *(b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"eXIf", b"tIME"),
    *(b"acTL", b"fcTL", b"fdAT"),
}


def _damage(*details: str) -> Callable[[ApiError], bool]:
    """Return whether the damage of the PNG is one of these, by the details of the errors of app/picture.py."""
    return lambda problem: problem.detail in details


def _begins(*starts: bytes) -> Callable[[ApiError], bool]:
    """Return whether the file begins with one of these."""
    return lambda problem: problem.part is not None and problem.part.content.startswith(starts)


def _is_part(test: Callable[[Part], bool]) -> Callable[[ApiError], bool]:
    """Return whether the part with the invalid image has a property."""
    return lambda problem: problem.part is not None and test(problem.part)


def _only_adler_wrong(part: Part) -> bool:
    """Return whether the stream of pixels is whole but for its checksum."""
    stream = zlib.decompressobj(-15)
    try:
        stream.decompress(_pixel_data(part.content)[2:])
    except zlib.error:
        return False
    return stream.eof


def _pixel_data(content: bytes) -> bytes:
    position, data = len(SIGNATURE), b""
    while position + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        data += content[position + 8 : position + 8 + length] if kind == b"IDAT" else b""
        position += 12 + length
    return data


def _limit(breaks: str, size_bytes: int) -> Change:
    """Refuse images from a number of bytes on."""
    return Change(type("Limit", (Service,), {"image_bytes": size_bytes}), (breaks,))


def _is_transparent(part: Part) -> bool:
    with Image.open(io.BytesIO(part.content)) as picture:
        return picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0)


def _sides_differ_by(problem: ApiError) -> int:
    """Return by how much the picture is wider than high, in pixels."""
    picture = opened(problem.part)
    return picture.width - picture.height


# --- the image is required

fault(
    "image-optional",
    "Accepts a form without an image, and makes variations of a placeholder.",
    accepts("IV-IMAGE-REQUIRED"),
)
fault("missing-image-crashes", "Answers 500 to a form without an image.", crashes_on("IV-IMAGE-REQUIRED"))
fault(
    "missing-image-dropped", "Cuts the connection of a form without an image.", crashes_on("IV-IMAGE-REQUIRED", "drop")
)

# --- valid PNGs

fault(
    "alpha-required",
    "Refuses an RGB PNG without an alpha channel.",
    refuses(
        _PNG, image(lambda info: info.colour == RGB), param="image", message="image must have the format RGBA, LA or L."
    ),
    also=(_KINDS,),
)
fault(
    "alpha-refused",
    "Refuses an RGBA PNG.",
    refuses(_PNG, image(lambda info: info.colour == RGBA), param="image", message="image must have no alpha channel."),
)
fault(
    "alpha-crashes",
    "Answers 500 to an RGBA PNG, which it cannot save as a JPEG.",
    refuses(_PNG, image(lambda info: info.colour == RGBA), 500),
)
fault(
    "transparent-crashes", "Answers 500 to a wholly transparent PNG.", refuses(_PNG, image_part(_is_transparent), 500)
)
fault(
    "palette-refused",
    "Refuses a PNG with a palette.",
    refuses(_KINDS, image(lambda info: info.colour == PALETTE), param="image"),
)
fault("grey-refused", "Refuses a grey PNG.", refuses(_KINDS, image(lambda info: info.colour == GREY), param="image"))
fault(
    "grey-alpha-crashes",
    "Answers 500 to a grey PNG with an alpha channel.",
    refuses(_KINDS, image(lambda info: info.colour == GREY_ALPHA), 500),
)
fault(
    "one-bit-refused",
    "Refuses a PNG of one bit a sample.",
    refuses(_KINDS, image(lambda info: info.depth == 1), param="image"),
)
fault(
    "sixteen-bit-refused",
    "Refuses a PNG of 16 bits a sample.",
    refuses(_KINDS, image(lambda info: info.depth == 16), param="image"),
)
fault(
    "sixteen-bit-crashes",
    "Answers 500 to a PNG of 16 bits a sample.",
    refuses(_KINDS, image(lambda info: info.depth == 16), 500),
)
fault(
    "interlaced-refused",
    "Refuses an interlaced PNG.",
    refuses(_KINDS, image(lambda info: info.interlaced), param="image"),
)
fault(
    "one-pixel-refused",
    "Refuses a PNG of 1x1 pixels.",
    refuses(_KINDS, image(lambda info: info.side == 1), param="image"),
)
fault(
    "one-pixel-crashes", "Answers 500 to a PNG of 1x1 pixels.", refuses(_KINDS, image(lambda info: info.side == 1), 500)
)

fault(
    "odd-side-refused",
    "Refuses a PNG with an odd number of pixels a side.",
    refuses(_SIDES, image(lambda info: info.side % 2 == 1 and info.side > 1), param="image"),
)
fault(
    "two-pixels-refused",
    "Refuses a PNG of 2x2 pixels.",
    refuses(_SIDES, image(lambda info: info.side == 2), param="image"),
)
fault(
    "few-pixels-crash",
    "Answers 500 to a PNG of fewer than 8 pixels a side, which its model cannot scale.",
    refuses(_SIDES, image(lambda info: 1 < info.side < 8), 500),
)
fault(
    "side-over-1024-refused",
    "Refuses a PNG of more than 1,024 pixels a side.",
    refuses(_SIDES, image(lambda info: info.side > 1024), param="image"),
)
fault(
    "side-2048-crashes",
    "Answers 500 to a PNG of 2,048 pixels a side.",
    refuses(_SIDES, image(lambda info: info.side >= 2048), 500),
)
fault(
    "side-1000-refused",
    "Refuses a PNG of more than 64 pixels a side that is no multiple of 8.",
    refuses(_SIDES, image(lambda info: info.side > 64 and info.side % 8 > 0), param="image"),
)

fault(
    "ancillary-chunks-refused",
    "Refuses a PNG with any chunk that does not define its pixels.",
    refuses(_CHUNKS, image(lambda info: bool(info.ancillary)), param="image"),
    also=("IV-IMAGE-PNG-ANIMATED",),
)
fault(
    "private-chunks-refused",
    "Refuses a PNG with a chunk that the specification does not name.",
    refuses(_CHUNKS, image(lambda info: bool(info.ancillary - _KNOWN_CHUNKS)), param="image"),
)
fault(
    "text-chunks-crash",
    "Answers 500 to a PNG with texts.",
    refuses(_CHUNKS, image(lambda info: not info.ancillary.isdisjoint(_TEXT_CHUNKS)), 500),
)
fault(
    "colour-profile-crashes",
    "Answers 500 to a PNG with a colour profile.",
    refuses(_CHUNKS, image(lambda info: b"iCCP" in info.chunks), 500),
)
fault(
    "exif-refused",
    "Refuses a PNG with Exif data.",
    refuses(_CHUNKS, image(lambda info: b"eXIf" in info.chunks), param="image"),
)
fault(
    "many-chunks-refused",
    "Refuses a PNG with more than 100 chunks.",
    refuses(_CHUNKS, image(lambda info: len(info.chunks) - info.chunks.count(b"IDAT") > 100), param="image"),
)
fault(
    "transparent-colour-crashes",
    "Answers 500 to an RGB PNG with a transparent colour.",
    refuses(_CHUNKS, image(lambda info: b"tRNS" in info.chunks and info.colour == RGB), 500),
)
fault(
    "animated-refused",
    "Refuses an animated PNG.",
    refuses("IV-IMAGE-PNG-ANIMATED", image(lambda info: b"acTL" in info.chunks), param="image"),
)
fault(
    "animated-crashes",
    "Answers 500 to an animated PNG.",
    refuses("IV-IMAGE-PNG-ANIMATED", image(lambda info: b"acTL" in info.chunks), 500),
)

# --- other formats

fault(
    "other-formats-accepted",
    "Accepts other image formats, such as JPEG, GIF, WebP and BMP.",
    accepts(_FORMAT, _is_part(lambda part: opened(part).size != placeholder().size)),
)
fault("any-file-accepted", "Accepts any file that is not empty, without a look at it.", accepts(_FORMAT))
fault("jpeg-accepted", "Accepts JPEGs in addition to PNGs.", accepts(_FORMAT, _begins(b"\xff\xd8\xff")))
fault("gif-accepted", "Accepts GIFs in addition to PNGs.", accepts(_FORMAT, _begins(b"GIF8")))
fault("webp-accepted", "Accepts WebPs in addition to PNGs.", accepts(_FORMAT, _begins(b"RIFF")))
fault("bmp-accepted", "Accepts BMPs in addition to PNGs.", accepts(_FORMAT, _begins(b"BM")))
fault(
    "file-name-believed",
    "Accepts any file whose name ends in .png.",
    accepts(_FORMAT, _is_part(lambda part: (part.filename or b"").endswith(b".png")), instead=lambda _: placeholder()),
)
fault(
    "part-type-believed",
    "Accepts any file whose part has the Content-Type image/png.",
    accepts(_FORMAT, _is_part(lambda part: part.content_type == "image/png"), instead=lambda _: placeholder()),
)
fault(
    "data-url-accepted",
    "Accepts a PNG in base64, with or without data: before it.",
    accepts(_FORMAT, _begins(b"data:image/png;base64,", b"iVBOR")),
)
fault("not-png-crashes", "Answers 500 to a file that is not a PNG.", crashes_on(_FORMAT))
fault("jpeg-crashes", "Answers 500 to a JPEG.", crashes_on(_FORMAT, when=_begins(b"\xff\xd8\xff")))
fault(
    "text-file-crashes",
    "Answers 500 to a file that is no image of any kind.",
    crashes_on(_FORMAT, when=_is_part(lambda part: opened(part).size == placeholder().size)),
)

# --- damaged PNGs

fault(
    "damaged-accepted",
    "Accepts damaged PNGs: any file with the signature of a PNG.",
    accepts(_INTACT, lambda problem: problem.detail != "empty", instead=lambda _: placeholder()),
)
fault(
    "cut-off-accepted",
    "Accepts a PNG that is cut off.",
    accepts(_INTACT, _damage("cut-off", "no-end"), instead=lambda _: placeholder()),
)
fault("end-missing-accepted", "Accepts a PNG without its end chunk.", accepts(_INTACT, _damage("no-end")))
fault(
    "checksum-ignored",
    "Accepts a PNG with a wrong checksum of a chunk.",
    accepts(_INTACT, _damage("checksum"), instead=lambda _: placeholder()),
)
fault(
    "pixel-checksum-ignored",
    "Accepts a PNG with a wrong checksum of its pixels.",
    accepts(
        _INTACT,
        lambda problem: problem.detail == "deflate" and problem.part is not None and _only_adler_wrong(problem.part),
    ),
)
fault(
    "rows-missing-accepted",
    "Accepts a PNG with fewer rows than its header says.",
    accepts(_INTACT, _damage("pixels-missing"), instead=lambda _: placeholder()),
)
fault(
    "filter-type-ignored",
    "Accepts a PNG with an unknown filter type of a row.",
    accepts(_INTACT, _damage("pixels"), instead=lambda _: placeholder()),
)
fault(
    "header-only-accepted",
    "Accepts a PNG without pixels.",
    accepts(_INTACT, _damage("no-pixels"), instead=lambda _: placeholder()),
)
fault(
    "palette-missing-accepted",
    "Accepts a PNG without the palette that its pixels refer to.",
    accepts(_INTACT, _damage("palette"), instead=lambda _: placeholder()),
)
fault(
    "pixels-never-read",
    "Reads only the chunks of a PNG, and accepts pixels that cannot be read.",
    accepts(_INTACT, _damage("deflate", "pixels", "pixels-missing", "pixel-count"), instead=lambda _: placeholder()),
)
fault(
    "damaged-crashes",
    "Answers 500 to a file with the signature of a PNG that is not a valid square PNG.",
    crashes_on((_INTACT, "IV-IMAGE-SQUARE"), when=_begins(SIGNATURE)),
)
fault("cut-off-crashes", "Answers 500 to a PNG that is cut off.", crashes_on(_INTACT, when=_damage("cut-off")))
fault(
    "checksum-crashes",
    "Answers 500 to a PNG with a wrong checksum of a chunk.",
    crashes_on(_INTACT, when=_damage("checksum")),
)
fault(
    "pixels-crash",
    "Answers 500 to a PNG whose pixels cannot be read.",
    crashes_on(_INTACT, when=_damage("deflate", "pixels", "pixels-missing", "pixel-count")),
)
fault("header-only-crashes", "Answers 500 to a PNG without pixels.", crashes_on(_INTACT, when=_damage("no-pixels")))
fault("empty-file-accepted", "Accepts an empty file as the image.", accepts(_INTACT, _damage("empty")))
fault("empty-file-crashes", "Answers 500 to an empty file as the image.", crashes_on(_INTACT, when=_damage("empty")))

# --- not square

fault("oblong-accepted", "Accepts a PNG that is not square.", accepts("IV-IMAGE-SQUARE"))
fault(
    "nearly-square-accepted",
    "Accepts a PNG whose width and height differ by one pixel.",
    accepts("IV-IMAGE-SQUARE", lambda problem: abs(_sides_differ_by(problem)) == 1),
)
fault(
    "wide-accepted",
    "Accepts a PNG that is wider than high.",
    accepts("IV-IMAGE-SQUARE", lambda problem: _sides_differ_by(problem) > 0),
)
fault("oblong-crashes", "Answers 500 to a PNG that is not square.", crashes_on("IV-IMAGE-SQUARE"))

# --- bytes

fault("large-accepted", "Accepts images of less than 32 MiB.", _limit("IV-IMAGE-MAX-BYTES", 32 * 1024 * 1024))
fault(
    "limit-one-byte-off",
    "Accepts an image of exactly 4,194,304 bytes, the size at which refusal is required.",
    _limit("IV-IMAGE-MAX-BYTES", 4_194_304 + 1),
)
fault("large-crashes", "Answers 500 to an image that is too large.", crashes_on("IV-IMAGE-MAX-BYTES"))
fault(
    "large-502",
    "Answers 502 to an image that is too large, which its upstream server refuses.",
    crashes_on("IV-IMAGE-MAX-BYTES", 502),
)
fault(
    "limit-one-megabyte",
    "Refuses images of 1 MiB or more, as web servers do by default.",
    _limit("IV-IMAGE-UP-TO-LIMIT", 1024 * 1024),
    also=("IV-ERR-PARAM",),
)
fault(
    "limit-two-megabytes",
    "Refuses images of 2 MiB or more, as PHP does by default.",
    _limit("IV-IMAGE-UP-TO-LIMIT", 2 * 1024 * 1024),
    also=("IV-ERR-PARAM",),
)
fault(
    "large-image-times-out",
    "Answers 504 to an image of more than 1 MB, as a gateway with a short timeout does.",
    refuses("IV-IMAGE-UP-TO-LIMIT", image(lambda info: info.size_bytes > 1_000_000), 504),
)
fault(
    "large-image-crashes",
    "Answers 500 to an image of more than 1 MiB, which its form parser stores in a file.",
    refuses("IV-IMAGE-UP-TO-LIMIT", image(lambda info: info.size_bytes > 1024 * 1024), 500),
)

# --- file name and part type


def _type_of(part: Part) -> str:
    return (part.content_type or "").partition(";")[0].strip().lower()


fault(
    "extension-required",
    "Refuses a PNG whose file name does not end in .png.",
    refuses(
        "IV-IMAGE-BY-BYTES",
        image_part(lambda part: bool(part.filename) and not (part.filename or b"").endswith(b".png")),
        param="image",
        message="image must be a PNG file.",
    ),
)
fault(
    "extension-crashes",
    "Answers 500 to a PNG whose file name has no dot.",
    refuses(
        "IV-IMAGE-BY-BYTES", image_part(lambda part: bool(part.filename) and b"." not in (part.filename or b"")), 500
    ),
)
fault(
    "part-type-checked",
    "Refuses a PNG in a part with another Content-Type than image/png or application/octet-stream.",
    refuses(
        "IV-IMAGE-BY-BYTES",
        image_part(lambda part: part.content_type not in {None, "image/png", "application/octet-stream"}),
        param="image",
        message="image must be of the type image/png.",
    ),
)
fault(
    "jpeg-type-refused",
    "Refuses a PNG in a part with the Content-Type image/jpeg.",
    refuses("IV-IMAGE-BY-BYTES", image_part(lambda part: _type_of(part) == "image/jpeg"), 415, param="image"),
)
fault(
    "octet-stream-refused",
    "Refuses a PNG in a part with the Content-Type application/octet-stream.",
    refuses(
        "IV-IMAGE-OCTET-STREAM",
        image_part(lambda part: _type_of(part) == "application/octet-stream"),
        param="image",
        message="image must be of the type image/png.",
    ),
)
fault(
    "untyped-part-refused",
    "Refuses an image in a part without a Content-Type.",
    refuses("IV-IMAGE-OCTET-STREAM", image_part(lambda part: part.content_type is None), param="image"),
)
fault(
    "untyped-part-crashes",
    "Answers 500 to an image in a part without a Content-Type.",
    refuses("IV-IMAGE-OCTET-STREAM", image_part(lambda part: part.content_type is None), 500),
)
fault(
    "file-name-required",
    "Treats an image part without a file name as missing.",
    refuses(
        "IV-IMAGE-NO-FILENAME",
        image_part(lambda part: part.filename is None),
        param="image",
        message="image is missing.",
    ),
)
fault(
    "file-name-missing-crashes",
    "Answers 500 to an image part without a file name.",
    refuses("IV-IMAGE-NO-FILENAME", image_part(lambda part: not part.filename), 500),
)
