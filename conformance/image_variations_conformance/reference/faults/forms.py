"""Faults in the parsing of the multipart form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..app.api_error import ApiError
from ..app.form import Part
from ..app.service import Service
from ..registry import Change, FaultFamily
from .factories import NO_5XX, Ids, crashes_on, ignores_texts, refuses
from .features import (
    TRAILERS,
    any_part,
    body_end,
    body_start,
    boundary,
    chunked,
    head,
    header,
    image_part,
    on_wire,
    text_part,
)
from .no_response import Crash, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from ..app.incoming import IncomingRequest
    from ..app.received import Received

fault = FaultFamily("validation")

_BOUNDARY, _FILENAME, _PARAMETERS = "IV-WIRE-BOUNDARY", "IV-WIRE-FILENAME", "IV-WIRE-PARAMETERS"
_TEXT_TYPE, _PREAMBLE, _CHUNKED = "IV-WIRE-TEXT-TYPE", "IV-WIRE-PREAMBLE", "IV-WIRE-CHUNKED"
_MALFORMED = frozenset({"form-malformed", "part-unnamed", "line-ends", "form-cut-off"})
_USUAL_HEADERS = frozenset({b"content-disposition", b"content-type"})
_QUOTED_PAIR = header("content-type", r'boundary="[^"]*\\')
_PADDED = body_start(rb"BOUNDARY[ \t]+\r\n")
_TYPED = text_part(lambda part: part.content_type is not None)
_UNUSUAL_HEADERS = any_part(lambda part: bool(set(part.headers) - _USUAL_HEADERS))


def _names(pattern: bytes, breaks: Ids, status: Failure) -> Change:
    """Refuse an image whose file name contains a match of a pattern."""
    return refuses(breaks, image_part(lambda part: re.search(pattern, part.filename or b"") is not None), status)


def _disposition(part: Part) -> bytes:
    return part.headers.get(b"content-disposition", b"")


def _image_is_last(received: Received) -> bool:
    return len(received.parts) > 1 and received.parts[-1] is received.image


# --- the boundary, and the order of parameters

# fmt: off
fault("form-never-read",
      "Refuses every form for a missing boundary, as behind a gateway that removes it from the content type.",
      refuses("IV-OP-VALID", lambda _: True, message="The content type must name the boundary of the form."),
      also=("IV-ERR-PARAM",))
fault("boundary-quotes-refused", "Refuses a content type with quotes around the boundary.",
      refuses(_BOUNDARY, header("content-type", 'boundary="'), message="The form has no part."))
fault("boundary-lower-cased",
      "Converts the boundary to lower case, and so cannot parse forms with upper-case boundaries.",
      refuses(_BOUNDARY, boundary(lambda sent: sent != sent.lower()), message="The form has no part."))
fault("boundary-over-64-refused", "Refuses a boundary of more than 64 characters.",
      refuses(_BOUNDARY, boundary(lambda sent: len(sent) > 64)))
fault("boundary-over-64-crashes", "Answers 500 to a boundary of more than 64 characters.",
      refuses(_BOUNDARY, boundary(lambda sent: len(sent) > 64), 500))
fault("boundary-signs-refused", "Refuses a boundary with characters other than letters, digits and hyphens.",
      refuses(_BOUNDARY, boundary(lambda sent: not sent.replace(b"-", b"").isalnum())))
fault("boundary-hyphens-refused", "Refuses a boundary that begins with hyphens.",
      refuses(_BOUNDARY, boundary(lambda sent: sent.startswith(b"--"))))
fault("boundary-first-required", "Refuses a content type with another parameter before the boundary.",
      refuses(_PARAMETERS, header("content-type", r"(?i)^[^;]*;(?!\s*boundary)")))
fault("charset-first-crashes", "Answers 500 to a content type with a charset before the boundary.",
      refuses(_PARAMETERS, header("content-type", "(?i)charset=.*boundary="), 500))
fault("boundary-pair-crashes", "Answers 500 to a quoted pair in the boundary, whose backslash it keeps.",
      refuses("IV-WIRE-QUOTED-PAIR", _QUOTED_PAIR, 500))
fault("boundary-pair-refused", "Refuses a quoted pair in the boundary, whose backslash it keeps.",
      refuses("IV-WIRE-QUOTED-PAIR", _QUOTED_PAIR, message="The form has no part."))
fault("boundary-ends-at-semicolon", "Refuses white space after the boundary, which it takes for a part of it.",
      refuses(_PARAMETERS, header("content-type", r"boundary=\S+\s+;")))
fault("boundary-searched", "Reads the first boundary= in the Content-Type, also within another name or a quoted text.",
      refuses(_PARAMETERS, header("content-type", r'[^;\s]boundary=|"[^"]*boundary=')))
fault("empty-parameters-refused", "Refuses a content type with an empty parameter.",
      refuses(_PARAMETERS, header("content-type", r";\s*(;|$)"), 415))
fault("backslash-ends-text", "Refuses a part with a parameter that ends in a backslash before the name of the field.",
      refuses(_PARAMETERS,
              any_part(lambda part: re.search(rb'\\\\"; *name=', _disposition(part)) is not None)))
fault("name-first-required", "Refuses a part with the file name before the name of the field.",
      refuses(_PARAMETERS,
              any_part(lambda part: re.match(rb"(?i)form-data; *filename=", _disposition(part)) is not None)))
fault("parameter-spaces-required", "Refuses parameters without a space between them.",
      refuses(_PARAMETERS, any_part(lambda part: re.search(rb";[a-zA-Z]+=\"", _disposition(part)) is not None)))
fault("parameter-spaces-refused", "Refuses a space before the semicolon of a parameter.",
      refuses(_PARAMETERS, header("content-type", r"\s;"), 415))

# --- the framing of the form

fault("preamble-refused", "Refuses a form with a preamble before its first boundary.",
      refuses(_PREAMBLE, body_start(b"(?!BOUNDARY)"), message="The form is malformed."))
fault("preamble-crashes", "Answers 500 to a form with a preamble before its first boundary.",
      refuses(_PREAMBLE, body_start(b"(?!BOUNDARY)"), 500))
fault("epilogue-refused", "Refuses a form with text after its last boundary.",
      refuses(_PREAMBLE, body_end(rb"BOUNDARY--\r\n(?s:.+)"), message="The form is malformed."))
fault("boundary-padding-refused", "Refuses a form with white space after a boundary.",
      refuses(_PREAMBLE, _PADDED, message="The form is malformed."))
fault("boundary-padding-crashes", "Answers 500 to a form with white space after a boundary.",
      refuses(_PREAMBLE, _PADDED, 500))
fault("padded-texts-ignored", "Ignores the text fields of a form with white space after a boundary.",
      ignores_texts(_PREAMBLE, _PADDED))
fault("malformed-form-crashes", "Answers 500 to a malformed form, such as one with a part without a name.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail in _MALFORMED))
fault("cut-off-form-crashes", "Answers 500 to a form that ends before its closing boundary.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail == "form-cut-off"))
fault("cut-off-form-hangs", "Waits for the rest of a form that ends before its closing boundary.",
      crashes_on(NO_5XX, "hang", lambda problem: problem.detail == "form-cut-off"))
fault("bare-line-feeds-crash", "Answers 500 to a form with LF line ends instead of CRLF.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail == "line-ends"))
fault("part-header-broken-crashes", "Answers 500 to a part with a header that has no colon or no end.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail == "form-malformed"))

# --- parts

fault("image-first-required", "Refuses a form in which image is not the first part.",
      refuses("IV-WIRE-ORDER", lambda received: received.parts[0] is not received.image, param="image",
              message="image must be the first part of the form."))
fault("image-last-crashes", "Answers 500 to a form in which image is the last of several parts.",
      refuses("IV-WIRE-ORDER", _image_is_last, 500))
fault("texts-before-image-ignored", "Ignores the text fields of a form whose image is the last part.",
      ignores_texts("IV-WIRE-ORDER", _image_is_last))
fault("part-headers-refused", "Refuses a part with headers other than Content-Disposition and Content-Type.",
      refuses("IV-WIRE-PART-HEADERS", _UNUSUAL_HEADERS,
              message="A part of the form has a header that is not known."))
fault("part-headers-over-1024-bytes", "Refuses a part whose headers have more than 1,024 bytes.",
      refuses("IV-WIRE-PART-HEADERS",
              any_part(lambda part: sum(map(len, (*part.headers, *part.headers.values()))) > 1024)))
fault("part-header-signs-refused", "Refuses a part with a sign in the name of a header other than a hyphen.",
      refuses("IV-WIRE-PART-HEADERS",
              any_part(lambda part: any(not name.replace(b"-", b"").isalnum() for name in part.headers))))
fault("part-headers-searched", "Reads the first words of a part that are like Content-Disposition.",
      refuses("IV-WIRE-PART-HEADERS",
              any_part(lambda part: any(name.endswith(b"-content-disposition") for name in part.headers))))
fault("part-headers-crash",
      "Answers 500 to a part with headers other than Content-Disposition, Content-Type and Content-Length.",
      refuses("IV-WIRE-PART-HEADERS",
              any_part(lambda part: bool(set(part.headers) - _USUAL_HEADERS - {b"content-length"})), 500))
fault("texts-beside-part-headers-ignored",
      "Ignores the text fields of a form in which a part has headers that are not usual.",
      ignores_texts("IV-WIRE-PART-HEADERS", _UNUSUAL_HEADERS))
fault("part-length-refused", "Refuses a part with the header Content-Length.",
      refuses("IV-WIRE-PART-HEADERS", any_part(lambda part: b"content-length" in part.headers)))
fault("part-header-case-matters", "Refuses a part whose header names are in lower case.",
      refuses("IV-WIRE-HEADER-CASE", body_start(rb"BOUNDARY\r\ncontent-"), message="A part of the form has no name."))
fault("header-case-matters", "Refuses a request whose header names are in lower case.",
      refuses("IV-WIRE-HEADER-CASE", head(rb"\r\ncontent-type:"), 415))
fault("typed-text-refused", "Refuses a text field in a part with a Content-Type, which it takes for a file.",
      refuses(_TEXT_TYPE, _TYPED))
fault("typed-text-crashes", "Answers 500 to a text field in a part with a Content-Type.",
      refuses(_TEXT_TYPE, _TYPED, 500))
fault("typed-text-ignored", "Ignores text fields in parts with a Content-Type, which it takes for files.",
      ignores_texts(_TEXT_TYPE, _TYPED))
fault("text-charset-refused", "Refuses a text field in a part whose Content-Type has a charset.",
      refuses(_TEXT_TYPE, text_part(lambda part: "charset" in (part.content_type or "").lower())))
fault("text-type-case-crashes", "Answers 500 to a text field in a part whose type is not in lower case.",
      refuses("IV-WIRE-HEADER-CASE",
              text_part(lambda part: not (part.content_type or "text/").startswith("text/")), 500))
fault("text-encoding-crashes", "Answers 500 to a text field in a part with Content-Transfer-Encoding.",
      refuses(NO_5XX, text_part(lambda part: b"content-transfer-encoding" in part.headers), 500))
fault("second-image-crashes", "Answers 500 to a form with two images.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail == "field-repeated" and problem.param == "image"))
fault("repeated-text-crashes", "Answers 500 to a form with a text field that is there twice.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail == "field-repeated" and problem.param != "image"))
# fmt: on


def _unknown(received: Received) -> list[str]:
    """Return the names of the parts that are no fields."""
    return [part.name for part in received.parts if part.name not in received.fields]


# fmt: off
fault("unknown-field-crashes", "Answers 500 to a form with an unknown field.",
      refuses(NO_5XX, lambda received: bool(_unknown(received)), 500))
fault("bracket-field-crashes",
      "Answers 500 to a field with brackets in its name, which it reads as a list or an object.",
      refuses(NO_5XX, lambda received: any("[" in name for name in _unknown(received)), 500))
fault("indexed-field-crashes", "Answers 500 to a field like n[a], which its parser makes an object of that it calls n.",
      refuses(NO_5XX, lambda received: any(re.match(r"(n|size|model)\[\w", name) for name in _unknown(received)), 500))
fault("unnamed-part-crashes", "Answers 500 to a form with a part without a name.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail == "part-unnamed"))
fault("many-parts-crash", "Answers 500 to a form with more than 100 parts.",
      refuses(NO_5XX, lambda received: len(received.parts) > 100, 500))

fault("file-name-unicode-crashes", "Answers 500 to a file name with non-ASCII characters.",
      _names(rb"[\x80-\xff]", _FILENAME, 500))
fault("file-name-quote-refused", "Refuses a file name that contains a double quote.", _names(b'"', _FILENAME, 400))
fault("file-name-space-refused", "Refuses a file name that contains a space.", _names(b" ", _FILENAME, 400))
fault("file-name-comma-quote-refused", "Refuses a file name with a comma before a double quote.",
      _names(b',.*"', _FILENAME, 400))
fault("file-name-path-refused", "Refuses a file name that contains a slash.", _names(b"/", _FILENAME, 400))
fault("file-name-semicolon-crashes",
      "Answers 500 to a file name that contains a semicolon, at which it splits the header.",
      _names(b";", _FILENAME, 500))
fault("file-name-searched", "Reads the name of the field at the first name=, also within the file name.",
      _names(b"; name=", _FILENAME, 400))
fault("file-name-over-100-crashes", "Answers 500 to a file name of more than 100 bytes.",
      _names(b".{101}", _FILENAME, 500))

# --- the body

fault("chunked-refused", "Answers 400 to a body in chunked coding.",
      refuses(_CHUNKED, chunked, message="A Content-Length is needed."))
fault("chunked-texts-ignored", "Ignores the text fields of a form in chunked coding.",
      ignores_texts(_CHUNKED, chunked))
fault("chunked-crashes", "Answers 500 to a body in chunked coding.", refuses(_CHUNKED, chunked, 500))
fault("chunked-501", "Answers 501 to a body in chunked coding, which every HTTP/1.1 server has to read.",
      refuses(_CHUNKED, chunked, 501))
fault("chunk-extensions-refused", "Refuses a chunked body with chunk extensions.",
      refuses(_CHUNKED, on_wire(rb"\r\n\r\n[0-9a-fA-F]+[ \t]*;")))
fault("trailers-refused", "Refuses a chunked body with trailers.",
      refuses(_CHUNKED, on_wire(TRAILERS)))
fault("trailers-crash", "Answers 500 to a chunked body with trailers.",
      refuses(_CHUNKED, on_wire(TRAILERS), 500))
# fmt: on


@fault.service("long-line-crashes", "IV-OP-MULTIPART", also=(NO_5XX,))
class LongLineCrashes(Service):
    """Answers 500 to 500,000 bytes and more that are no form, as a parser does that reads a line at a time."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        is_crash = response.status_code == 400 and request.received > 500_000 and b"\n" not in request.start
        return self.refusal(ApiError("The line is too long.", status=500)) if is_crash else response


# --- the query string


def _query(breaks: str, *fields: str, absent_only: bool) -> Change:
    """Read fields from the query string, all or only those that the form does not have."""

    class Query(Service):
        async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
            parts = await super().parts(request, boundary)
            sent = {part.name for part in parts} if absent_only else set()
            query = {name: request.query_params[name] for name in fields if name in request.query_params}
            added = tuple(
                Part(name, None, None, {}, value.encode()) for name, value in query.items() if name not in sent
            )
            replaced = {part.name for part in added}
            return (*(part for part in parts if part.name not in replaced), *added)

    return Change(Query, (breaks,))


def _crashes_on(test: Callable[[tuple[Part, ...]], bool]) -> Change:
    """Fail with 500 in response to forms with these parts, also without an image."""

    class Crashes(Service):
        async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
            parts = await super().parts(request, boundary)
            if test(parts):
                raise Crash
            return parts

    return Change(Crashes, (NO_5XX,))


# fmt: off
fault("query-read", "Uses n and size from the query string instead of the form.",
      _query("IV-WIRE-QUERY", "n", "size", absent_only=False))
fault("query-fills-absent-fields", "Uses fields from the query string that the form does not have.",
      _query("IV-WIRE-QUERY", "n", "size", "response_format", "model", absent_only=True))
fault("query-refused", "Refuses a request with a query string.",
      refuses("IV-WIRE-QUERY", lambda received: bool(received.request.url.query)))
fault("query-crashes", "Answers 500 to a request with a query string.",
      refuses("IV-WIRE-QUERY", lambda received: bool(received.request.url.query), 500))

fault("query-semicolon-refused", "Refuses a request with a semicolon in its query string, which it parses.",
      refuses("IV-WIRE-QUERY", lambda received: ";" in received.request.url.query))
fault("query-brackets-crash", "Answers 500 to a query string whose brackets contradict each other, since it parses it.",
      refuses("IV-WIRE-QUERY", lambda received: "%5B" in received.request.url.query, 500))

# --- what breaks a server before it looks at the fields

fault("method-field-crashes", "Answers 500 to a field that is named like a method of the object that keeps the fields.",
      _crashes_on(lambda parts: any(part.name == "hasOwnProperty" for part in parts)))
fault("field-name-nul-crashes", "Answers 500 to a form with a NUL in the name of a field.",
      _crashes_on(lambda parts: any("\0" in part.name for part in parts)))
fault("long-part-header-crashes", "Answers 500 to a form with a part header that is longer than its parser allows.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail == "headers-limit"))
fault("nested-field-crashes", "Answers 500 to a form with a name of more than 100 brackets, which it reads as objects.",
      _crashes_on(lambda parts: any(part.name.count("[") > 100 for part in parts)))
fault("part-limit-crashes", "Answers 500 to a form with more parts than its parser allows.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail == "part-limit"))

# --- other headers

fault("referer-refused", "Answers 403 to a request with the Referer of another site.",
      refuses("IV-WIRE-HEADERS", header("referer", "."), 403))

fault("accept-must-name-json", "Answers 406 to a request whose Accept does not name JSON.",
      refuses("IV-WIRE-HEADERS", lambda received: "json" not in received.header("accept"), 406))
fault("user-agent-required", "Answers 403 to a request without User-Agent, as a firewall.",
      refuses("IV-WIRE-HEADERS", lambda received: not received.header("user-agent"), 403))
fault("cookie-crashes", "Answers 500 to a request with a cookie.",
      refuses("IV-WIRE-HEADERS", header("cookie", "."), 500))
fault("encoded-word-crashes", "Answers 500 to a request with a header that ends in an encoded word, as in mail.",
      refuses(NO_5XX, lambda received: any("=?" in value for value in received.request.headers.values()), 500))
fault("utf-8-header-crashes", "Answers 500 to a request with a header beyond ASCII.",
      refuses(NO_5XX, lambda received: not all(value.isascii() for value in received.request.headers.values()), 500))
fault("broken-forwarded-crashes", "Answers 500 to a request with a Forwarded that it cannot parse.",
      refuses(NO_5XX, header("forwarded", '="[^"]*$'), 500))
fault("broken-forwarded-for-crashes", "Answers 500 to a request with an X-Forwarded-For that is no list of addresses.",
      refuses(NO_5XX, header("x-forwarded-for", "[^0-9a-f:., ]"), 500))
fault("long-header-431", "Answers 431 to a request with a header of more than 2,000 characters.",
      refuses("IV-WIRE-HEADERS", lambda received: any(len(value) > 2000 for value in received.request.headers.values()),
              431))
