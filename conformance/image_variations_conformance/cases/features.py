"""The table of the features of valid requests: a row for each value that the register names, with the change to it.

Probes of the text fields are made from the evidence of the register, and so from the contract.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from attrs import evolve, frozen

from ..contract.document import Contract
from ..contract.evidence import ABSENT, AcceptsFeature, AcceptsField, Sample
from ..media import png
from ..media.pictures import transparent
from . import transforms
from .builder import Builder, Draft
from .changes import (
    boundary,
    content,
    content_type,
    field,
    filename,
    header,
    image_part,
    image_type,
    lower_part,
    of_kind,
    side,
    text_type,
    user,
    variant,
    with_query,
    with_text,
)
from .probes import IMAGE, KEY, WHOLE, Change, Probe


@frozen
class Row:
    """A row of the table of features: the ids and names as in the register, the axes in one text, and the change."""

    requirement: str
    feature: str
    value: str
    axes: str
    apply: Change
    quick: bool = False

    def probe(self) -> Probe:
        """Return the probe of the row."""
        axes = frozenset(self.axes.split("+"))
        return Probe(self.requirement, f"{self.feature}={self.value}", axes, self.apply, quick=self.quick)


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
_QUOTE = '; filename="a \\"b\\".png"'

FEATURES: tuple[Row, ...] = (
    Row("IV-IMAGE-PNG", "png", "rgb", _PNG, of_kind(png.PLAIN), quick=True),
    Row("IV-IMAGE-PNG", "png", "rgba", _PNG, of_kind(png.Kind(png.RGBA)), quick=True),
    Row(
        "IV-IMAGE-PNG",
        "png",
        "wholly-transparent",
        _PNG,
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
    Row("IV-IMAGE-PNG-CHUNKS", "chunks", "transparent-colour", _CHUNKS, variant("transparent-colour")),
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
    Row("IV-USER-TEXT", "user", "ascii", "user", user("user-1234"), True),
    Row("IV-USER-TEXT", "user", "punctuation", "user", user('O\'Neil & "Sons" <a@b.example>; 100% #1 \\ {x}=$y')),
    Row("IV-USER-TEXT", "user", "spaces", "user", user("two  words ")),
    Row("IV-USER-TEXT", "user", "digits", "user", user("007")),
    Row("IV-USER-TEXT", "user", "word-for-null", "user", user("null")),
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
    # --- the encoding of the form
    Row("IV-WIRE-FILENAME", "filename", "space", "filename", filename('; filename="my own picture.png"'), True),
    Row("IV-WIRE-FILENAME", "filename", "quote", "filename", filename(_QUOTE), True),
    Row("IV-WIRE-FILENAME", "filename", "percent-quote", "filename", filename('; filename="a %22b%22.png"')),
    Row("IV-WIRE-FILENAME", "filename", "unicode", "filename", filename('; filename="B\u00e4r \u718a.png"'), True),
    Row("IV-WIRE-FILENAME", "filename", "semicolon", "filename", filename('; filename="a; name=b=c, d.png"')),
    Row("IV-WIRE-FILENAME", "filename", "comma-and-quote", "filename", filename('; filename="a, \\"b\\".png"')),
    Row("IV-WIRE-FILENAME", "filename", "apostrophe", "filename", filename('; filename="it\'s (1) [2].tar.gz.png"')),
    Row("IV-WIRE-FILENAME", "filename", "path", "filename", filename('; filename="../pictures/a.png"')),
    Row("IV-WIRE-FILENAME", "filename", "200-characters", "filename", filename(f'; filename="{"p" * 196}.png"')),
    Row(
        "IV-WIRE-ORDER",
        "part-order",
        "image-last",
        "order+user",
        lambda _, draft: evolve(with_text(draft), image_last=True),
        True,
    ),
    Row("IV-WIRE-BOUNDARY", "boundary", "quoted", "boundary", boundary(lambda b: b.boundary(), '"{boundary}"'), True),
    Row(
        "IV-WIRE-BOUNDARY",
        "boundary",
        "70-characters",
        "boundary",
        boundary(lambda b: (b.boundary() + b.boundary().upper() * 2)[:70]),
        True,
    ),
    Row(
        "IV-WIRE-BOUNDARY",
        "boundary",
        "punctuation",
        "boundary",
        boundary(lambda b: f"=_{b.boundary()[:20]}:(+)?/,.", '"{boundary}"'),
        True,
    ),
    Row("IV-WIRE-BOUNDARY", "boundary", "dashes", "boundary", boundary(lambda b: f"{'-' * 27}{b.boundary()[:16]}")),
    Row(
        "IV-WIRE-BOUNDARY",
        "boundary",
        "quoted-pair",
        "boundary",
        boundary(lambda b: b.boundary(), '"\\{boundary}"'),
    ),
    Row("IV-WIRE-BOUNDARY", "boundary", "short", "boundary", boundary(lambda b: f"x{b.boundary()[:7]}")),
    Row(
        "IV-WIRE-PART-HEADERS",
        "part-headers",
        "unknown",
        "headers",
        image_part(lambda _, part: transforms.with_unknown_headers(part)),
        True,
    ),
    Row(
        "IV-WIRE-PART-HEADERS",
        "part-headers",
        "ten-unknown",
        "headers",
        image_part(
            lambda _, part: evolve(part, headers=(*part.headers, *((f"X-Part-{number}", "1") for number in range(10))))
        ),
    ),
    Row(
        "IV-WIRE-PART-HEADERS",
        "part-headers",
        "signs-in-a-name",
        "headers",
        image_part(lambda _, part: evolve(part, headers=(*part.headers, ("X!#$%&'*+.^_`|~", "1")))),
    ),
    Row(
        "IV-WIRE-PART-HEADERS",
        "part-headers",
        "content-length",
        "headers+image",
        image_part(lambda _, part: evolve(part, headers=(*part.headers, ("Content-Length", str(len(part.content)))))),
    ),
    Row(
        "IV-WIRE-PREAMBLE",
        "text-around",
        "preamble-and-epilogue",
        "around",
        lambda _, draft: draft.finally_(transforms.with_preamble),
        True,
    ),
    Row(
        "IV-WIRE-PREAMBLE",
        "text-around",
        "transport-padding",
        "around+boundary",
        lambda _, draft: draft.finally_(transforms.with_transport_padding),
    ),
    Row(
        "IV-WIRE-CHUNKED",
        "body",
        "chunked",
        "framing",
        lambda _, draft: draft.finally_(transforms.with_chunked_coding()),
        True,
    ),
    Row(
        "IV-WIRE-CHUNKED",
        "body",
        "small-chunks",
        "framing",
        lambda _, draft: draft.finally_(transforms.with_chunked_coding(chunk_bytes=97)),
    ),
    Row(
        "IV-WIRE-CHUNKED",
        "body",
        "chunk-extension",
        "framing",
        lambda _, draft: draft.finally_(transforms.with_chunked_coding(extension=';a=1;b="two"')),
    ),
    Row(
        "IV-WIRE-CHUNKED",
        "body",
        "trailers",
        "framing",
        lambda _, draft: draft.finally_(transforms.with_chunked_coding(trailers=(("X-Checksum", "0"),))),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "header-names",
        "header-names",
        lambda _, draft: draft.finally_(transforms.with_lower_case_names),
        True,
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "upper-case-names",
        "header-names",
        lambda _, draft: draft.finally_(transforms.with_upper_case_names),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "part-header-names",
        "headers",
        lambda _, draft: evolve(
            draft,
            image=lower_part(draft.image),
            texts=tuple(map(lower_part, draft.texts)),
        ),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "media-type",
        "boundary",
        content_type("Multipart/Form-Data; Boundary={boundary}"),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "parameter-names",
        "boundary",
        content_type("multipart/form-data; BOUNDARY={boundary}"),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "part-parameter-names",
        "filename",
        image_part(
            lambda b, part: transforms.with_disposition(
                part, f'form-data; NAME="{b.contract.image_field}"; FILENAME="a.png"'
            )
        ),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "scheme",
        KEY,
        lambda _, draft: draft.finally_(transforms.with_scheme("bearer")),
        True,
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "upper-case-scheme",
        KEY,
        lambda _, draft: draft.finally_(transforms.with_scheme("BEARER")),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "filename-first",
        "filename",
        image_part(
            lambda b, part: transforms.with_disposition(
                part, f'form-data; filename="picture.png"; name="{b.contract.image_field}"'
            )
        ),
        True,
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "backslash-before-name",
        "filename",
        image_part(
            lambda b, part: transforms.with_disposition(
                part, f'form-data; filename="pictures\\\\"; name="{b.contract.image_field}"'
            )
        ),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "charset-first",
        "boundary",
        content_type("multipart/form-data; charset=utf-8; boundary={boundary}"),
        True,
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "no-spaces",
        "boundary",
        content_type("multipart/form-data;boundary={boundary}"),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "more-spaces",
        "boundary",
        content_type("multipart/form-data ;  boundary={boundary}"),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "no-spaces-in-part",
        "filename",
        image_part(
            lambda b, part: transforms.with_disposition(
                part, f'form-data;name="{b.contract.image_field}";filename="a.png"'
            )
        ),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "charset-last",
        "boundary",
        content_type("multipart/form-data; boundary={boundary}; charset=utf-8"),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "tab",
        "boundary",
        content_type("multipart/form-data;\tboundary={boundary}"),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "empty-parameter",
        "boundary",
        content_type("multipart/form-data; boundary={boundary};"),
    ),
    Row("IV-WIRE-TEXT-TYPE", "text-part-type", "text-plain", "text-type+user", text_type("text/plain"), True),
    Row(
        "IV-WIRE-TEXT-TYPE",
        "text-part-type",
        "text-plain-utf-8",
        "text-type+user",
        text_type("text/plain; charset=utf-8"),
        True,
    ),
    Row(
        "IV-WIRE-TEXT-TYPE",
        "text-part-type",
        "charset-in-quotes",
        "text-type+user",
        text_type('text/plain; charset="UTF-8"'),
    ),
    Row(
        "IV-WIRE-TEXT-TYPE",
        "text-part-type",
        "other-charset",
        "text-type+user",
        text_type("text/plain; charset=iso-8859-15"),
    ),
    Row("IV-WIRE-EXPECT", "expect", "100-continue", "expect", header("Expect", "100-continue"), True),
    Row("IV-WIRE-HEADERS", "header", "accept-anything", "accept", header("Accept", "*/*"), True),
    Row("IV-WIRE-HEADERS", "header", "no-accept", "accept", header("Accept", None)),
    Row("IV-WIRE-HEADERS", "header", "no-user-agent", "agent", header("User-Agent", None)),
    Row("IV-WIRE-HEADERS", "header", "cookie", "cookie", header("Cookie", "a=1; theme=dark")),
    Row("IV-WIRE-HEADERS", "header", "unknown", "unknown-header", header("X-Request-Source", "conformance"), True),
    Row("IV-WIRE-HEADERS", "header", "4000-characters", "unknown-header", header("X-Trace", "t" * 4000)),
    Row("IV-WIRE-QUERY", "query-string", "other-values", WHOLE, with_query, True),
    Row(
        "IV-AUTH-SPACES",
        "spaces-before-key",
        "two",
        KEY,
        lambda _, draft: draft.finally_(transforms.with_scheme("Bearer ")),
        True,
    ),
    Row("IV-AUTH-REQUIRED", "key", "absent", WHOLE, header("Authorization", None), True),
)

KEY_ITEMS = frozenset(row.probe().item for row in FEATURES if row.axes == KEY)
"""The items of evidence on spellings of the API key, which a request without one does not show."""


def probes(contract: Contract, seed: int) -> list[Probe]:
    """Return the probes of a run: what the effective contract says that a valid request may have."""
    found = [*_field_probes(contract, seed)]
    for row in FEATURES:
        requirement = contract.requirements.get(row.requirement)
        evidence = requirement.evidence if requirement is not None else None
        if isinstance(evidence, AcceptsFeature) and row.value in evidence.values and row.feature == evidence.feature:
            found.append(row.probe())
    return found


def _field_probes(contract: Contract, seed: int) -> Iterator[Probe]:
    """Yield the probes of values of text fields, and of requests without a field."""
    for name, rules in contract.rules.items():
        for requirement_id in (rules.valid, rules.absent):
            requirement = contract.requirements.get(requirement_id or "")
            evidence = requirement.evidence if requirement is not None else None
            if not isinstance(evidence, AcceptsField | Sample) or evidence.field != name:
                continue
            for item in evidence.items(contract, seed):
                value: str | None = item.partition("=")[2]
                value = None if value == ABSENT else value
                images = int(value) if name == "n" and value is not None else 1
                # A seed adds some numbers of images, which cost most.
                quick = images <= 2
                first = item in {"n=2", "response_format=url"}
                yield Probe(requirement_id or "", item, frozenset({name}), field(name, value), images, quick, first)
    if contract.fields["n"].get("maximum") == 2 and "b64_json" in contract.fields["response_format"]["enum"]:
        # The only request for several images asks for links.
        axes = frozenset({"n", "response_format"})
        yield Probe("IV-N-RANGE", "n=2 in b64_json", axes, _two_in_base64, 2)
    for name in contract.image_rules.other_names:
        yield Probe(
            "IV-IMAGE-REQUIRED",
            f"image-field={name}",
            frozenset({"filename", "part-type"}),
            _image_named(name),
            quick=True,
        )


def _two_in_base64(_: Builder, draft: Draft) -> Draft:
    return draft.text("n", "2").text("response_format", "b64_json")


def _image_named(name: str) -> Change:
    return image_part(
        lambda _, part: transforms.with_disposition(part, f'form-data; name="{name}"; filename="picture.png"')
    )
