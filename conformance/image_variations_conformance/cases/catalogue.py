"""The named corner cases: plain tables, one id each. plan.py says in which order they are sent."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping

from attrs import evolve, field, frozen
from PIL import Image

from ..contract.expectation import NEVER_ACCEPTED_BYTES
from ..media import png
from ..wire.exchange import Request
from ..wire.multipart import Part, text_part
from .case import Builder, with_header
from .strategies import without_chunk

# What keeps an accepted request cheap: the smallest size, and the image in the answer.
SMALL = {"size": "256x256", "response_format": "b64_json"}


@frozen
class Corner:
    """One named corner case: what it is in a few words, and how its request is made.

    A packed one is several at once; `apart` has them one by one. `fields` are the text fields that a plain form has.
    """

    label: str
    note: str
    build: Callable[[Builder], Request]
    batch: str | None = None
    apart: tuple[Corner, ...] = ()
    fields: Mapping[str, str] = field(factory=dict)


def form_of(label: str, **fields: str) -> Corner:
    """Return a corner that is a plain form with these fields."""
    note = ", ".join(f"{name}={value!r:.20}" for name, value in fields.items())
    return Corner(label, note, lambda b: b.form(**fields), fields=fields)


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


def _disposed(b: Builder, disposition: str, kind: png.Kind = png.PLAIN) -> Part:
    """Return the image part with exactly this Content-Disposition."""
    part = b.image(b.png(kind))
    return evolve(part, headers=(("Content-Disposition", disposition), *part.headers[1:]))


def _retyped(part: Part, media_type: str) -> Part:
    return evolve(part, headers=(*part.headers[:1], ("Content-Type", media_type)))


def _texts(**fields: str) -> tuple[Part, ...]:
    return tuple(text_part(name, value) for name, value in fields.items())


def _named(disposition: str) -> Callable[[Builder], Request]:
    """Return a maker of forms whose image part has exactly this Content-Disposition."""
    return lambda b: b.form(_disposed(b, disposition), **SMALL)


def _announced(
    b: Builder,
    write: Callable[[str], str],
    boundary: Callable[[Builder], str],
    parts: Callable[[Builder], tuple[Part, ...]],
) -> Request:
    """Return a form with a boundary of its own, announced as `write` has it."""
    chosen = boundary(b)
    return with_header(b.request(parts(b), chosen), "Content-Type", f"multipart/form-data; boundary={write(chosen)}")


def _bounded(write: Callable[[str], str], boundary: Callable[[Builder], str]) -> Callable[[Builder], Request]:
    """Return a maker of plain forms with a boundary of its own, announced as `write` has it."""
    return lambda b: _announced(b, write, boundary, lambda b: (b.image(), *_texts(**SMALL)))


def _punctuated(b: Builder) -> str:
    return f"=_{b.boundary()[:20]}:(+)?"


def _seventy(b: Builder) -> str:
    return (b.boundary() + b.boundary().upper() * 2)[:70]


def _in_lower_case(request: Request) -> Request:
    headers = tuple((name.lower(), value.replace("Bearer ", "bearer ")) for name, value in request.headers)
    return evolve(request, headers=headers)


def _lower_case(b: Builder) -> Request:
    return _in_lower_case(b.form(**SMALL))


def _in_chunks(request: Request) -> Request:
    request = with_header(request, "Content-Length", None)
    return evolve(request, headers=(*request.headers, ("Transfer-Encoding", "chunked")), chunked=True)


def _chunked(b: Builder) -> Request:
    return _in_chunks(b.form(**SMALL))


def _queried(b: Builder) -> Request:
    request = b.form(n="1", **SMALL)
    return evolve(request, target=f"{request.target}?n=3&size=512x512&response_format=url")


def _in_order_of(disposition: str) -> Callable[[Builder], tuple[Part, ...]]:
    """Return a maker of parts with the image last."""
    return lambda b: (*_texts(**SMALL, n="1", user="user-1234"), _with_more_headers(_disposed(b, disposition)))


def _in_order(b: Builder) -> Request:
    return b.request((*_texts(**SMALL, n="1"), b.image()))


def _with_more_headers(part: Part) -> Part:
    """Return a part with header fields that forms do not know, before and behind its own."""
    return evolve(part, headers=(("X-Part", "1"), *part.headers, ("Content-Language", "en")))


def _surrounded(request: Request) -> Request:
    """Return a form with something before its first boundary and behind its last one."""
    body = b"This is a form.\r\n" + request.body + b"\r\nThat was a form.\r\n"
    return with_header(evolve(request, body=body), "Content-Length", str(len(body)))


def _replaced(b: Builder, before: bytes, after: bytes) -> Request:
    """Return a form of texts alone, so that nothing but its framing is touched, with some of its bytes replaced."""
    request = b.request(_texts(n="1", user="user-1234"))
    return b.post(request.body.replace(before, after), request.header("content-type"))


def _unnamed(b: Builder) -> Request:
    return b.form(b.image(), Part((("Content-Disposition", "form-data"),), b"x"), **SMALL)


_UNICODE_USER = "Zoë \U0001f600 用户"
PLAIN = Corner("plain", "nothing but an image", lambda b: b.form())
SMALL_ONE = form_of("small", **SMALL)
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
    Corner("body-empty", "an empty body", lambda b: b.post(b"", f"multipart/form-data; boundary={b.boundary()}")),
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
        form_of(f"n-{name}", n=value)
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
        form_of(f"size-{name}", size=value)
        for name, value in {
            "unknown": "999x999",
            "empty": "",
            "of-another-model": "1024x1536",
            "half": "256",
            "upper-case": "256X256",
        }.items()
    ),
    *(
        form_of(f"format-{name}", response_format=value)
        for name, value in {
            "unknown": "base64",
            "empty": "",
            "upper-case": "URL",
        }.items()
    ),
    *(
        form_of(f"model-{name}", model=value)
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
    Corner("body-cut", "a form without its closing boundary", lambda b: _replaced(b, b"--\r\n", b"")),
    Corner("body-lf", "a form whose lines end in LF alone", lambda b: _replaced(b, b"\r\n", b"\n")),
    Corner("user-not-utf-8", "a user that is not UTF-8", lambda b: b.form(user=b"\xff\xfe", **SMALL)),
)

# What one request does to the next: a small one right after errors, and the plain one right after one that asks for the
# most and for the other response format.
AFTER_ERRORS = evolve(SMALL_ONE, label="small-after-errors", note="the small request again, right after errors")
TEN = form_of("n-ten", n="10", **SMALL)
PLAIN_AFTER_TEN = evolve(PLAIN, label="plain-after-ten", note="the plain request again, right after n=10")

# Each field by its values, and by its absence.
LINK = {"size": "256x256", "response_format": "url"}
_MIDDLE = {"size": "512x512", "response_format": "b64_json"}
N_TWO = form_of("n-two", n="2", **LINK)
SIZE_512 = form_of("size-512", **_MIDDLE)
FORMAT_DEFAULT = form_of("format-default", size="256x256")
SIZE_DEFAULT = form_of("size-default", n="1", response_format="b64_json")
VALUES = (
    N_TWO,
    SIZE_512,
    form_of("all-fields", model="dall-e-2", n="2", user="user-1234", **SMALL),
    FORMAT_DEFAULT,
    SIZE_DEFAULT,
)

_LARGE = {"size": "1024x1024", "response_format": "b64_json"}
_QUOTED = '"{}"'.format
_SPACE, _QUOTE, _UNICODE = (
    f'form-data; name="image"; filename={name}' for name in ('"my own picture.png"', r'"a \"b\".png"', '"Bär 熊.png"')
)

_WIRE_ORDER = Corner("wire-order", "the image after the fields", _in_order)
_WIRE_HEADERS = Corner(
    "wire-part-headers",
    "header fields of a part that nobody knows",
    lambda b: b.form(_with_more_headers(b.image()), **SMALL),
)
_WIRE_PREAMBLE = Corner("wire-preamble", "text around the form", lambda b: _surrounded(b.form(**SMALL)))
_WIRE_QUERY = Corner("wire-query", "other values in the query string", _queried)
_WIRE_LOWER_CASE = Corner("wire-lower-case", "header names and scheme in lower case", _lower_case)
_WIRE_CHUNKED = Corner("wire-chunked", "chunked transfer coding", _chunked)
_WIRE_QUOTED = Corner("wire-boundary-quoted", "a quoted boundary with punctuation", _bounded(_QUOTED, _punctuated))
_WIRE_LONG = Corner("wire-boundary-long", "a boundary of 70 characters", _bounded(str, _seventy))
_NAME_SPACE = Corner("filename-space", "spaces in the file name", _named(_SPACE))
_NAME_QUOTE = Corner("filename-quote", "an escaped quote in the file name", _named(_QUOTE))
_NAME_UNICODE = Corner("filename-unicode", "a file name beyond ASCII", _named(_UNICODE))
_NAME_NONE = Corner("filename-none", "no file name", lambda b: b.form(b.image(filename=None), **SMALL))
_NAME_JPG = Corner(
    "filename-jpg", "a PNG under a JPEG's name", lambda b: b.form(b.image(filename="picture.jpg"), **SMALL)
)
_TYPE_JPEG = Corner(
    "part-type-jpeg", "a PNG under a JPEG's type", lambda b: b.form(b.image(kind="image/jpeg"), **SMALL)
)
_TYPE_OCTETS = Corner(
    "part-type-octets", "type octet-stream", lambda b: b.form(b.image(kind="application/octet-stream"), **SMALL)
)
_USER_EMPTY = form_of("user-empty", user="", **SMALL)
_USER_UNICODE = form_of("user-unicode", user=_UNICODE_USER, **SMALL)
_USER_LONG = form_of("user-long", user="u" * 1000, **SMALL)

_PNG_RGBA = _taken("png-rgba", "an RGBA PNG", lambda b: b.png(png.Kind(png.RGBA)))

# What a server must accept, much of it at once, so that it costs few images.
PACKED = (
    Corner(
        "packed-wire",
        "chunked, in lower case, a quoted boundary, the image last, spaces in its name, more part headers",
        lambda b: _in_lower_case(_in_chunks(_announced(b, _QUOTED, _punctuated, _in_order_of(_SPACE)))),
        apart=(_WIRE_ORDER, _WIRE_LOWER_CASE, _WIRE_CHUNKED, _WIRE_QUOTED, _NAME_SPACE, _WIRE_HEADERS),
    ),
    Corner(
        "packed-texts",
        "a long boundary, a quote in the file name, an empty user, an RGBA picture, another size",
        lambda b: _announced(
            b, str, _seventy, lambda b: (_disposed(b, _QUOTE, png.Kind(png.RGBA)), *_texts(user="", **_MIDDLE))
        ),
        apart=(
            _WIRE_LONG,
            _NAME_QUOTE,
            _USER_EMPTY,
            form_of("user-none-512", **_MIDDLE),
            _taken("png-rgba", "an RGBA PNG", lambda b: b.png(png.Kind(png.RGBA))),
        ),
    ),
    Corner(
        "packed-labels",
        "a file name and a user beyond ASCII, a JPEG's type, a link",
        lambda b: b.form(_retyped(_disposed(b, _UNICODE), "image/jpeg"), user=_UNICODE_USER, **LINK),
        apart=(_NAME_UNICODE, _TYPE_JPEG, _USER_UNICODE, form_of("small-link", **LINK)),
    ),
    Corner(
        "packed-large",
        "the largest size, a long user, a JPEG's name, the model",
        lambda b: b.form(b.image(filename="picture.jpg"), user="u" * 1000, model="dall-e-2", **_LARGE),
        apart=(
            _NAME_JPG,
            _USER_LONG,
            form_of("size-1024", **_LARGE),
            form_of("model-given", model="dall-e-2", **SMALL),
        ),
    ),
    _WIRE_QUERY,
    _taken("png-4-mb", "4,000,000 bytes", lambda b: png.padded(b.png(), 4_000_000)),
)
# What a server should accept.
PACKED_OPTIONAL = (
    Corner(
        "packed-octets",
        "no file name, octet-stream, 16-bit grey with alpha, interlaced",
        lambda b: b.form(
            b.image(b.png(png.Kind(png.GREY_ALPHA, 16, interlaced=True)), None, "application/octet-stream"), **SMALL
        ),
        apart=(
            _NAME_NONE,
            _TYPE_OCTETS,
            _taken("png-16-bit", "a 16-bit PNG", lambda b: b.png(png.Kind(png.RGB, 16))),
            _taken("png-interlaced", "an interlaced PNG", lambda b: b.png(png.Kind(png.RGB, interlaced=True))),
            _taken("png-grey-alpha", "a grey PNG with alpha", lambda b: b.png(png.Kind(png.GREY_ALPHA))),
        ),
    ),
    _taken("png-palette", "a palette PNG", lambda b: b.png(png.Kind(png.PALETTE))),
    Corner(
        "packed-bits",
        "one bit a pixel, grey, text around the form",
        lambda b: _surrounded(b.form(b.image(b.png(png.Kind(png.GREY, 1))), **SMALL)),
        apart=(_taken("png-grey", "a grey PNG", lambda b: b.png(png.Kind(png.GREY))), _WIRE_PREAMBLE),
    ),
    _taken("png-1x1", "a PNG of one pixel", lambda b: b.png(side=1)),
)

# As few as let each field be seen given and left out.
QUICK_VALUES = (form_of("n-two-quick", n="2", size="256x256"), SIZE_DEFAULT)


def _together(label: str, *corners: Corner) -> tuple[Corner, ...]:
    return tuple(evolve(it, label=f"{label}-{number}", batch="together") for number, it in enumerate(corners, start=1))


# Each of them is also sent alone.
TOGETHER = _together("together", SMALL_ONE, SIZE_512, SMALL_ONE, SIZE_512, N_TWO, FORMAT_DEFAULT)
QUICK_TOGETHER = _together("together-quick", SMALL_ONE, PLAIN, SMALL_ONE, PLAIN)

_IN_ORDER = (
    *(PLAIN, SMALL_ONE, *REFUSED, AFTER_ERRORS, *VALUES, *PACKED, *PACKED_OPTIONAL, TEN, PLAIN_AFTER_TEN),
    *(*TOGETHER, *ODD, PLAIN_AT_THE_END),
)
ONLY_QUICK = (*(corner for corner in QUICK_VALUES if corner not in _IN_ORDER), *QUICK_TOGETHER)
CORNERS = (*(each for corner in _IN_ORDER for each in (corner, *corner.apart)), *ONLY_QUICK)
# The values of text fields that one of them sends.
SENT = frozenset(pair for corner in CORNERS for pair in corner.fields.items())
