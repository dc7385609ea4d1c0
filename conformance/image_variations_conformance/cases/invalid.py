"""Named cases that must be refused, and those that the contract does not specify."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

from PIL import Image

from ..media import png
from ..wire.exchange import Request
from ..wire.multipart import Part, text_part
from .case import Builder
from .named_case import SMALL, Build, NamedCase, form_case, text_parts
from .transforms import with_header


def _invalid_image(label: str, requirements: str, note: str, make: Callable[[Builder], bytes]) -> NamedCase:
    return NamedCase(label, requirements, note, lambda b: b.form(b.image(make(b))))


def _picture_as(b: Builder, file_format: str) -> bytes:
    """Return a picture in another file format."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(b.png())) as picture:
        picture.save(out, file_format)
    return out.getvalue()


def _with_wrong_checksum(content: bytes) -> bytes:
    at = content.index(b"IDAT") + 8
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


def _other_method(method: str) -> NamedCase:
    def build(b: Builder) -> Request:
        return Request(method, b.target.path, (*b.headers(), ("Content-Length", "0")))

    return NamedCase(f"method-{method.lower()}", "IV-OP-METHOD IV-OP-METHOD-405", f"{method} in place of POST", build)


def _with_authorization(
    label: str, requirements: str, note: str, value: Callable[[str], str | None], **fields: str
) -> NamedCase:
    def build(b: Builder) -> Request:
        return with_header(b.form(**fields), "Authorization", value(b.target.api_key or ""))

    return NamedCase(label, requirements, note, build)


def _with_body(label: str, note: str, build: Build, requirements: str = "IV-OP-MULTIPART") -> NamedCase:
    return NamedCase(label, requirements, note, build)


def _text_form_replacing(b: Builder, before: bytes, after: bytes) -> Request:
    """Return a form of text fields alone, with some bytes of its framing replaced."""
    request = b.multipart(text_parts(n="1", user="user-1234"))
    return b.post(request.body.replace(before, after), request.header("content-type"))


_EVERY_ERROR = (
    "IV-ERR-400 IV-ERR-JSON IV-ERR-OBJECT IV-ERR-MESSAGE IV-ERR-READABLE IV-ERR-NULL IV-ERR-SECRETS IV-ERR-PARAM"
)

INVALID = (
    _other_method("GET"),
    _other_method("PUT"),
    _other_method("PATCH"),
    _other_method("DELETE"),
    _with_authorization("key-none", "IV-AUTH-REQUIRED IV-AUTH-401", "no Authorization header", lambda key: None),
    _with_authorization(
        "key-wrong",
        "IV-AUTH-WRONG IV-AUTH-401",
        "a key that is not the right one",
        lambda key: "Bearer sk-this-key-is-not-the-right-one",
    ),
    _with_authorization(
        "key-longer", "IV-AUTH-WRONG", "the right key and one letter more", lambda key: f"Bearer {key}x"
    ),
    _with_authorization("key-basic", "IV-AUTH-WRONG", "the scheme Basic", lambda key: "Basic dXNlcjpwYXNzd29yZA=="),
    _with_authorization("key-none-and-more", "IV-AUTH-FIRST", "no key, and n=0", lambda key: None, n="0"),
    _with_body(
        "body-json",
        "a JSON body",
        lambda b: b.post(json.dumps({"image": "picture.png", "n": 1}).encode(), "application/json"),
        "IV-OP-MULTIPART IV-OP-MULTIPART-STATUS",
    ),
    _with_body("body-urlencoded", "a URL-encoded body", lambda b: b.post(b"n=1", "application/x-www-form-urlencoded")),
    _with_body("body-none", "no body and no content type", lambda b: b.post(b"", None)),
    _with_body("body-empty", "an empty body", lambda b: b.post(b"", f"multipart/form-data; boundary={b.boundary()}")),
    _with_body(
        "body-no-boundary",
        "no boundary announced",
        lambda b: with_header(b.form(), "Content-Type", "multipart/form-data"),
    ),
    NamedCase("image-none", f"IV-IMAGE-REQUIRED {_EVERY_ERROR}", "no image", lambda b: b.multipart(text_parts(n="1"))),
    NamedCase("form-empty", "IV-IMAGE-REQUIRED", "a form without parts", lambda b: b.multipart(())),
    _invalid_image("image-empty", "IV-IMAGE-INTACT", "an empty file", lambda b: b""),
    _invalid_image(
        "image-text", "IV-IMAGE-FORMAT", "a text in place of the image", lambda b: b"This is not a picture."
    ),
    _invalid_image("image-jpeg", "IV-IMAGE-FORMAT", "a JPEG named .png", lambda b: _picture_as(b, "JPEG")),
    _invalid_image("image-gif", "IV-IMAGE-FORMAT", "a GIF named .png", lambda b: _picture_as(b, "GIF")),
    _invalid_image("image-webp", "IV-IMAGE-FORMAT", "a WebP named .png", lambda b: _picture_as(b, "WEBP")),
    _invalid_image("image-bmp", "IV-IMAGE-FORMAT", "a BMP named .png", lambda b: _picture_as(b, "BMP")),
    _invalid_image("image-signature", "IV-IMAGE-INTACT", "only the signature of a PNG", lambda b: png.SIGNATURE),
    _invalid_image("image-header", "IV-IMAGE-INTACT", "only signature and header of a PNG", lambda b: b.png()[:33]),
    _invalid_image("image-truncated", "IV-IMAGE-INTACT", "a truncated PNG", lambda b: b.png()[:-2000]),
    _invalid_image(
        "image-crc", "IV-IMAGE-INTACT", "a PNG with a wrong CRC in IDAT", lambda b: _with_wrong_checksum(b.png())
    ),
    _invalid_image(
        "image-no-pixels", "IV-IMAGE-INTACT", "a PNG without IDAT", lambda b: png.without_chunk(b.png(), b"IDAT")
    ),
    _invalid_image("image-wide", "IV-IMAGE-SQUARE", "64x32", lambda b: b.png(side=64, height=32)),
    _invalid_image("image-off-by-one", "IV-IMAGE-SQUARE", "64x65", lambda b: b.png(side=64, height=65)),
    _invalid_image(
        "image-too-large", "IV-IMAGE-MAX-BYTES", "the smallest size that is too large", lambda b: b.too_large_png()
    ),
    _invalid_image(
        "image-far-too-large", "IV-IMAGE-MAX-BYTES", "5,000,000 bytes", lambda b: png.padded(b.png(), 5_000_000)
    ),
    form_case("n-zero", "IV-N-BOUNDS", n="0"),
    form_case("n-eleven", "IV-N-BOUNDS", n="11"),
    form_case("n-negative", "IV-N-BOUNDS", n="-1"),
    form_case("n-fraction", "IV-N-INTEGER", n="1.5"),
    form_case("n-word", "IV-N-INTEGER", n="abc"),
    form_case("n-digits-and-word", "IV-N-INTEGER", n="10abc"),
    form_case("n-empty", "IV-N-INTEGER", n=""),
    form_case("n-huge", "IV-N-BOUNDS", n="99999999999999999999"),
    form_case("n-plus", "IV-N-STRICT", n="+3"),
    form_case("n-space", "IV-N-STRICT", n=" 3"),
    form_case("size-unknown", "IV-SIZE-UNKNOWN", size="999x999"),
    form_case("size-empty", "IV-SIZE-UNKNOWN", size=""),
    form_case("size-of-another-model", "IV-SIZE-UNKNOWN", size="1024x1536"),
    form_case("size-half", "IV-SIZE-UNKNOWN", size="256"),
    form_case("size-upper-case", "IV-ENUM-CASE", size="256X256"),
    form_case("format-unknown", "IV-FORMAT-UNKNOWN", response_format="base64"),
    form_case("format-empty", "IV-FORMAT-UNKNOWN", response_format=""),
    form_case("format-upper-case", "IV-ENUM-CASE", response_format="URL"),
    form_case("model-unknown", "IV-MODEL-UNKNOWN", model="no-such-model"),
    form_case("model-empty", "IV-MODEL-UNKNOWN", model=""),
    form_case("model-of-other-operations", "IV-MODEL-UNKNOWN", model="dall-e-3"),
)

# The contract does not say whether to accept these, only that they must not break the server. Some have killed real
# servers, so they are sent late.
UNSPECIFIED = (
    NamedCase(
        "part-type-none",
        "IV-IMAGE-OCTET-STREAM IV-ERR-NO-5XX",
        "no part type",
        lambda b: b.form(b.image(media_type=None), **SMALL),
    ),
    NamedCase("field-unknown", "IV-ERR-NO-5XX", "an unknown field", lambda b: b.form(quality_of_light="low", **SMALL)),
    NamedCase(
        "field-unnamed",
        "IV-ERR-NO-5XX",
        "a part without a name",
        lambda b: b.form(b.image(), Part((("Content-Disposition", "form-data"),), b"x"), **SMALL),
    ),
    NamedCase("image-twice", "IV-ERR-NO-5XX", "two images", lambda b: b.form(b.image(), b.image(), **SMALL)),
    NamedCase(
        "n-twice",
        "IV-ERR-NO-5XX",
        "n twice",
        lambda b: b.multipart((b.image(), text_part("n", "1"), text_part("n", "1"))),
    ),
    NamedCase(
        "body-cut",
        "IV-ERR-NO-5XX",
        "a form without its closing boundary",
        lambda b: _text_form_replacing(b, b"--\r\n", b""),
    ),
    NamedCase(
        "body-lf", "IV-ERR-NO-5XX", "a form with bare line feeds", lambda b: _text_form_replacing(b, b"\r\n", b"\n")
    ),
    NamedCase(
        "user-not-utf-8", "IV-ERR-NO-5XX", "a user that is not UTF-8", lambda b: b.form(user=b"\xff\xfe", **SMALL)
    ),
)
