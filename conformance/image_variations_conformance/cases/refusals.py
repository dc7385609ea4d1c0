"""Named cases that must be refused, apart from wrong values of text fields: methods, keys, bodies and images.

Each is a request that the server accepts, the base, with one thing wrong.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from attrs import evolve

from ..media import png
from ..media.damage import DAMAGES, Damage, with_sides
from ..wire.exchange import Request
from ..wire.multipart import Part, file_part, text_part
from .builder import Builder
from .named_case import Build, Depth, NamedCase
from .transforms import with_body, with_chunked_coding, with_header

# --- methods


_WRONG_METHOD = "IV-OP-METHOD IV-OP-METHOD-405"


def _method(method: str, requirements: str, note: str, *, depth: Depth = "standard") -> NamedCase:
    def build(b: Builder) -> Request:
        return Request(method, b.target.path, (*b.headers(), ("Content-Length", "0")))

    return NamedCase(f"method-{method.lower()}", requirements, note, build, depth=depth)


METHODS = (
    _method("GET", _WRONG_METHOD, "GET in place of POST", depth="quick"),
    _method("PUT", _WRONG_METHOD, "PUT in place of POST"),
    _method("PATCH", _WRONG_METHOD, "PATCH in place of POST"),
    _method("DELETE", _WRONG_METHOD, "DELETE in place of POST"),
    NamedCase(
        "method-put-form",
        _WRONG_METHOD,
        "a valid form by PUT",
        lambda b: evolve(b.form(), method="PUT"),
        depth="deep",
    ),
)

# --- keys

# So long that an error which masks all but its first and last characters does not show it whole.
WRONG_KEY = "Bearer sk-this-key-is-not-the-right-one"


def _key(
    label: str, note: str, value: Callable[[str], str | None], *, depth: Depth = "standard", more: str = ""
) -> NamedCase:
    def build(b: Builder) -> Request:
        return with_header(b.form(), "Authorization", value(b.target.api_key or ""))

    return NamedCase(label, f"IV-AUTH-WRONG {more}".strip(), note, build, depth=depth)


def _other_letter_case(key: str) -> str:
    swapped = key.swapcase()
    return swapped if swapped != key else f"{key}A"


KEYS = (
    NamedCase(
        "key-none",
        "IV-AUTH-REQUIRED IV-AUTH-401",
        "no Authorization header",
        lambda b: with_header(b.form(), "Authorization", None),
        depth="quick",
    ),
    _key(
        "key-wrong",
        "a key that is not the right one",
        lambda _: WRONG_KEY,
        depth="quick",
        more="IV-AUTH-401",
    ),
    _key("key-longer", "the right key and one letter more", lambda key: f"Bearer {key}x", depth="quick"),
    _key("key-and-word", "the right key, a space and a word", lambda key: f"Bearer {key} x"),
    _key("key-prefix", "the right key without its last letter", lambda key: f"Bearer {key[:-1]}"),
    # A server may look for the key at the end, or remove the scheme wherever it stands.
    _key("key-scheme-twice", "the scheme twice, and the right key", lambda key: f"Bearer Bearer {key}"),
    # The byte A0, which is white space in Latin-1.
    _key("key-no-break-space", "the right key and the byte A0", lambda key: f"Bearer {key}\udca0"),
    _key("key-other-case", "the right key in other letter case", lambda key: f"Bearer {_other_letter_case(key)}"),
    _key("key-empty", "Bearer and no key", lambda _: "Bearer "),
    _key("key-scheme-alone", "the word Bearer alone", lambda _: "Bearer"),
    _key("key-without-scheme", "the right key without a scheme", lambda key: key),
    _key("key-other-scheme", "the right key under another scheme", lambda key: f"Token {key}"),
    _key("key-basic", "the scheme Basic", lambda _: "Basic dXNlcjpwYXNzd29yZA==", depth="deep"),
    _key("key-in-quotes", "the right key in quotes", lambda key: f'Bearer "{key}"', depth="deep"),
    _key("key-null", "the word null as key", lambda _: "Bearer null", depth="deep"),
    NamedCase(
        "key-none-and-more",
        "IV-AUTH-FIRST",
        "no key, and n=0",
        lambda b: with_header(b.form(n="0"), "Authorization", None),
        depth="quick",
    ),
    NamedCase(
        "key-wrong-and-no-image",
        "IV-AUTH-FIRST",
        "a wrong key, and no image",
        lambda b: with_header(b.multipart(b.texts(user="u")), "Authorization", WRONG_KEY),
    ),
)

# --- bodies


def _body(label: str, note: str, build: Build, *, depth: Depth = "standard") -> NamedCase:
    return NamedCase(label, "IV-OP-MULTIPART IV-OP-MULTIPART-STATUS", note, build, depth=depth)


def _json(encode: Callable[[bytes], object]) -> Build:
    """Return what builds a JSON body with the image as `encode` returns it."""
    return lambda b: b.post(json.dumps({**b.base.texts, "image": encode(b.png(side=8))}).encode(), "application/json")


def _buffer(image: bytes) -> object:
    """Return what JSON.stringify makes of a Buffer of Node."""
    return {"type": "Buffer", "data": list(image)}


def _announced(content_type: str | None) -> Build:
    """Return what builds a valid form under another content type, in which {boundary} stands for its boundary."""

    def build(b: Builder) -> Request:
        request = b.form()
        boundary = (request.header("content-type") or "").partition("boundary=")[2]
        announced = None if content_type is None else content_type.replace("{boundary}", boundary)
        return with_header(request, "Content-Type", announced)

    return build


_LONG_LINE = 700_000
"""How many bytes without a line end a parser may not expect."""

BODIES = (
    _body("body-json", "a JSON body", _json(lambda image: base64.b64encode(image).decode()), depth="quick"),
    _body("body-json-bytes", "a JSON body with the bytes of the image", _json(_buffer)),
    _body("body-json-broken", "a broken JSON body", lambda b: b.post(b'{"image": ', "application/json"), depth="deep"),
    _body(
        "body-urlencoded",
        "a URL-encoded body",
        lambda b: b.post(b"n=1&image=picture.png", "application/x-www-form-urlencoded"),
        depth="quick",
    ),
    _body("body-none", "no body and no content type", lambda b: b.post(b"", None), depth="quick"),
    _body(
        "body-empty",
        "an empty body",
        lambda b: b.post(b"", f"multipart/form-data; boundary={b.boundary()}"),
        depth="quick",
    ),
    _body(
        "body-zeros",
        "zeros in place of a form, more of them than a line may have",
        lambda b: b.post(bytes(_LONG_LINE), f"multipart/form-data; boundary={b.boundary()}"),
    ),
    _body("body-no-boundary", "no boundary announced", _announced("multipart/form-data"), depth="quick"),
    _body("body-empty-boundary", "an empty boundary announced", _announced("multipart/form-data; boundary=")),
    _body("body-other-boundary", "another boundary announced", _announced("multipart/form-data; boundary=other")),
    _body("body-untyped", "a form without content type", _announced(None)),
    _body("body-mixed", "a form as multipart/mixed", _announced("multipart/mixed; boundary={boundary}")),
    _body("body-text", "a form as text/plain", _announced("text/plain"), depth="deep"),
    _body("body-octets", "a form as application/octet-stream", _announced("application/octet-stream")),
    _body("body-png", "the image itself", lambda b: b.post(b.png(), "image/png")),
    _body("body-broken-type", "a content type that is none", _announced("multipart; =; /"), depth="deep"),
)

# --- images


def _image(
    label: str,
    requirements: str,
    note: str,
    make: Callable[[Builder], bytes],
    *,
    depth: Depth = "standard",
    last: bool = False,
) -> NamedCase:
    """Return the case of a form with another image."""
    return NamedCase(label, requirements, note, lambda b: b.form(b.image(make(b))), depth=depth, last=last)


def _instead(label: str, note: str, make: Callable[[Builder], tuple[Part, ...]]) -> NamedCase:
    """Return the case of a form with other parts in place of the image."""
    return NamedCase(label, "IV-IMAGE-REQUIRED", note, lambda b: b.multipart((*make(b), *b.texts())))


def _named(name: str) -> Callable[[Builder], tuple[Part, ...]]:
    return lambda b: (file_part(name, b.png(), "picture.png", "image/png"),)


_EVERY_ERROR = (
    "IV-ERR-400 IV-ERR-JSON IV-ERR-OBJECT IV-ERR-MESSAGE IV-ERR-READABLE IV-ERR-NULL IV-ERR-SECRETS IV-ERR-PARAM"
)
SHOWN_BY_RESPONSE = frozenset(
    {"IV-OP-METHOD-405", "IV-OP-MULTIPART-STATUS", "IV-AUTH-401", "IV-AUTH-FIRST", *_EVERY_ERROR.split()}
)
"""The requirements of rows that no request violates: the responses to requests that violate others show them."""

MISSING = (
    NamedCase(
        "image-none",
        f"IV-IMAGE-REQUIRED {_EVERY_ERROR}",
        "no image",
        lambda b: b.multipart(b.texts(user="user-1234")),
        depth="quick",
    ),
    NamedCase(
        "error-for-browsers",
        "IV-IMAGE-REQUIRED IV-ERR-JSON",
        "no image, from a client that prefers HTML",
        lambda b: with_header(b.multipart(b.texts(user="user-1234")), "Accept", "text/html,*/*;q=0.8"),
    ),
    NamedCase("form-empty", "IV-IMAGE-REQUIRED", "a form without parts", lambda b: b.multipart(()), depth="quick"),
    _instead("image-named-file", "the image under the name file", _named("file")),
    _instead("image-named-images", "the image under the name images", _named("images")),
    _instead("image-named-brackets", "the image under the name image[]", _named("image[]")),
    _instead("image-named-upper-case", "the image under the name Image", _named("Image")),
)


def _damaged(damage: Damage) -> NamedCase:
    return _image(
        f"image-{damage.label}",
        "IV-IMAGE-FORMAT" if damage.hides_format else "IV-IMAGE-INTACT",
        damage.note,
        lambda b: damage.apply(b.png(damage.kind)),
        depth="quick" if damage.essential else "deep" if damage.deep else "standard",
    )


def _oblong(label: str, width: int, height: int, *, depth: Depth = "standard") -> NamedCase:
    def make(b: Builder) -> bytes:
        rules = b.contract.image_rules
        sides = sorted((rules.nearest_side(width), rules.nearest_side(height)))
        if sides[0] == sides[1]:
            # The next valid side, or the one before.
            step = rules.multiple_of
            sides = [sides[0], sides[1] + step] if rules.allows_side(sides[1] + step) else [sides[0] - step, sides[1]]
        smaller, larger = sides
        return b.png(side=larger, height=smaller) if width > height else b.png(side=smaller, height=larger)

    return _image(label, "IV-IMAGE-SQUARE", f"{width}x{height}, or nearly so", make, depth=depth)


def _format(label: str, note: str, make: Callable[[Builder], bytes], *, depth: Depth = "standard") -> NamedCase:
    return _image(label, "IV-IMAGE-FORMAT", note, make, depth=depth)


_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>'

IMAGES = (
    _format("image-text", "a text in place of the image", lambda _: b"This is not a picture.", depth="quick"),
    _format("image-like-pnm", "a text that begins like a PNM", lambda _: b"P6 is not the beginning of a picture here."),
    _format(
        "image-like-gif", "a text that begins like a GIF", lambda _: b"GIF89a is the name of a format, not a picture."
    ),
    _format("image-jpeg", "a JPEG named .png", lambda b: b.picture_as("JPEG"), depth="quick"),
    _format("image-gif", "a GIF named .png", lambda b: b.picture_as("GIF"), depth="quick"),
    _format("image-webp", "a WebP named .png", lambda b: b.picture_as("WEBP")),
    _format("image-bmp", "a BMP named .png", lambda b: b.picture_as("BMP")),
    _format("image-tiff", "a TIFF named .png", lambda b: b.picture_as("TIFF")),
    _format("image-svg", "an SVG named .png", lambda _: _SVG),
    _format("image-html", "an HTML page named .png", lambda _: b"<!doctype html><title>Picture</title>", depth="deep"),
    _format("image-zip", "a ZIP archive named .png", lambda _: b"PK\x05\x06" + bytes(18), depth="deep"),
    _format("image-after-line-end", "a PNG after a line end", lambda b: b"\r\n" + b.png()),
    _format("image-base64", "a PNG in base64", lambda b: base64.b64encode(b.png(side=16))),
    _format(
        "image-data-url",
        "a PNG as a data URL",
        lambda b: b"data:image/png;base64," + base64.b64encode(b.png(side=16)),
    ),
    NamedCase(
        "image-jpeg-labelled",
        "IV-IMAGE-FORMAT",
        "a JPEG that says so",
        lambda b: b.form(b.image(b.picture_as("JPEG"), "picture.jpg", "image/jpeg")),
    ),
    NamedCase(
        "image-as-text",
        "IV-IMAGE-FORMAT",
        "a file name as a text field",
        lambda b: b.form(text_part(b.contract.image_field, "picture.png")),
    ),
    NamedCase(
        "image-as-json",
        "IV-IMAGE-FORMAT",
        "an empty JSON object as a text field",
        lambda b: b.form(text_part(b.contract.image_field, "{}")),
    ),
    *map(_damaged, DAMAGES),
    _oblong("image-wide", 64, 32, depth="quick"),
    _oblong("image-tall", 32, 64, depth="deep"),
    _oblong("image-off-by-one", 64, 65, depth="quick"),
    _oblong("image-wider-by-one", 65, 64, depth="deep"),
    _oblong("image-large-off-by-one", 1024, 1023),
    _image(
        "image-too-large",
        "IV-IMAGE-MAX-BYTES",
        "the smallest size that is too large",
        lambda b: b.too_large_png(),
        depth="quick",
    ),
    _image(
        "image-far-too-large",
        "IV-IMAGE-MAX-BYTES",
        "5 MB, or more where that is valid",
        lambda b: png.padded(b.png(), max(5_000_000, b.contract.image_rules.invalid_from_bytes + 1)),
    ),
    NamedCase(
        "image-too-large-chunked",
        "IV-IMAGE-MAX-BYTES",
        "the smallest size that is too large, without a Content-Length",
        lambda b: with_chunked_coding()(b.form(b.image(b.too_large_png()))),
    ),
)

# --- what the contract leaves open, beyond the probes of cases/open_probes.py


def _text_form_replacing(before: bytes, after: bytes) -> Build:
    """Return what builds a form of text fields alone, with some bytes of its framing replaced."""

    def build(b: Builder) -> Request:
        request = b.multipart(b.texts(user="user-1234"))
        return with_body(request, request.body.replace(before, after))

    return build


def _cut_in_image(b: Builder) -> Request:
    image = b.png()
    request = b.form(b.image(image))
    return with_body(request, request.body[: request.body.index(image) + len(image) // 2])


OPEN_CASES = (
    _method("HEAD", "IV-OP-HEAD-OPTIONS", "the method HEAD", depth="quick"),
    _method("OPTIONS", "IV-OP-HEAD-OPTIONS", "the method OPTIONS", depth="quick"),
    NamedCase(
        "body-cut",
        "IV-ERR-NO-5XX",
        "a form that ends within the image, as an upload that breaks off",
        _cut_in_image,
        depth="quick",
    ),
    NamedCase(
        "body-lf", "IV-ERR-NO-5XX", "a form with bare line feeds", _text_form_replacing(b"\r\n", b"\n"), depth="quick"
    ),
    NamedCase(
        "body-header-broken",
        "IV-ERR-NO-5XX",
        "a part header without a colon",
        _text_form_replacing(b"Content-Disposition: ", b"Content-Disposition "),
    ),
    NamedCase(
        "body-no-blank-line",
        "IV-ERR-NO-5XX",
        "a part without the line between headers and content",
        _text_form_replacing(b"\r\n\r\n", b"\r\n"),
    ),
    # A decoder that gets the memory before it reads the rows, of which the file has few, may fail at it.
    _image(
        "image-of-2-20-a-side",
        "IV-ERR-NO-5XX",
        "sides of 2^20 pixels in the header of a small file",
        lambda b: with_sides(2**20)(b.png()),
        last=True,
    ),
    # Some parsers of HTTP quote the line that they refuse.
    evolve(
        _key("key-control-character", "the right key and a control character", lambda key: f"Bearer {key}\x01"),
        requirements="IV-ERR-NO-5XX IV-ERR-SECRETS",
    ),
)

REFUSALS: tuple[NamedCase, ...] = (*METHODS, *KEYS, *BODIES, *MISSING, *IMAGES)
