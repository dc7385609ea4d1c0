"""Probes: properties of a valid request that a server must accept, each a change of a form that it accepts anyway.

Probes of the text fields are made from the evidence of the register, and so from the contract. The others are the rows
of FEATURES, which have a row for each value that the register names. OPEN has properties on which the contract is silent: they may
be refused, but must not break the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from ..contract.document import Contract
from ..contract.evidence import ABSENT, AcceptsFeature, AcceptsField, Sample
from ..media import png
from ..media.pictures import transparent
from ..media.variants import ANCILLARY, LAYOUTS
from ..wire.multipart import Part, text_part
from . import transforms as change

if TYPE_CHECKING:
    from .builder import Builder, Draft

Change = Callable[["Builder", "Draft"], "Draft"]

WHOLE = "whole request"
"""The axis of probes that are sent alone."""
NO_5XX = "IV-ERR-NO-5XX"


@frozen(eq=False)
class Probe:
    """A property of a request, and the item of evidence that it gives. `images` is how many images it costs.

    Two probes with a common axis are not sent together. A probe of several axes is kept apart from properties that
    real servers confuse it with. `quick` ones are sent at every depth, and `first` ones in the first pack: several
    links in one response show what one link does not.
    """

    requirement: str
    item: str
    axes: frozenset[str]
    apply: Change
    images: int = 1
    quick: bool = False
    first: bool = False

    @property
    def open(self) -> bool:
        """Whether the contract does not say if a request with this property is accepted."""
        return self.requirement == NO_5XX

    @property
    def fits_others(self) -> bool:
        """Whether the probe can be sent with others at all."""
        return WHOLE not in self.axes

    def fits(self, other: Probe) -> bool:
        """Return whether two probes can be sent in one request."""
        return not self.axes & other.axes and self.fits_others and other.fits_others


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


# --- changes


def _content(make: Callable[[Builder], bytes]) -> Change:
    """Return the change of the bytes of the image."""
    return lambda b, draft: evolve(draft, image=evolve(draft.image, content=make(b)))


def _kind(kind: png.Kind) -> Change:
    return _content(lambda b: b.png(kind))


def _variant(*names: str) -> Change:
    """Return the change to a PNG with these chunks or this layout, one after the other."""

    def make(b: Builder) -> bytes:
        content = b.png()
        for name in names:
            # The chunk tRNS is for pictures without an alpha channel.
            if name != "transparent-colour" or b.base.kind == png.PLAIN:
                content = (ANCILLARY.get(name) or LAYOUTS[name]).apply(content)
        return content

    return _content(make)


def _side(wanted: Callable[[Contract], int]) -> Change:
    """Return the change to a picture whose sides are the nearest to the wanted ones that the contract allows."""

    def make(b: Builder) -> bytes:
        rules, side = b.contract.image_rules, wanted(b.contract)
        side = max(rules.min_side, min(side, rules.max_side))
        return b.png(side=max(rules.multiple_of, side - side % rules.multiple_of))

    return _content(make)


def _image_part(alter: Callable[[Builder, Part], Part]) -> Change:
    return lambda b, draft: evolve(draft, image=alter(b, draft.image))


def _filename(parameters: str) -> Change:
    """Return the change of the parameters of Content-Disposition after the name of the field."""
    return _image_part(
        lambda b, part: change.with_disposition(part, f'form-data; name="{b.contract.image_field}"{parameters}')
    )


def _image_type(media_type: str | None) -> Change:
    return _image_part(lambda b, part: change.with_media_type(part, media_type))


def _user(value: str | bytes) -> Change:
    return lambda b, draft: draft.text("user", value)


def _boundary(make: Callable[[Builder], str], announced: str = "{boundary}") -> Change:
    def apply(b: Builder, draft: Draft) -> Draft:
        return evolve(draft, boundary=make(b), content_type=f"multipart/form-data; boundary={announced}")

    return apply


def _content_type(template: str) -> Change:
    return lambda b, draft: evolve(draft, content_type=template)


def _text_type(media_type: str) -> Change:
    """Return the change that gives every text part a type. If there is none, the user is sent."""

    def apply(b: Builder, draft: Draft) -> Draft:
        draft = draft if draft.texts else draft.text("user", "user-1234")
        return evolve(draft, texts=tuple(change.with_media_type(part, media_type) for part in draft.texts))

    return apply


def _header(name: str, value: str | None) -> Change:
    return lambda b, draft: draft.finally_(lambda request: change.with_header(request, name, value))


def _extra(*parts: Part) -> Change:
    return lambda b, draft: evolve(draft, texts=(*draft.texts, *parts))


def _field(name: str, value: str | None) -> Change:
    return lambda b, draft: draft.text(name, value)


def _other_value(b: Builder, name: str) -> str:
    """Return a valid value of a field that is not the one of the base."""
    schema = b.contract.text_fields[name]
    others = (str(value) for value in schema.get("enum", ("3",)) if str(value) != b.base.texts.get(name))
    return next(others, "3")


def _with_query(b: Builder, draft: Draft) -> Draft:
    """Add a query string with other values of the fields, those that the form has and those that it does not have."""
    query = "&".join(f"{name}={_other_value(b, name)}" for name in b.contract.text_fields)
    return draft.finally_(change.with_query(query))


_PNG = _SIDE = _CHUNKS = "image"
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
    Row("IV-IMAGE-PNG", "png", "rgb", _PNG, _kind(png.PLAIN), quick=True),
    Row("IV-IMAGE-PNG", "png", "rgba", _PNG, _kind(png.Kind(png.RGBA)), quick=True),
    Row(
        "IV-IMAGE-PNG",
        "png",
        "wholly-transparent",
        _PNG,
        _content(lambda b: png.encode(transparent(b.picture()), png.Kind(png.RGBA))),
    ),
    Row("IV-IMAGE-PNG", "png", "row-filters-and-idat-chunks", _PNG, _variant("filters", "idat-pieces")),
    Row("IV-IMAGE-PNG-CHUNKS", "chunks", "known-ancillary", _CHUNKS, _variant(*_KNOWN_CHUNKS), True),
    Row(
        "IV-IMAGE-PNG-CHUNKS",
        "chunks",
        "private-ancillary-and-300-texts",
        _CHUNKS,
        _variant("private-before", "private-after"),
        True,
    ),
    Row("IV-IMAGE-PNG-CHUNKS", "chunks", "transparent-colour", _CHUNKS, _variant("transparent-colour")),
    Row("IV-IMAGE-PNG-ANIMATED", "png", "animated", _PNG, _variant("animated"), True),
    Row("IV-IMAGE-PNG-SIDES", "side", "minimum", _SIDE, _side(lambda c: c.image_rules.min_side), quick=True),
    Row("IV-IMAGE-PNG-SIDES", "side", "odd", _SIDE, _side(lambda c: 255), quick=True),
    Row("IV-IMAGE-PNG-SIDES", "side", "512", _SIDE, _side(lambda c: 512)),
    Row("IV-IMAGE-PNG-SIDES", "side", "1000", _SIDE, _side(lambda c: 1000)),
    Row("IV-IMAGE-PNG-SIDES", "side", "maximum", _SIDE, _side(lambda c: c.image_rules.max_side), quick=True),
    Row("IV-IMAGE-UP-TO-LIMIT", "image-bytes", "largest-valid", "image", _content(lambda b: b.largest_png()), True),
    Row("IV-IMAGE-BY-BYTES", "image-label", "jpg-name", "filename", _filename('; filename="picture.jpg"'), True),
    Row("IV-IMAGE-BY-BYTES", "image-label", "upper-case-name", "filename", _filename('; filename="PICTURE.PNG"')),
    Row("IV-IMAGE-BY-BYTES", "image-label", "name-without-suffix", "filename", _filename('; filename="blob"')),
    Row("IV-IMAGE-BY-BYTES", "image-label", "jpeg-type", "part-type", _image_type("image/jpeg"), True),
    Row("IV-IMAGE-BY-BYTES", "image-label", "text-type", "part-type", _image_type("text/plain")),
    Row("IV-IMAGE-BY-BYTES", "image-label", "upper-case-type", "part-type", _image_type("IMAGE/PNG")),
    Row("IV-IMAGE-BY-BYTES", "image-label", "type-with-parameter", "part-type", _image_type("image/png; x=1")),
    Row("IV-IMAGE-PNG-KINDS", "png", "palette", _PNG, _kind(png.Kind(png.PALETTE)), True),
    Row("IV-IMAGE-PNG-KINDS", "png", "grey", _PNG, _kind(png.Kind(png.GREY)), True),
    Row("IV-IMAGE-PNG-KINDS", "png", "grey-alpha", _PNG, _kind(png.Kind(png.GREY_ALPHA))),
    Row("IV-IMAGE-PNG-KINDS", "png", "1-bit", _PNG, _kind(png.Kind(png.GREY, 1)), True),
    Row("IV-IMAGE-PNG-KINDS", "png", "16-bit", _PNG, _kind(png.Kind(png.GREY, 16)), True),
    Row("IV-IMAGE-PNG-KINDS", "png", "interlaced", _PNG, _kind(png.Kind(png.RGB, interlaced=True)), True),
    Row("IV-IMAGE-PNG-KINDS", "png", "1x1", _PNG, _content(lambda b: b.png(side=1)), True),
    Row(
        "IV-IMAGE-OCTET-STREAM", "part-type", "octet-stream", "part-type", _image_type("application/octet-stream"), True
    ),
    Row("IV-IMAGE-OCTET-STREAM", "part-type", "absent", "part-type+filename", _image_type(None), True),
    Row("IV-IMAGE-NO-FILENAME", "filename", "absent", "filename+part-type", _filename(""), True),
    Row("IV-IMAGE-NO-FILENAME", "filename", "empty", "filename+part-type", _filename('; filename=""')),
    # --- the user
    Row("IV-USER-TEXT", "user", "ascii", "user", _user("user-1234"), True),
    Row("IV-USER-TEXT", "user", "punctuation", "user", _user('O\'Neil & "Sons" <a@b.example>; 100% #1 \\ {x}=$y')),
    Row("IV-USER-TEXT", "user", "spaces", "user", _user("two  words ")),
    Row("IV-USER-TEXT", "user", "digits", "user", _user("007")),
    Row("IV-USER-TEXT", "user", "word-for-null", "user", _user("null")),
    Row("IV-USER-TEXT", "user", "json", "user", _user('{"id": [1, 2]}')),
    Row("IV-USER-TEXT", "user", "latin", "user", _user("Zo\u00eb M\u00fcller")),
    Row(
        "IV-USER-TEXT", "user", "unicode", "user", _user("\u7528\u6237 \U0001f600 \u0645\u0631\u062d\u0628\u0627"), True
    ),
    Row("IV-USER-LENGTH", "user", "empty", "user", _user(""), True),
    Row("IV-USER-LENGTH", "user", "1000-characters", "user", _user("u" * 1000), True),
    # --- the encoding of the form
    Row("IV-WIRE-FILENAME", "filename", "space", "filename", _filename('; filename="my own picture.png"'), True),
    Row("IV-WIRE-FILENAME", "filename", "quote", "filename", _filename(_QUOTE), True),
    Row("IV-WIRE-FILENAME", "filename", "percent-quote", "filename", _filename('; filename="a %22b%22.png"')),
    Row("IV-WIRE-FILENAME", "filename", "unicode", "filename", _filename('; filename="B\u00e4r \u718a.png"'), True),
    Row("IV-WIRE-FILENAME", "filename", "semicolon", "filename", _filename('; filename="a;b=c, d.png"')),
    Row("IV-WIRE-FILENAME", "filename", "apostrophe", "filename", _filename('; filename="it\'s (1) [2].tar.gz.png"')),
    Row("IV-WIRE-FILENAME", "filename", "path", "filename", _filename('; filename="../pictures/a.png"')),
    Row("IV-WIRE-FILENAME", "filename", "200-characters", "filename", _filename(f'; filename="{"p" * 196}.png"')),
    Row("IV-WIRE-ORDER", "part-order", "image-last", "order", lambda b, draft: evolve(draft, image_last=True), True),
    Row("IV-WIRE-BOUNDARY", "boundary", "quoted", "boundary", _boundary(lambda b: b.boundary(), '"{boundary}"'), True),
    Row(
        "IV-WIRE-BOUNDARY",
        "boundary",
        "70-characters",
        "boundary",
        _boundary(lambda b: (b.boundary() + b.boundary().upper() * 2)[:70]),
        True,
    ),
    Row(
        "IV-WIRE-BOUNDARY",
        "boundary",
        "punctuation",
        "boundary",
        _boundary(lambda b: f"=_{b.boundary()[:20]}:(+)?/,.", '"{boundary}"'),
        True,
    ),
    Row("IV-WIRE-BOUNDARY", "boundary", "dashes", "boundary", _boundary(lambda b: f"{'-' * 27}{b.boundary()[:16]}")),
    Row("IV-WIRE-BOUNDARY", "boundary", "short", "boundary", _boundary(lambda b: f"x{b.boundary()[:7]}")),
    Row(
        "IV-WIRE-PART-HEADERS",
        "part-headers",
        "unknown",
        "headers",
        _image_part(lambda b, part: change.with_unknown_headers(part)),
        True,
    ),
    Row(
        "IV-WIRE-PART-HEADERS",
        "part-headers",
        "content-length",
        "headers",
        _image_part(lambda b, part: evolve(part, headers=(*part.headers, ("Content-Length", str(len(part.content)))))),
    ),
    Row(
        "IV-WIRE-PREAMBLE",
        "text-around",
        "preamble-and-epilogue",
        "around",
        lambda b, draft: draft.finally_(change.with_preamble),
        True,
    ),
    Row(
        "IV-WIRE-PREAMBLE",
        "text-around",
        "transport-padding",
        "around+boundary",
        lambda b, draft: draft.finally_(change.with_transport_padding),
    ),
    Row(
        "IV-WIRE-CHUNKED",
        "body",
        "chunked",
        "framing",
        lambda b, draft: draft.finally_(change.with_chunked_coding()),
        True,
    ),
    Row(
        "IV-WIRE-CHUNKED",
        "body",
        "small-chunks",
        "framing",
        lambda b, draft: draft.finally_(change.with_chunked_coding(chunk_bytes=97)),
    ),
    Row(
        "IV-WIRE-CHUNKED",
        "body",
        "chunk-extension",
        "framing",
        lambda b, draft: draft.finally_(change.with_chunked_coding(extension=';a=1;b="two"')),
    ),
    Row(
        "IV-WIRE-CHUNKED",
        "body",
        "trailers",
        "framing",
        lambda b, draft: draft.finally_(change.with_chunked_coding(trailers=(("X-Checksum", "0"),))),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "header-names",
        "header-names",
        lambda b, draft: draft.finally_(change.with_lower_case_names),
        True,
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "upper-case-names",
        "header-names",
        lambda b, draft: draft.finally_(change.with_upper_case_names),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "part-header-names",
        "headers",
        lambda b, draft: evolve(
            draft,
            image=_lower_part(draft.image),
            texts=tuple(map(_lower_part, draft.texts)),
        ),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "media-type",
        "boundary",
        _content_type("Multipart/Form-Data; Boundary={boundary}"),
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "scheme",
        "scheme",
        lambda b, draft: draft.finally_(change.with_scheme("bearer")),
        True,
    ),
    Row(
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "upper-case-scheme",
        "scheme",
        lambda b, draft: draft.finally_(change.with_scheme("BEARER")),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "filename-first",
        "filename",
        _image_part(
            lambda b, part: change.with_disposition(
                part, f'form-data; filename="picture.png"; name="{b.contract.image_field}"'
            )
        ),
        True,
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "charset-first",
        "boundary",
        _content_type("multipart/form-data; charset=utf-8; boundary={boundary}"),
        True,
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "no-spaces",
        "boundary+filename",
        lambda b, draft: evolve(
            draft,
            content_type="multipart/form-data;boundary={boundary}",
            image=change.with_disposition(draft.image, f'form-data;name="{b.contract.image_field}";filename="a.png"'),
        ),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "more-spaces",
        "boundary+filename",
        lambda b, draft: evolve(
            draft,
            content_type="multipart/form-data ;  boundary={boundary}",
            image=change.with_disposition(
                draft.image, f'form-data ;  name="{b.contract.image_field}" ; filename="a.png"'
            ),
        ),
    ),
    Row("IV-WIRE-TEXT-TYPE", "text-part-type", "text-plain", "text-type", _text_type("text/plain"), True),
    Row(
        "IV-WIRE-TEXT-TYPE",
        "text-part-type",
        "text-plain-utf-8",
        "text-type",
        _text_type("text/plain; charset=utf-8"),
        True,
    ),
    Row(
        "IV-WIRE-TEXT-TYPE",
        "text-part-type",
        "charset-in-quotes",
        "text-type",
        _text_type('text/plain; charset="UTF-8"'),
    ),
    Row("IV-WIRE-EXPECT", "expect", "100-continue", "expect", _header("Expect", "100-continue"), True),
    Row("IV-WIRE-HEADERS", "header", "accept-anything", "accept", _header("Accept", "*/*"), True),
    Row("IV-WIRE-HEADERS", "header", "no-accept", "accept", _header("Accept", None)),
    Row("IV-WIRE-HEADERS", "header", "no-user-agent", "agent", _header("User-Agent", None)),
    Row("IV-WIRE-HEADERS", "header", "cookie", "cookie", _header("Cookie", "a=1; theme=dark")),
    Row("IV-WIRE-HEADERS", "header", "unknown", "unknown-header", _header("X-Request-Source", "conformance"), True),
    Row("IV-WIRE-HEADERS", "header", "4000-characters", "unknown-header", _header("X-Trace", "t" * 4000)),
    Row("IV-WIRE-QUERY", "query-string", "other-values", WHOLE, _with_query, True),
    Row("IV-AUTH-REQUIRED", "key", "absent", WHOLE, _header("Authorization", None), True),
)


def _lower_part(part: Part) -> Part:
    return evolve(part, headers=tuple((name.lower(), value) for name, value in part.headers))


def _open(label: str, axes: str, apply: Change, *, quick: bool = False) -> Probe:
    return Probe(NO_5XX, label, frozenset(axes.split("+")), apply, quick=quick)


def _unnamed(disposition: str) -> Part:
    return Part((("Content-Disposition", disposition),), b"x")


HARMLESS: tuple[Probe, ...] = (
    _open("field-unknown", "unknown-1", _extra(text_part("quality_of_light", "low")), quick=True),
    _open("field-prompt", "unknown-2", _extra(text_part("prompt", "a cat"), text_part("quality", "high"))),
    _open(
        "field-bracketed",
        "unknown-3",
        _extra(text_part("n[]", "1"), text_part("user[name]", "x"), text_part("a[b][c]", "1")),
    ),
    _open(
        "field-dotted",
        "unknown-4",
        _extra(text_part("user.name", "x"), text_part("__proto__", "{}"), text_part("constructor.prototype.x", "1")),
    ),
    _open("field-name-unicode", "unknown-5", _extra(text_part("\u7528\u6237", "x"))),
    _open("field-name-long", "unknown-6", _extra(text_part("x" * 2000, "1"))),
    _open("field-repeated", "unknown-11", _extra(*(text_part("tag", str(number)) for number in range(3)))),
    _open("fields-many", "unknown-12", _extra(*(text_part(f"field_{number}", "x") for number in range(120)))),
    _open("field-long", "unknown-14", _extra(text_part("comment", "c" * 70_000))),
    _open("user-control", "user", _user("a\x01\x1b[31m\x7f\r\nX-Injected: 1\r\n\r\nb")),
    _open("n-leading-zero", "n", _field("n", "01")),
    _open(
        "part-transfer-encoding",
        "headers",
        _image_part(lambda b, part: evolve(part, headers=(*part.headers, ("Content-Transfer-Encoding", "binary")))),
    ),
    _open("filename-star", "filename", _filename("; filename=\"a.png\"; filename*=UTF-8''%e7%86%8a.png")),
    _open("query-odd", "query", lambda b, draft: draft.finally_(change.with_query("%zz&a=%00&=&&b[]=1"))),
    _open("header-accept-image", "accept", _header("Accept", "image/png")),
    _open("header-accept-broken", "accept", _header("Accept", ";;q=x")),
    _open("header-idempotency", "unknown-header", _header("Idempotency-Key", "1")),
    _open("header-encoding", "encoding", _header("Accept-Encoding", "br;q=1.0, gzip;q=0.8, *;q=0.1")),
    _open("header-if-none-match", "condition", _header("If-None-Match", "*")),
    _open("header-range", "range", _header("Range", "bytes=0-10")),
    _open("field-name-empty", "unknown-7", _extra(text_part("", "x"))),
    _open(
        "field-unknown-file",
        "unknown-13",
        _extra(
            Part(
                (("Content-Disposition", 'form-data; name="mask"; filename="mask.png"'), ("Content-Type", "image/png")),
                b"",
            )
        ),
    ),
    _open("text-charset-unknown", "text-type", _text_type("text/plain; charset=x-unknown")),
    _open("filename-broken", "filename", _filename('; filename="a.png')),
)
"""Open properties that most servers accept."""

ODD: tuple[Probe, ...] = (
    _open("field-unnamed", "unknown-8", _extra(_unnamed("form-data")), quick=True),
    _open("field-attachment", "unknown-9", _extra(_unnamed("attachment"))),
    _open("field-without-headers", "unknown-10", _extra(Part((), b"x"))),
    _open("image-twice", "second-image", lambda b, draft: evolve(draft, texts=(*draft.texts, b.image())), quick=True),
    _open("user-nul", "user", _user("a\0b"), quick=True),
    _open("user-not-utf-8", "user", _user(b"\xff\xfe"), quick=True),
    _open(
        "n-twice",
        "n",
        lambda b, draft: evolve(draft.text("n", "1"), texts=(*draft.text("n", "1").texts, text_part("n", "1"))),
        quick=True,
    ),
)
"""Open properties that many servers refuse. They travel apart, so that a refusal hides less."""

OPEN = (*HARMLESS, *ODD)


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
                yield Probe(requirement_id or "", item, frozenset({name}), _field(name, value), images, quick, first)
    for name in contract.image_rules.other_names:
        yield Probe(
            "IV-IMAGE-REQUIRED",
            f"image-field={name}",
            frozenset({"filename", "part-type"}),
            _image_named(name),
            quick=True,
        )


def _image_named(name: str) -> Change:
    return _image_part(
        lambda b, part: change.with_disposition(part, f'form-data; name="{name}"; filename="picture.png"')
    )
