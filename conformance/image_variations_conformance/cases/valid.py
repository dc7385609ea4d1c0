"""Named cases that must be accepted, or should be."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from ..media import png
from ..wire.exchange import Request
from ..wire.multipart import Part
from .case import Builder
from .named_case import SMALL, NamedCase, form_case, text_parts
from .transforms import (
    with_boundary,
    with_chunked_coding,
    with_disposition,
    with_lower_case_headers,
    with_media_type,
    with_preamble,
    with_unknown_headers,
)


def _accepted_image(label: str, requirements: str, note: str, make: Callable[[Builder], bytes]) -> NamedCase:
    return NamedCase(label, requirements, note, lambda b: b.form(b.image(make(b)), **SMALL))


def _quoted(boundary: str) -> str:
    return f'"{boundary}"'


def _boundary_with_punctuation(b: Builder) -> str:
    return f"=_{b.boundary()[:20]}:(+)?"


def _boundary_of_70_characters(b: Builder) -> str:
    return (b.boundary() + b.boundary().upper() * 2)[:70]


def _form_with_boundary(b: Builder, boundary: str, announced: str, *parts: Part) -> Request:
    return with_boundary(b.multipart(parts or (b.image(), *text_parts(**SMALL)), boundary), announced)


def _quoted_boundary(b: Builder) -> Request:
    boundary = _boundary_with_punctuation(b)
    return _form_with_boundary(b, boundary, _quoted(boundary))


def _long_boundary(b: Builder) -> Request:
    boundary = _boundary_of_70_characters(b)
    return _form_with_boundary(b, boundary, boundary)


def _with_query(b: Builder) -> Request:
    request = b.form(n="1", **SMALL)
    return evolve(request, target=f"{request.target}?n=3&size=512x512&response_format=url")


_EVERY_RESPONSE = (
    "IV-RES-JSON IV-RES-SCHEMA IV-RES-CREATED IV-RES-BACKGROUND IV-RES-OUTPUT-FORMAT IV-RES-QUALITY IV-RES-SIZE "
    "IV-RES-USAGE IV-RES-REVISED-PROMPT"
)
_EVERY_LINK = "IV-URL-ABSOLUTE IV-URL-FETCH IV-URL-HTTP IV-URL-TYPE IV-URL-GUESS"
_EVERY_IMAGE = "IV-OUT-B64 IV-OUT-B64-PNG IV-OUT-FORMAT IV-OUT-SIZE IV-OUT-CHANGED IV-OUT-BLANK"
_DEFAULTS = "IV-OP-VALID IV-N-DEFAULT IV-SIZE-DEFAULT IV-FORMAT-DEFAULT IV-MODEL-OPTIONAL IV-USER-OPTIONAL"

PLAIN = NamedCase(
    "plain",
    f"{_DEFAULTS} IV-IMAGE-PNG {_EVERY_RESPONSE} {_EVERY_LINK}",
    "nothing but an image",
    lambda b: b.form(),
)
SMALL_ONE = form_case("small", f"IV-SIZE-ENUM IV-FORMAT-ENUM IV-RES-KEY {_EVERY_IMAGE}", **SMALL)
PLAIN_AT_THE_END = evolve(
    PLAIN,
    label="plain-at-the-end",
    requirements="IV-STATE-RECOVERS IV-STATE-INDEPENDENT",
    note="the plain request again",
)

# These show whether a request influences the next: the small request after errors, and the plain request after one with
# the maximum of n and the other response format.
AFTER_ERRORS = evolve(
    SMALL_ONE,
    label="small-after-errors",
    requirements="IV-STATE-RECOVERS",
    note="the small request again, after errors",
)
TEN = form_case("n-ten", "IV-N-RANGE IV-RES-COUNT IV-OUT-DISTINCT IV-OUT-RESEMBLES", n="10", **SMALL)
PLAIN_AFTER_TEN = evolve(
    PLAIN, label="plain-after-ten", requirements="IV-STATE-INDEPENDENT", note="the plain request again, after n=10"
)

# Each field with its values and without one.
LINK = {"size": "256x256", "response_format": "url"}
_MIDDLE = {"size": "512x512", "response_format": "b64_json"}
_LARGE = {"size": "1024x1024", "response_format": "b64_json"}
N_TWO = form_case("n-two", "IV-N-RANGE IV-RES-COUNT IV-FORMAT-ENUM", n="2", **LINK)
SIZE_512 = form_case("size-512", "IV-SIZE-ENUM IV-OUT-SIZE", **_MIDDLE)
FORMAT_DEFAULT = form_case("format-default", "IV-FORMAT-DEFAULT", size="256x256")
SIZE_DEFAULT = form_case("size-default", "IV-SIZE-DEFAULT", n="1", response_format="b64_json")
VALUES = (
    N_TWO,
    SIZE_512,
    form_case(
        "all-fields", "IV-MODEL-ACCEPTED IV-USER-TEXT IV-N-RANGE", model="dall-e-2", n="2", user="user-1234", **SMALL
    ),
    FORMAT_DEFAULT,
    SIZE_DEFAULT,
)

_UNICODE_USER = "Zo\u00eb \U0001f600 \u7528\u6237"
_SPACE = 'filename="my own picture.png"'
_QUOTE = r'filename="a \"b\".png"'
_UNICODE = 'filename="B\u00e4r \u718a.png"'


def _with_filename(b: Builder, image: Part, filename: str) -> Part:
    return with_disposition(image, f'form-data; name="{b.contract.image_field}"; {filename}')


def _filename_case(label: str, note: str, filename: str) -> NamedCase:
    return NamedCase(label, "IV-WIRE-FILENAME", note, lambda b: b.form(_with_filename(b, b.image(), filename), **SMALL))


def _all_wire_features(b: Builder) -> Request:
    boundary = _boundary_with_punctuation(b)
    image = with_unknown_headers(_with_filename(b, b.image(), _SPACE))
    parts = (*text_parts(**SMALL, n="1", user="user-1234"), image)
    return with_lower_case_headers(with_chunked_coding(_form_with_boundary(b, boundary, _quoted(boundary), *parts)))


def _all_text_features(b: Builder) -> Request:
    boundary = _boundary_of_70_characters(b)
    image = _with_filename(b, b.image(b.png(png.Kind(png.RGBA))), _QUOTE)
    return _form_with_boundary(b, boundary, boundary, image, *text_parts(user="", **_MIDDLE))


_PNG_RGBA = _accepted_image("png-rgba", "IV-IMAGE-PNG", "an RGBA PNG", lambda b: b.png(png.Kind(png.RGBA)))

# What a server must accept. Several features share a request, so that they cost few images.
COMBINED = (
    NamedCase(
        "combined-wire",
        "IV-WIRE-CHUNKED IV-WIRE-HEADER-CASE IV-WIRE-BOUNDARY IV-WIRE-ORDER IV-WIRE-FILENAME IV-WIRE-PART-HEADERS",
        "chunked, in lower case, a quoted boundary, the image last, spaces in its name, unknown part headers",
        _all_wire_features,
        parts=(
            NamedCase(
                "wire-order",
                "IV-WIRE-ORDER",
                "the image after the fields",
                lambda b: b.multipart((*text_parts(**SMALL, n="1"), b.image())),
            ),
            NamedCase(
                "wire-lower-case",
                "IV-WIRE-HEADER-CASE",
                "header names and scheme in lower case",
                lambda b: with_lower_case_headers(b.form(**SMALL)),
            ),
            NamedCase(
                "wire-chunked",
                "IV-WIRE-CHUNKED",
                "chunked transfer coding",
                lambda b: with_chunked_coding(b.form(**SMALL)),
            ),
            NamedCase(
                "wire-boundary-quoted", "IV-WIRE-BOUNDARY", "a quoted boundary with punctuation", _quoted_boundary
            ),
            _filename_case("filename-space", "spaces in the file name", _SPACE),
            NamedCase(
                "wire-part-headers",
                "IV-WIRE-PART-HEADERS",
                "unknown header fields of a part",
                lambda b: b.form(with_unknown_headers(b.image()), **SMALL),
            ),
        ),
    ),
    NamedCase(
        "combined-texts",
        "IV-WIRE-BOUNDARY IV-WIRE-FILENAME IV-USER-TEXT IV-IMAGE-PNG IV-SIZE-ENUM",
        "a long boundary, a quote in the file name, an empty user, an RGBA picture, another size",
        _all_text_features,
        parts=(
            NamedCase("wire-boundary-long", "IV-WIRE-BOUNDARY", "a boundary of 70 characters", _long_boundary),
            _filename_case("filename-quote", "an escaped quote in the file name", _QUOTE),
            form_case("user-empty", "IV-USER-TEXT", user="", **SMALL),
            form_case("user-none-512", "IV-SIZE-ENUM", **_MIDDLE),
            _PNG_RGBA,
        ),
    ),
    NamedCase(
        "combined-labels",
        "IV-WIRE-FILENAME IV-IMAGE-BY-BYTES IV-USER-TEXT IV-FORMAT-ENUM",
        "a file name and a user beyond ASCII, the type image/jpeg, a link",
        lambda b: b.form(
            with_media_type(_with_filename(b, b.image(), _UNICODE), "image/jpeg"), user=_UNICODE_USER, **LINK
        ),
        parts=(
            _filename_case("filename-unicode", "a file name beyond ASCII", _UNICODE),
            NamedCase(
                "part-type-jpeg",
                "IV-IMAGE-BY-BYTES",
                "a PNG with the type image/jpeg",
                lambda b: b.form(b.image(media_type="image/jpeg"), **SMALL),
            ),
            form_case("user-unicode", "IV-USER-TEXT", user=_UNICODE_USER, **SMALL),
            form_case("small-link", "IV-FORMAT-ENUM", **LINK),
        ),
    ),
    NamedCase(
        "combined-large",
        "IV-SIZE-ENUM IV-USER-TEXT IV-IMAGE-BY-BYTES IV-MODEL-ACCEPTED",
        "the largest size, a long user, a PNG named .jpg, the model",
        lambda b: b.form(b.image(filename="picture.jpg"), user="u" * 1000, model="dall-e-2", **_LARGE),
        parts=(
            NamedCase(
                "filename-jpg",
                "IV-IMAGE-BY-BYTES",
                "a PNG named .jpg",
                lambda b: b.form(b.image(filename="picture.jpg"), **SMALL),
            ),
            form_case("user-long", "IV-USER-TEXT", user="u" * 1000, **SMALL),
            form_case("size-1024", "IV-SIZE-ENUM", **_LARGE),
            form_case("model-given", "IV-MODEL-ACCEPTED", model="dall-e-2", **SMALL),
        ),
    ),
    NamedCase("wire-query", "IV-WIRE-QUERY", "other values in the query string", _with_query),
    _accepted_image("png-4-mb", "IV-IMAGE-UP-TO-LIMIT", "as large as always accepted", lambda b: b.largest_png()),
)
# What a server should accept.
COMBINED_OPTIONAL = (
    NamedCase(
        "combined-octets",
        "IV-IMAGE-NO-FILENAME IV-IMAGE-OCTET-STREAM IV-IMAGE-PNG-KINDS",
        "no file name, octet-stream, 16-bit grey with alpha, interlaced",
        lambda b: b.form(
            b.image(b.png(png.Kind(png.GREY_ALPHA, 16, interlaced=True)), None, "application/octet-stream"), **SMALL
        ),
        parts=(
            NamedCase(
                "filename-none",
                "IV-IMAGE-NO-FILENAME",
                "no file name",
                lambda b: b.form(b.image(filename=None), **SMALL),
            ),
            NamedCase(
                "part-type-octets",
                "IV-IMAGE-OCTET-STREAM",
                "type octet-stream",
                lambda b: b.form(b.image(media_type="application/octet-stream"), **SMALL),
            ),
            _accepted_image("png-16-bit", "IV-IMAGE-PNG-KINDS", "a 16-bit PNG", lambda b: b.png(png.Kind(png.RGB, 16))),
            _accepted_image(
                "png-interlaced",
                "IV-IMAGE-PNG-KINDS",
                "an interlaced PNG",
                lambda b: b.png(png.Kind(png.RGB, interlaced=True)),
            ),
            _accepted_image(
                "png-grey-alpha",
                "IV-IMAGE-PNG-KINDS",
                "a grey PNG with alpha",
                lambda b: b.png(png.Kind(png.GREY_ALPHA)),
            ),
        ),
    ),
    _accepted_image("png-palette", "IV-IMAGE-PNG-KINDS", "a palette PNG", lambda b: b.png(png.Kind(png.PALETTE))),
    NamedCase(
        "combined-bits",
        "IV-IMAGE-PNG-KINDS IV-WIRE-PREAMBLE",
        "one bit a pixel, grey, text around the form",
        lambda b: with_preamble(b.form(b.image(b.png(png.Kind(png.GREY, 1))), **SMALL)),
        parts=(
            _accepted_image("png-grey", "IV-IMAGE-PNG-KINDS", "a grey PNG", lambda b: b.png(png.Kind(png.GREY))),
            NamedCase(
                "wire-preamble", "IV-WIRE-PREAMBLE", "text around the form", lambda b: with_preamble(b.form(**SMALL))
            ),
        ),
    ),
    _accepted_image("png-1x1", "IV-IMAGE-PNG-KINDS", "a PNG of one pixel", lambda b: b.png(side=1)),
)

# The fewest cases that, with the ones above, send each field and leave it out.
QUICK_VALUES = (form_case("n-two-quick", "IV-N-RANGE", n="2", size="256x256"), SIZE_DEFAULT)


def _concurrent(label: str, *cases: NamedCase) -> tuple[NamedCase, ...]:
    return tuple(
        evolve(case, label=f"{label}-{number}", requirements="IV-STATE-PARALLEL", concurrent_with="together")
        for number, case in enumerate(cases, start=1)
    )


# Each of them is also sent alone.
TOGETHER = _concurrent("together", SMALL_ONE, SIZE_512, SMALL_ONE, SIZE_512, N_TWO, FORMAT_DEFAULT)
QUICK_TOGETHER = _concurrent("together-quick", SMALL_ONE, PLAIN, SMALL_ONE, PLAIN)
