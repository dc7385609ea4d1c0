"""The named corner cases: plain tables, one id each. plan.py says in which order they are sent."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

from attrs import evolve, frozen
from PIL import Image

from . import png
from .appraisal import NEVER_ACCEPTED_BYTES
from .cases import Builder, with_header
from .exchange import Request
from .multipart import Part, text_part
from .strategies import without_chunk

# What keeps an accepted request cheap: the smallest size, and the image in the answer.
SMALL = {"size": "256x256", "response_format": "b64_json"}


@frozen
class Corner:
    """One named corner case: what it is in a few words, and how its request is made."""

    label: str
    note: str
    build: Callable[[Builder], Request]
    batch: str | None = None


def _field(label: str, **fields: str | bytes) -> Corner:
    """Return a corner that is a plain form with these fields."""
    return Corner(
        label, ", ".join(f"{name}={value!r:.20}" for name, value in fields.items()), lambda b: b.form(**fields)
    )


def _image(label: str, note: str, make: Callable[[Builder], bytes]) -> Corner:
    """Return a corner with this file as the image, which is to be refused."""
    return Corner(label, note, lambda b: b.form(b.image(make(b))))


def _taken(label: str, note: str, make: Callable[[Builder], bytes]) -> Corner:
    """Return a corner with this file as the image, which is to be accepted."""
    return Corner(label, note, lambda b: b.form(b.image(make(b)), **SMALL))


def _saved(b: Builder, kind: str) -> bytes:
    """Return the case's picture in another file format."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(b.png())) as picture:
        picture.save(out, kind)
    return out.getvalue()


def _wrong_crc(content: bytes) -> bytes:
    at = content.index(b"IDAT") + 8
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


def _json_body(b: Builder) -> Request:
    return b.post(json.dumps({"image": "picture.png", "n": 1}).encode(), "application/json")


def _other_method(method: str) -> Corner:
    def build(b: Builder) -> Request:
        return Request(method, b.target.path, (*b.headers(), ("Content-Length", "0")))

    return Corner(f"method-{method.lower()}", f"{method} in place of POST", build)


def _authorized(label: str, note: str, value: Callable[[str], str | None]) -> Corner:
    def build(b: Builder) -> Request:
        return with_header(b.form(), "Authorization", value(b.target.api_key or ""))

    return Corner(label, note, build)


def _named(disposition: str) -> Callable[[Builder], Request]:
    """Return a maker of forms whose image part has exactly this Content-Disposition."""

    def build(b: Builder) -> Request:
        part = b.image()
        return b.form(evolve(part, headers=(("Content-Disposition", disposition), *part.headers[1:])), **SMALL)

    return build


def _bounded(write: Callable[[str], str], boundary: Callable[[Builder], str]) -> Callable[[Builder], Request]:
    """Return a maker of forms with a boundary of its own, announced as `write` has it."""

    def build(b: Builder) -> Request:
        chosen = boundary(b)
        parts = (b.image(), *(text_part(name, value) for name, value in SMALL.items()))
        announced = f"multipart/form-data; boundary={write(chosen)}"
        return with_header(b.request(parts, chosen), "Content-Type", announced)

    return build


def _lower_case(b: Builder) -> Request:
    request = b.form(**SMALL)
    headers = tuple((name.lower(), value.replace("Bearer ", "bearer ")) for name, value in request.headers)
    return evolve(request, headers=headers)


def _chunked(b: Builder) -> Request:
    request = with_header(b.form(**SMALL), "Content-Length", None)
    return evolve(request, headers=(*request.headers, ("Transfer-Encoding", "chunked")), chunked=True)


def _queried(b: Builder) -> Request:
    request = b.form(n="1", **SMALL)
    return evolve(request, target=f"{request.target}?n=3&size=512x512&response_format=url")


def _in_order(b: Builder) -> Request:
    return b.request((*(text_part(name, value) for name, value in SMALL.items()), text_part("n", "1"), b.image()))


def _unnamed(b: Builder) -> Request:
    return b.form(b.image(), Part((("Content-Disposition", "form-data"),), b"x"), **SMALL)


PLAIN = Corner("plain", "nothing but an image", lambda b: b.form())
SMALL_ONE = _field("small", **SMALL)
PLAIN_AT_THE_END = evolve(PLAIN, label="plain-at-the-end", note="the plain request for the last time")

REFUSED = (
    _other_method("GET"),
    _other_method("PUT"),
    _other_method("DELETE"),
    _authorized("key-none", "no Authorization header", lambda key: None),
    _authorized("key-wrong", "a key that is not the right one", lambda key: "Bearer sk-this-key-is-not-the-right-one"),
    _authorized("key-longer", "the right key and one letter more", lambda key: f"Bearer {key}x"),
    _authorized("key-basic", "the scheme Basic", lambda key: "Basic dXNlcjpwYXNzd29yZA=="),
    Corner("key-none-and-more", "no key, and n=0", lambda b: with_header(b.form(n="0"), "Authorization", None)),
    Corner("body-json", "a JSON body", _json_body),
    Corner("body-urlencoded", "a URL-encoded body", lambda b: b.post(b"n=1", "application/x-www-form-urlencoded")),
    Corner("body-none", "no body and no content type", lambda b: b.post(b"", None)),
    Corner(
        "body-no-boundary",
        "no boundary announced",
        lambda b: with_header(b.form(), "Content-Type", "multipart/form-data"),
    ),
    Corner("image-none", "no image", lambda b: b.request((text_part("n", "1"),))),
    Corner("form-empty", "a form without parts", lambda b: b.request(())),
    _image("image-empty", "an empty file", lambda b: b""),
    _image("image-text", "a text in place of the image", lambda b: b"This is not a picture."),
    _image("image-jpeg", "a JPEG under a PNG's name", lambda b: _saved(b, "JPEG")),
    _image("image-gif", "a GIF under a PNG's name", lambda b: _saved(b, "GIF")),
    _image("image-webp", "a WebP under a PNG's name", lambda b: _saved(b, "WEBP")),
    _image("image-bmp", "a BMP under a PNG's name", lambda b: _saved(b, "BMP")),
    _image("image-signature", "the signature of a PNG and no more", lambda b: png.SIGNATURE),
    _image("image-header", "signature and header of a PNG and no more", lambda b: b.png()[:33]),
    _image("image-truncated", "a PNG cut in the middle", lambda b: b.png()[:-2000]),
    _image("image-crc", "a PNG with a wrong CRC in its pixels", lambda b: _wrong_crc(b.png())),
    _image("image-no-pixels", "a PNG without pixel data", lambda b: without_chunk(b.png(), b"IDAT")),
    _image("image-wide", "twice as wide as high", lambda b: b.png(side=64, height=32)),
    _image("image-off-by-one", "one pixel higher than wide", lambda b: b.png(side=64, height=65)),
    _image("image-too-large", "4,194,304 bytes", lambda b: png.padded(b.png(), NEVER_ACCEPTED_BYTES)),
    _image("image-far-too-large", "5,000,000 bytes", lambda b: png.padded(b.png(), 5_000_000)),
    *(
        _field(f"n-{name}", n=value)
        for name, value in {
            "zero": "0",
            "eleven": "11",
            "negative": "-1",
            "fraction": "1.5",
            "word": "abc",
            "digits-and-word": "10abc",
            "empty": "",
            "huge": "99999999999999999999",
            "plus": "+3",
            "space": " 3",
        }.items()
    ),
    *(
        _field(f"size-{name}", size=value)
        for name, value in {
            "unknown": "999x999",
            "empty": "",
            "of-another-model": "1024x1536",
            "half": "256",
            "upper-case": "256X256",
        }.items()
    ),
    *(
        _field(f"format-{name}", response_format=value)
        for name, value in {
            "unknown": "base64",
            "empty": "",
            "upper-case": "URL",
        }.items()
    ),
    *(
        _field(f"model-{name}", model=value)
        for name, value in {
            "unknown": "no-such-model",
            "empty": "",
            "of-other-operations": "dall-e-3",
        }.items()
    ),
)

# What real servers died of, or what the contract is silent on; late, so that it takes little else with it.
ODD = (
    Corner("part-type-none", "no part type", lambda b: b.form(b.image(kind=None), **SMALL)),
    Corner("field-unknown", "a field that nobody knows", lambda b: b.form(quality_of_light="low", **SMALL)),
    Corner("field-unnamed", "a part without a name", _unnamed),
    Corner("image-twice", "two images", lambda b: b.form(b.image(), b.image(), **SMALL)),
    Corner("n-twice", "n twice", lambda b: b.request((b.image(), text_part("n", "1"), text_part("n", "1")))),
    Corner("user-not-utf-8", "a user that is not UTF-8", lambda b: b.form(user=b"\xff\xfe", **SMALL)),
)

# What one request does to the next: the plain one after all errors, a small one right after an error, and the plain one
# right after one that asks for the most and for the other response format.
IN_TURN = (
    evolve(PLAIN, label="plain-after-errors", note="the plain request again, after the errors"),
    _field("n-zero-again", n="0"),
    evolve(SMALL_ONE, label="small-after-error", note="the small request again, right after an error"),
    _field("n-ten", n="10", **SMALL),
    evolve(PLAIN, label="plain-after-ten", note="the plain request again, right after n=10"),
)

ACCEPTED = (
    _field("all-fields", model="dall-e-2", n="2", user="user-1234", **SMALL),
    _field("n-two", n="2", **SMALL),
    _field("n-one", n="1", size="256x256", response_format="url"),
    _field("n-three-links", n="3", size="256x256", response_format="url"),
    _field("size-512", size="512x512", response_format="b64_json"),
    _field("size-1024", size="1024x1024", response_format="b64_json"),
    _field("format-default", size="256x256"),
    _field("size-default", n="1", response_format="b64_json"),
    _field("user-empty", user="", **SMALL),
    _field("user-unicode", user="Zoë \U0001f600 用户", **SMALL),
    _field("user-long", user="u" * 1000, **SMALL),
    Corner("wire-order", "the image after the fields", _in_order),
    Corner("wire-query", "other values in the query string", _queried),
    Corner("wire-lower-case", "header names and scheme in lower case", _lower_case),
    Corner("wire-chunked", "chunked transfer coding", _chunked),
    Corner(
        "wire-boundary-quoted",
        "a quoted boundary with punctuation",
        _bounded('"{}"'.format, lambda b: f"=_{b.boundary()[:20]}:(+)?"),
    ),
    Corner(
        "wire-boundary-long",
        "a boundary of 70 characters",
        _bounded(str, lambda b: (b.boundary() + b.boundary().upper() * 2)[:70]),
    ),
    Corner(
        "filename-space", "spaces in the file name", _named('form-data; name="image"; filename="my own picture.png"')
    ),
    Corner(
        "filename-quote",
        "an escaped quote in the file name",
        _named(r'form-data; name="image"; filename="a \"b\".png"'),
    ),
    Corner("filename-unicode", "a file name beyond ASCII", _named('form-data; name="image"; filename="Bär 熊.png"')),
    Corner("filename-none", "no file name", lambda b: b.form(b.image(filename=None), **SMALL)),
    Corner("filename-jpg", "a PNG under a JPEG's name", lambda b: b.form(b.image(filename="picture.jpg"), **SMALL)),
    Corner("part-type-jpeg", "a PNG under a JPEG's type", lambda b: b.form(b.image(kind="image/jpeg"), **SMALL)),
    Corner(
        "part-type-octets", "type octet-stream", lambda b: b.form(b.image(kind="application/octet-stream"), **SMALL)
    ),
    _taken("png-rgba", "an RGBA PNG", lambda b: b.png(png.Kind(png.RGBA))),
    _taken("png-palette", "a palette PNG", lambda b: b.png(png.Kind(png.PALETTE))),
    _taken("png-grey", "a grey PNG", lambda b: b.png(png.Kind(png.GREY))),
    _taken("png-grey-alpha", "a grey PNG with alpha", lambda b: b.png(png.Kind(png.GREY_ALPHA))),
    _taken("png-1-bit", "a 1-bit PNG", lambda b: b.png(png.Kind(png.GREY, 1))),
    _taken("png-16-bit", "a 16-bit PNG", lambda b: b.png(png.Kind(png.RGB, 16))),
    _taken("png-interlaced", "an interlaced PNG", lambda b: b.png(png.Kind(png.RGB, interlaced=True))),
    _taken("png-1x1", "a PNG of one pixel", lambda b: b.png(side=1)),
    _taken("png-4-mb", "4,000,000 bytes", lambda b: png.padded(b.png(), 4_000_000)),
)

TOGETHER = tuple(
    evolve(_field(f"together-{number}", **fields), batch="together")
    for number, fields in enumerate(
        (
            {"n": "1", "size": "256x256", "response_format": "url"},
            {"n": "2", **SMALL},
            {"size": "512x512", "response_format": "b64_json"},
            {"size": "256x256"},
            {"n": "2", **SMALL},
            {"n": "1", "size": "256x256", "response_format": "url"},
            {"size": "512x512", "response_format": "b64_json"},
            {"n": "2", **SMALL},
        ),
        start=1,
    )
)

CORNERS = (PLAIN, SMALL_ONE, *REFUSED, *IN_TURN, *ACCEPTED, *TOGETHER, *ODD, PLAIN_AT_THE_END)
