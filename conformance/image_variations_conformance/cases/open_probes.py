"""Probes of what the contract leaves open: such a request may be refused, but must not break the server."""

from __future__ import annotations

from functools import partial

from attrs import evolve

from ..media import png
from ..wire.multipart import Part, file_part, text_part
from . import transforms
from .builder import Builder, Draft
from .changes import content, extra, field, filename, header, image_type, text_type, user
from .probes import NO_5XX, WHOLE, Change, Probe


def _open(label: str, axes: str, apply: Change, *, quick: bool = False) -> Probe:
    return Probe(NO_5XX, label, frozenset(axes.split("+")), apply, quick=quick)


def _unnamed(disposition: str) -> Part:
    return Part((("Content-Disposition", disposition),), b"x")


def _with_empty_chunks(b: Builder) -> bytes:
    """Return a PNG with empty ancillary chunks, which a decoder may ignore."""
    return png.with_chunks(b.png(), *((name, b"") for name in (b"pHYs", b"gAMA", b"cHRM", b"iCCP")))


def _with_transfer_encodings(_: Builder, draft: Draft) -> Draft:
    """Say of each part how it is encoded, as some clients in Java do."""
    image = evolve(draft.image, headers=(*draft.image.headers, ("Content-Transfer-Encoding", "binary")))
    texts = (evolve(part, headers=(*part.headers, ("Content-Transfer-Encoding", "8bit"))) for part in draft.texts)
    return evolve(draft, image=image, texts=tuple(texts))


def _without_host(b: Builder, draft: Draft) -> Draft:
    """Ask for a link, where there are any, without a Host."""
    has_links = "url" in b.contract.text_fields.get("response_format", {}).get("enum", ())
    return (draft.text("response_format", "url") if has_links else draft).finally_(transforms.without_host)


def _with_odd_headers(_: Builder, draft: Draft) -> Draft:
    """Send an encoded word, a letter beyond ASCII, and what proxies add, broken off."""
    for name, value in (
        ("X-Note", "a =?utf-8?q?x?= =?x?y?"),
        ("X-Name", "Zo\xeb"),
        ("Forwarded", 'for="_x;by='),
        ("X-Forwarded-For", "unknown, [::1]:x"),
    ):
        draft = draft.finally_(partial(transforms.with_header, name=name, value=value))
    return draft


HARMLESS: tuple[Probe, ...] = (
    _open("image-empty-chunks", "image", content(_with_empty_chunks)),
    _open("field-unknown", "unknown-1", extra(text_part("quality_of_light", "low")), quick=True),
    _open("field-prompt", "unknown-2", extra(text_part("prompt", "a cat"), text_part("quality", "high"))),
    _open(
        "field-bracketed",
        "unknown-3",
        extra(text_part("n[]", "1"), text_part("user[name]", "x"), text_part("a[b][c]", "1")),
    ),
    # Some parsers make an object of them, under the name of a field.
    _open(
        "field-indexed",
        "unknown-15",
        extra(*(text_part(f"{name}[a]", "1") for name in ("n", "size", "model", "response_format", "user"))),
    ),
    _open(
        "field-dotted",
        "unknown-4",
        extra(text_part("user.name", "x"), text_part("__proto__", "{}"), text_part("constructor.prototype.x", "1")),
    ),
    # Methods of the object in which some parsers keep the fields.
    _open("field-method", "unknown-20", extra(text_part("hasOwnProperty", "1"), text_part("toString", "1"))),
    _open("field-name-unicode", "unknown-5", extra(text_part("\u7528\u6237", "x"))),
    _open("field-name-long", "unknown-6", extra(text_part("x" * 2000, "1"))),
    _open("field-name-nul", "unknown-16", extra(text_part("a\0b", "1"))),
    _open("field-name-nested", "unknown-17", extra(text_part("a" + 120 * "[a]", "1"))),
    _open("field-repeated", "unknown-11", extra(*(text_part("tag", str(number)) for number in range(3)))),
    _open("fields-many", "unknown-12", extra(*(text_part(f"field_{number}", "x") for number in range(101)))),
    _open("field-long", "unknown-14", extra(text_part("comment", "c" * 70_000))),
    _open("user-control", "user", user("a\x01\x1b[31m\x7f\r\nX-Injected: 1\r\n\r\nb")),
    _open("n-leading-zero", "n", field("n", "01")),
    _open(
        "part-transfer-encoding",
        "headers",
        _with_transfer_encodings,
    ),
    _open("filename-star", "filename", filename("; filename=\"a.png\"; filename*=UTF-8''%e7%86%8a.png")),
    _open("query-odd", "query", lambda _, draft: draft.finally_(transforms.with_query("%zz&a=%00&=&&b[]=1"))),
    _open("header-accept-image", "accept", header("Accept", "image/png")),
    _open("header-accept-broken", "accept", header("Accept", ";;q=x")),
    _open("header-idempotency", "unknown-header", header("Idempotency-Key", "1")),
    _open("header-encoding", "encoding", header("Accept-Encoding", "gzip;q=1.0, deflate;q=0.8, identity;q=0.1")),
    # Some frameworks parse these before any code of the application runs, and answer what they cannot parse themselves.
    _open("header-cookie-broken", "cookie", header("Cookie", 'prefs={"a":[1,2]}; name="J D"; a:b=1; c(d)=2; =; "x')),
    _open("headers-odd", "odd-headers", _with_odd_headers),
    _open("header-if-none-match", "condition", header("If-None-Match", "*")),
    _open("header-range", "range", header("Range", "bytes=0-10")),
    _open("field-name-empty", "unknown-7", extra(text_part("", "x"))),
    _open(
        "field-unknown-file",
        "unknown-13",
        extra(
            Part(
                (("Content-Disposition", 'form-data; name="mask"; filename="mask.png"'), ("Content-Type", "image/png")),
                b"",
            )
        ),
    ),
    _open("filename-broken", "filename", filename('; filename="a.png')),
    # Longer than a name of a file may be on most systems.
    _open("filename-300-characters", "filename", filename(f'; filename="{"p" * 296}.png"')),
    _open("part-type-broken", "part-type", image_type("png")),
)
"""Open properties that most servers accept."""

ODD: tuple[Probe, ...] = (
    _open("text-charset-unknown", "text-type", text_type("text/plain; charset=x-unknown")),
    _open("field-unnamed", "unknown-8", extra(_unnamed("form-data")), quick=True),
    _open("field-attachment", "unknown-9", extra(_unnamed("attachment"))),
    _open("field-without-headers", "unknown-10", extra(Part((), b"x"))),
    _open("field-name-of-20000-characters", "unknown-18", extra(text_part("x" * 20_000, "1"))),
    _open("files-150", "unknown-19", extra(*(file_part(f"f{it}", b"x", "a.txt", "text/plain") for it in range(150)))),
    # Links are often made of the host.
    _open("host-missing", WHOLE, _without_host),
    _open("host-missing-in-http-1-1", WHOLE, header("Host", None)),
    _open("image-twice", "second-image", lambda b, draft: evolve(draft, texts=(*draft.texts, b.image())), quick=True),
    _open("user-nul", "user", user("a\0b"), quick=True),
    _open("user-not-utf-8", "user", user(b"\xff\xfe"), quick=True),
    # Form parsers limit a field to 1 MB, and fail where nothing answers what they raise then.
    _open("user-of-1-500-000-characters", "user", user("u" * 1_500_000)),
    _open(
        "n-twice",
        "n",
        lambda _, draft: evolve(draft.text("n", "1"), texts=(*draft.text("n", "1").texts, text_part("n", "1"))),
        quick=True,
    ),
)
"""Open properties that many servers refuse. They are sent apart, so that a refusal hides nothing."""

OPEN = (*HARMLESS, *ODD)
