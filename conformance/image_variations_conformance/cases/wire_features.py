"""The features of valid requests: the encoding of the form, the headers of the request, and the key."""

from __future__ import annotations

from attrs import evolve

from . import transforms
from .changes import (
    boundary,
    content_type,
    filename,
    header,
    image_part,
    lower_part,
    text_type,
    with_odd_query,
    with_query,
    with_text,
)
from .probes import ALONE, DEFAULT, KEY, WHOLE
from .rows import Row

_SIMILAR_HEADERS = (
    ("X-Content-Disposition", 'form-data; name="n"; filename="n.txt"'),
    ("X-Content-Type", "text/plain; charset=unknown"),
    ("Content-Description", 'a text; name="n"'),
)
# As RFC 6265, section 4.2.1, allows them. What else scripts set is in an open probe.
_COOKIES = '_ga=GA1.1.1; theme=dark; prefs="%7B%22a%22:[1,2]%7D"; id=a+b/c==; empty='
_QUOTE = '; filename="a \\"b\\".png"'
# The response is compared with that to a request with the same values of these fields.
_ASKED = f"n+size+response_format+model+{ALONE}"

WIRE_FEATURES: tuple[Row, ...] = (
    Row("IV-WIRE-FILENAME", "filename", "space", "filename", filename('; filename="my own picture.png"'), True),
    Row("IV-WIRE-FILENAME", "filename", "quote", "filename", filename(_QUOTE), True),
    Row("IV-WIRE-FILENAME", "filename", "percent-quote", "filename", filename('; filename="a %22b%22.png"')),
    # In the first request, which asks for links: a server may make its links of file names.
    Row(
        "IV-WIRE-FILENAME",
        "filename",
        "unicode",
        "filename",
        filename('; filename="B\u00e4r \u718a #1.png"'),
        True,
        True,
    ),
    Row("IV-WIRE-FILENAME", "filename", "semicolon", "filename", filename('; filename="a; name=b; c=d, e.png"')),
    Row("IV-WIRE-FILENAME", "filename", "comma-and-quote", "filename", filename('; filename="a, \\"b\\"; name=c.png"')),
    Row("IV-WIRE-FILENAME", "filename", "path", "filename", filename('; filename="../it\'s (1) [2].tar.gz/a.png"')),
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
        "IV-WIRE-QUOTED-PAIR",
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
            lambda _, part: evolve(part, headers=(*part.headers, *((f"X-Part-{it}", "p" * 150) for it in range(10))))
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
        "similar-names",
        "headers",
        image_part(lambda _, part: evolve(part, headers=(*_SIMILAR_HEADERS, *part.headers, *_SIMILAR_HEADERS))),
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
    # A server that ignores the fields of such a form answers a request for the defaults as it must.
    Row(
        "IV-WIRE-PREAMBLE",
        "text-around",
        "transport-padding",
        f"around+boundary+{DEFAULT}",
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
        "IV-WIRE-HEADER-CASE",
        "letter-case",
        "text-part-type",
        "text-type",
        text_type("Text/Plain"),
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
                part, f'form-data;note="a\\\\";name="{b.contract.image_field}";filename="a.png"'
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
        content_type("multipart/form-data ;\tboundary={boundary} ; charset=utf-8"),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "empty-parameters",
        "boundary",
        content_type("multipart/form-data;; boundary={boundary};"),
    ),
    Row(
        "IV-WIRE-PARAMETERS",
        "parameter-order",
        "similar-names",
        "boundary",
        content_type('multipart/form-data; x-boundary=a; note="b; boundary=c"; boundary={boundary}'),
    ),
    Row("IV-WIRE-TEXT-TYPE", "text-part-type", "text-plain", "text-type", text_type("text/plain"), True),
    Row(
        "IV-WIRE-TEXT-TYPE",
        "text-part-type",
        "text-plain-utf-8",
        "text-type",
        text_type("text/plain; charset=utf-8"),
        True,
    ),
    Row(
        "IV-WIRE-TEXT-TYPE",
        "text-part-type",
        "charset-in-quotes",
        "text-type",
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
    Row("IV-WIRE-HEADERS", "header", "referer", "referer", header("Referer", "http://other.example/")),
    Row("IV-WIRE-HEADERS", "header", "cookie", "cookie", header("Cookie", _COOKIES)),
    Row("IV-WIRE-HEADERS", "header", "unknown", "unknown-header", header("X-Request-Source", "conformance"), True),
    Row("IV-WIRE-HEADERS", "header", "4000-characters", "unknown-header", header("X-Trace", "t" * 4000)),
    Row("IV-WIRE-QUERY", "query-string", "other-values", _ASKED, with_query, True),
    Row("IV-WIRE-QUERY", "query-string", "semicolon-and-brackets", _ASKED, with_odd_query),
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
