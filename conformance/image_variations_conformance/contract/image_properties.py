"""What the contract says of the image of a request: its bytes, its pixels, its file name and its content type."""

from __future__ import annotations

import re

from ..media import png
from ..media.pictures import Unreadable, look
from ..wire.multipart import Part
from .extensions import ImageRules
from .properties import Properties

# A contract whose smallest valid side is at most this one recommends to accept an image of one pixel, too.
_SMALLEST_PLAIN_SIDE = 2
# Image models work on blocks of pixels. Other sides, and larger ones, need not work because usual ones do.
_BLOCK = 8
_LARGEST_USUAL_SIDE = 256
_LONGEST_USUAL_NAME = 100
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
# The first bytes of files of the formats other than PNG that a contract may allow.
_SIGNATURES = {
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}


def classify_image(part: Part, rules: ImageRules, found: Properties) -> None:
    """Add the properties of the part with the image."""
    content = part.content
    size_bytes = len(content)
    if size_bytes >= rules.invalid_from_bytes:
        found.violation("IV-IMAGE-MAX-BYTES", part.name, f"an image of {size_bytes} bytes")
    elif size_bytes >= rules.valid_below_bytes:
        found.unspecified.append(f"an image of {size_bytes} bytes")
    kind = next((kind for kind, signature in _SIGNATURES.items() if signature.match(content)), None)
    if kind is not None and kind in rules.kinds:
        _classify_other_kind(part, kind, rules, found)
        return
    try:
        info = png.inspect(content)
    except png.NotPng:
        kind_of_part = "text" if part.filename is None else "file"
        what = f"a {kind_of_part} that begins with {content[:4]!r}" if content else f"an empty {kind_of_part}"
        found.violation("IV-IMAGE-FORMAT" if content else "IV-IMAGE-INTACT", part.name, what)
        return
    except png.Broken as error:
        found.violation("IV-IMAGE-INTACT", part.name, f"a broken PNG: {error}")
        return
    _classify_dimensions(info.width, info.height, rules, part.name, found)
    _classify_png(content, info, rules, found)
    if size_bytes > rules.valid_below_bytes // 2:
        found.feature("IV-IMAGE-UP-TO-LIMIT")
    _classify_labels(part, found)


def _classify_other_kind(part: Part, kind: str, rules: ImageRules, found: Properties) -> None:
    """Classify an image of a format other than PNG, which a profile allows."""
    try:
        picture = look(part.content)
    except Unreadable as error:
        found.violation("IV-IMAGE-INTACT", part.name, f"a broken {kind}: {error}")
        return
    _classify_dimensions(picture.width, picture.height, rules, part.name, found)
    found.feature("IV-IMAGE-FORMAT", kind)


def _classify_dimensions(width: int, height: int, rules: ImageRules, name: str | None, found: Properties) -> None:
    found.image_size = f"{width}x{height}"
    shown = f"an image of {found.image_size}"
    if width != height and rules.square:
        found.violation("IV-IMAGE-SQUARE", name, shown)
    elif width != height:
        found.feature("IV-IMAGE-SQUARE", shown)
    is_one_pixel = width * height == rules.multiple_of == 1 and rules.min_side <= _SMALLEST_PLAIN_SIDE
    if not is_one_pixel and any(not rules.allows_side(side) for side in (width, height)):
        found.unspecified.append(shown)


def _classify_png(content: bytes, info: png.Info, rules: ImageRules, found: Properties) -> None:
    """Classify the kind of an intact PNG, and its chunks."""
    if info.kind in {png.Kind(png.RGB), png.Kind(png.RGBA)} and info.pixels > 1:
        found.feature("IV-IMAGE-PNG", str(info.kind))
        for side in (info.width, info.height):
            unusual = _unusual_side(side, rules)
            if unusual is not None:
                found.feature("IV-IMAGE-PNG-SIDES", unusual)
    else:
        found.feature("IV-IMAGE-PNG-KINDS", str(info.kind) if info.pixels > 1 else f"1x1, {info.kind}")
    # The names of ancillary chunks begin with a small letter, and the second one is a capital if a standard defines it.
    chunks = {name: data for name, data in png.chunks(content) if name[:1].islower()}
    found.unspecified += [
        f"an empty chunk {name!r}" for name, data in chunks.items() if name[1:2].isupper() and not data
    ]
    ancillary = set(chunks)
    if b"acTL" in ancillary:
        found.feature("IV-IMAGE-PNG-ANIMATED")
    for name in ancillary - _ANIMATION:
        found.feature("IV-IMAGE-PNG-CHUNKS", name.decode("latin-1"))


def _unusual_side(side: int, rules: ImageRules) -> str | None:
    """Return what is unusual about a width or height in pixels, or None."""
    if side == rules.nearest_side(0):
        return "smallest"
    if side == rules.nearest_side(rules.max_side):
        return "largest"
    if side % _BLOCK:
        return f"not a multiple of {_BLOCK}"
    return "large" if side > _LARGEST_USUAL_SIDE else None


def _classify_labels(part: Part, found: Properties) -> None:
    """Classify the file name and the content type of the image part."""
    # Browsers send an empty file name where no file was chosen.
    if not part.filename:
        found.feature("IV-IMAGE-NO-FILENAME")
    else:
        if not part.filename.endswith(".png"):
            found.feature("IV-IMAGE-BY-BYTES", part.filename)
        if not re.fullmatch(r"[\w.-]+", part.filename, re.ASCII) or len(part.filename) > _LONGEST_USUAL_NAME:
            found.feature("IV-WIRE-FILENAME", part.filename)
    content_type = part.content_type or ""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in {"", "application/octet-stream"}:
        found.feature("IV-IMAGE-OCTET-STREAM", media_type or "no type")
    elif content_type != "image/png":
        found.feature("IV-IMAGE-BY-BYTES", content_type)
