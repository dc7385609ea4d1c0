"""The features of valid requests: the image and its labels, and the user."""

from __future__ import annotations

import sys

from ..media import png
from ..media.pictures import transparent
from .changes import (
    content,
    filename,
    image_type,
    of_kind,
    side,
    user,
    variant,
)
from .probes import IMAGE
from .rows import Row

_PNG = _SIDE = _CHUNKS = IMAGE
_KNOWN_CHUNKS = (
    "icc-profile",
    "sbit",
    "background",
    "physical-size",
    "time",
    "exif",
    "text",
    "compressed-text",
    "unicode-text",
)
FORM_FEATURES: tuple[Row, ...] = (
    Row("IV-IMAGE-PNG", "png", "rgb", _PNG, of_kind(png.PLAIN), quick=True),
    Row("IV-IMAGE-PNG", "png", "rgba", _PNG, of_kind(png.Kind(png.RGBA)), quick=True),
    Row(
        "IV-IMAGE-PNG",
        "png",
        "wholly-transparent",
        # Several variations of it may be equal, which would show nothing of those.
        f"{_PNG}+n",
        content(lambda b: png.encode(transparent(b.picture()), png.Kind(png.RGBA))),
    ),
    Row("IV-IMAGE-PNG", "png", "row-filters-and-idat-chunks", _PNG, variant("filters", "idat-pieces")),
    Row("IV-IMAGE-PNG-CHUNKS", "chunks", "known-ancillary", _CHUNKS, variant(*_KNOWN_CHUNKS)),
    Row(
        "IV-IMAGE-PNG-CHUNKS",
        "chunks",
        "private-ancillary-and-300-texts",
        _CHUNKS,
        variant("private-before", "private-after", "many-texts", "long-text"),
        True,
    ),
    Row(
        "IV-IMAGE-PNG-CHUNKS",
        "chunks",
        "palette-and-transparent-colour",
        _CHUNKS,
        variant("transparent-colour", "suggested-palette"),
    ),
    Row("IV-IMAGE-PNG-CHUNKS", "chunks", "text-of-2-million-characters", _CHUNKS, variant("expanding-text")),
    Row("IV-IMAGE-PNG-ANIMATED", "png", "animated", _PNG, variant("animated")),
    Row("IV-IMAGE-PNG-SIDES", "side", "minimum", _SIDE, side(0), quick=True),
    Row("IV-IMAGE-PNG-SIDES", "side", "odd", _SIDE, side(255), quick=True),
    Row("IV-IMAGE-PNG-SIDES", "side", "512", _SIDE, side(512)),
    Row("IV-IMAGE-PNG-SIDES", "side", "1000", _SIDE, side(1000)),
    Row("IV-IMAGE-PNG-SIDES", "side", "maximum", _SIDE, side(sys.maxsize), quick=True),
    Row("IV-IMAGE-UP-TO-LIMIT", "image-bytes", "largest-valid", "image", content(lambda b: b.largest_png()), True),
    Row("IV-IMAGE-BY-BYTES", "image-label", "jpg-name", "filename", filename('; filename="picture.jpg"'), True),
    Row("IV-IMAGE-BY-BYTES", "image-label", "upper-case-name", "filename", filename('; filename="PICTURE.PNG"')),
    Row("IV-IMAGE-BY-BYTES", "image-label", "name-without-suffix", "filename", filename('; filename="blob"')),
    Row("IV-IMAGE-BY-BYTES", "image-label", "jpeg-type", "part-type", image_type("image/jpeg"), True),
    Row("IV-IMAGE-BY-BYTES", "image-label", "text-type", "part-type", image_type("text/plain")),
    Row("IV-IMAGE-BY-BYTES", "image-label", "upper-case-type", "part-type", image_type("IMAGE/PNG")),
    Row("IV-IMAGE-BY-BYTES", "image-label", "name-of-dots", "filename", filename('; filename=".."')),
    Row(
        "IV-IMAGE-BY-BYTES",
        "image-label",
        "type-of-a-form",
        "part-type",
        image_type("application/x-www-form-urlencoded"),
    ),
    Row("IV-IMAGE-BY-BYTES", "image-label", "type-with-parameter", "part-type", image_type("image/png; x=1")),
    Row("IV-IMAGE-PNG-KINDS", "png", "palette", _PNG, of_kind(png.Kind(png.PALETTE)), True),
    Row("IV-IMAGE-PNG-KINDS", "png", "grey", _PNG, of_kind(png.Kind(png.GREY))),
    Row("IV-IMAGE-PNG-KINDS", "png", "grey-alpha", _PNG, of_kind(png.Kind(png.GREY_ALPHA))),
    Row("IV-IMAGE-PNG-KINDS", "png", "1-bit", _PNG, of_kind(png.Kind(png.GREY, 1))),
    Row("IV-IMAGE-PNG-KINDS", "png", "16-bit", _PNG, of_kind(png.Kind(png.GREY, 16)), True),
    Row("IV-IMAGE-PNG-KINDS", "png", "interlaced", _PNG, of_kind(png.Kind(png.RGB, interlaced=True))),
    Row("IV-IMAGE-PNG-KINDS", "png", "1x1", _PNG, content(lambda b: b.png(side=1)), True),
    Row(
        "IV-IMAGE-OCTET-STREAM", "part-type", "octet-stream", "part-type", image_type("application/octet-stream"), True
    ),
    Row("IV-IMAGE-OCTET-STREAM", "part-type", "absent", "part-type+filename", image_type(None), True),
    Row("IV-IMAGE-NO-FILENAME", "filename", "absent", "filename+part-type", filename(""), True),
    Row("IV-IMAGE-NO-FILENAME", "filename", "empty", "filename+part-type", filename('; filename=""')),
    # --- the user
    Row("IV-USER-TEXT", "user", "ascii", "user", user("user-1234"), True, True),
    Row("IV-USER-TEXT", "user", "punctuation", "user", user('O\'Neil & "Sons" <a@b.example>; 100% #1 \\ {x}=$y')),
    Row("IV-USER-TEXT", "user", "spaces", "user", user("two  words ")),
    Row("IV-USER-TEXT", "user", "digits", "user", user("007")),
    Row("IV-USER-TEXT", "user", "word-for-null", "user", user("null")),
    # Every object of JavaScript has a member of this name.
    Row("IV-USER-TEXT", "user", "name-of-a-member", "user", user("constructor")),
    Row(
        "IV-USER-TEXT",
        "user",
        "boundary",
        "user+boundary",
        lambda _, draft: draft.text("user", f"me--{draft.boundary}"),
    ),
    Row("IV-USER-TEXT", "user", "latin", "user", user("Zo\u00eb M\u00fcller")),
    Row(
        "IV-USER-TEXT", "user", "unicode", "user", user("\u7528\u6237 \U0001f600 \u0645\u0631\u062d\u0628\u0627"), True
    ),
    Row("IV-USER-LENGTH", "user", "empty", "user", user(""), True),
    Row("IV-USER-LENGTH", "user", "1000-characters", "user", user("u" * 1000), True),
)
