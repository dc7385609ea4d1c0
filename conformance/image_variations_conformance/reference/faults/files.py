"""Faults that accept, or crash on, files that are not valid images: of other formats, damaged, or not square."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from ..app.api_error import ApiError
from ..app.form import Part
from ..app.picture import SIGNATURE, chunks
from ..registry import FaultFamily
from .factories import accepts, crashes_on, opened, placeholder, unread

fault = FaultFamily("validation")

_FORMAT, _INTACT = "IV-IMAGE-FORMAT", "IV-IMAGE-INTACT"


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
    pixels = b"".join(chunk[8:-4] for kind, chunk in chunks(part.content) if kind == b"IDAT")
    stream = zlib.decompressobj(-15)
    try:
        stream.decompress(pixels[2:])
    except zlib.error:
        return False
    return stream.eof


def _sides_differ_by(problem: ApiError) -> int:
    """Return by how much the picture is wider than high, in pixels."""
    picture = opened(problem.part)
    return picture.width - picture.height


# --- other formats

# fmt: off
fault("other-formats-accepted", "Accepts other image formats, such as JPEG, GIF, WebP and BMP.",
      accepts(_FORMAT, _is_part(lambda part: opened(part).size != placeholder().size)))
fault("any-file-accepted", "Accepts any file that is not empty, without a look at it.", accepts(_FORMAT))
fault("jpeg-accepted", "Accepts JPEGs in addition to PNGs.", accepts(_FORMAT, _begins(b"\xff\xd8\xff")))
fault("gif-accepted", "Accepts GIFs in addition to PNGs.", accepts(_FORMAT, _begins(b"GIF8")))
fault("webp-accepted", "Accepts WebPs in addition to PNGs.", accepts(_FORMAT, _begins(b"RIFF")))
fault("bmp-accepted", "Accepts BMPs in addition to PNGs.", accepts(_FORMAT, _begins(b"BM")))
fault("file-name-believed", "Accepts any file whose name ends in .png.",
      accepts(_FORMAT, _is_part(lambda part: (part.filename or b"").endswith(b".png")), instead=unread))
fault("part-type-believed", "Accepts any file whose part has the Content-Type image/png.",
      accepts(_FORMAT, _is_part(lambda part: part.content_type == "image/png"), instead=unread))
fault("data-url-accepted", "Accepts a PNG in base64, with or without data: before it.",
      accepts(_FORMAT, _begins(b"data:image/png;base64,", b"iVBOR")))
fault("not-png-crashes", "Answers 500 to a file that is not a PNG.", crashes_on(_FORMAT))
fault("jpeg-crashes", "Answers 500 to a JPEG.", crashes_on(_FORMAT, when=_begins(b"\xff\xd8\xff")))
fault("json-object-crashes", "Answers 500 to an empty JSON object in place of the image.",
      crashes_on(_FORMAT, when=_begins(b"{}")))
fault("text-file-crashes", "Answers 500 to a file that is no image of any kind.",
      crashes_on(_FORMAT, when=_is_part(lambda part: opened(part).size == placeholder().size)))

# --- damaged PNGs

fault("damaged-accepted", "Accepts damaged PNGs: any file with the signature of a PNG.",
      accepts(_INTACT, lambda problem: problem.detail != "empty", instead=unread))
fault("cut-off-accepted", "Accepts a PNG that is cut off.",
      accepts(_INTACT, _damage("cut-off", "no-end"), instead=unread))
fault("end-missing-accepted", "Accepts a PNG without its end chunk.", accepts(_INTACT, _damage("no-end")))
fault("checksum-ignored", "Accepts a PNG with a wrong checksum of a chunk.",
      accepts(_INTACT, _damage("checksum"), instead=unread))
fault(
    "pixel-checksum-ignored",
    "Accepts a PNG with a wrong checksum of its pixels.",
    accepts(
        _INTACT,
        lambda problem: problem.detail == "deflate" and problem.part is not None and _only_adler_wrong(problem.part),
    ),
)
fault("rows-missing-accepted", "Accepts a PNG with fewer rows than its header says.",
      accepts(_INTACT, _damage("pixels-missing"), instead=unread))
fault("filter-type-ignored", "Accepts a PNG with an unknown filter type of a row.",
      accepts(_INTACT, _damage("pixels"), instead=unread))
fault("header-only-accepted", "Accepts a PNG without pixels.",
      accepts(_INTACT, _damage("no-pixels"), instead=unread))
fault("palette-missing-accepted", "Accepts a PNG without the palette that its pixels refer to.",
      accepts(_INTACT, _damage("palette"), instead=unread))
fault("pixels-never-read", "Reads only the chunks of a PNG, and accepts pixels that cannot be read.",
      accepts(_INTACT, _damage("deflate", "pixels", "pixels-missing", "pixel-count"), instead=unread))
fault("damaged-crashes", "Answers 500 to a file with the signature of a PNG that is not a valid square PNG.",
      crashes_on((_INTACT, "IV-IMAGE-SQUARE"), when=_begins(SIGNATURE)))
fault("cut-off-crashes", "Answers 500 to a PNG that is cut off.", crashes_on(_INTACT, when=_damage("cut-off")))
fault("checksum-crashes", "Answers 500 to a PNG with a wrong checksum of a chunk.",
      crashes_on(_INTACT, when=_damage("checksum")))
fault("pixels-crash", "Answers 500 to a PNG whose pixels cannot be read.",
      crashes_on(_INTACT, when=_damage("deflate", "pixels", "pixels-missing", "pixel-count")))
fault("header-only-crashes", "Answers 500 to a PNG without pixels.", crashes_on(_INTACT, when=_damage("no-pixels")))
fault("empty-file-accepted", "Accepts an empty file as the image.", accepts(_INTACT, _damage("empty")))
fault("empty-file-crashes", "Answers 500 to an empty file as the image.", crashes_on(_INTACT, when=_damage("empty")))

# --- not square

fault("oblong-accepted", "Accepts a PNG that is not square.", accepts("IV-IMAGE-SQUARE"))
fault("nearly-square-accepted", "Accepts a PNG whose width and height differ by one pixel.",
      accepts("IV-IMAGE-SQUARE", lambda problem: abs(_sides_differ_by(problem)) == 1))
fault("wide-accepted", "Accepts a PNG that is wider than high.",
      accepts("IV-IMAGE-SQUARE", lambda problem: _sides_differ_by(problem) > 0))
fault("oblong-crashes", "Answers 500 to a PNG that is not square.", crashes_on("IV-IMAGE-SQUARE"))
