"""Errors with other statuses, headers, members or wording, and answers that the contract leaves open."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import evolve

from ..app.api_error import ApiError
from ..app.form import Part
from ..app.responses import json_response, plain_response
from ..app.service import Service
from ..faults.factories import answers_method, errs, refuses
from ..faults.features import chunked, text
from ..registry import Change, QuirkFamily

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("refusals")

_ANY_4XX = "IV-ERR-400 and its source: other status codes that are allowed"
_FREE_TEXT = "reading: the wording of an error is not judged"
_OPEN = "reading: HEAD and OPTIONS are not judged"


def _alters(when: Callable[[ApiError], bool], warns: tuple[str, ...] = (), **members: object) -> Change:
    """Change members of the errors for which `when` is true. A status is not replaced by another one of a profile."""
    return errs(warns, lambda problem: evolve(problem, **members) if when(problem) else problem)  # type: ignore[arg-type]


# --- other status codes

# fmt: off
quirk("too-large-400", _ANY_4XX, "Answers 400, not 413, to an image or form that is too large.",
      _alters(lambda problem: problem.status == 413, status=400))
quirk("other-body-400", "IV-OP-MULTIPART-STATUS", "Answers 400, not 415, to a body that is not a multipart form.",
      _alters(lambda problem: problem.status == 415, status=400))
quirk("other-file-415", _ANY_4XX, "Answers 415 to a file that is not a PNG.",
      _alters(lambda problem: problem.requirement == "IV-IMAGE-FORMAT", status=415))
quirk("unknown-model-404", _ANY_4XX, "Answers 404 to an unknown model.",
      _alters(lambda problem: problem.requirement == "IV-MODEL-UNKNOWN", status=404))
quirk("wrong-key-403", "IV-AUTH-WRONG", "Answers 403 to a wrong API key, and 401 to a missing one.",
      _alters(lambda problem: problem.requirement == "IV-AUTH-WRONG", ("IV-AUTH-401",), status=403))
quirk("chunked-411", "IV-WIRE-CHUNKED", "Answers 411 to a body in chunked coding.", refuses((), chunked, 411))
quirk("other-method-501",
      "IV-OP-METHOD", "Answers 501 to GET, PUT, PATCH and DELETE, as gateways do to methods that they do not know.",
      _alters(lambda problem: problem.requirement == "IV-OP-METHOD", ("IV-OP-METHOD-405",), status=501, kind=None))
quirk("put-501", "IV-OP-METHOD", "Answers 501 to PUT.",
      _alters(lambda problem: problem.text == "PUT", ("IV-OP-METHOD-405",), status=501, kind=None))
quirk("options-501", "IV-OP-HEAD-OPTIONS", "Answers 501 to OPTIONS and HEAD.",
      _alters(lambda problem: problem.requirement == "IV-OP-HEAD-OPTIONS", (), status=501, kind=None))
# fmt: on


@quirk.service("expect-417", "IV-WIRE-EXPECT")
class Expect417(Service):
    """Answers 417 to a request with an Expect header, before it reads the body."""

    async def vary(self, request: IncomingRequest) -> Response:
        if "expect" in request.headers:
            raise ApiError("Expect is not supported.", status=417, kind=None)
        return await super().vary(request)


# --- HEAD and OPTIONS

_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST", "Allow": "OPTIONS, POST"}
# fmt: off
quirk("options-200", _OPEN, "Answers 200 to OPTIONS, with the methods in a JSON body.",
      answers_method((), "OPTIONS", answer=lambda: json_response({"methods": ["POST"]}, headers=_CORS)))
quirk("options-204", _OPEN, "Answers 204 to OPTIONS, as browsers expect it.",
      answers_method((), "OPTIONS", answer=lambda: plain_response(status=204, headers=_CORS)))
quirk("head-200", _OPEN, "Answers 200 to HEAD.", answers_method((), "HEAD", answer=plain_response))

# --- other headers

quirk("challenge-missing", "reading: WWW-Authenticate is not judged", "Sends a 401 without WWW-Authenticate.",
      _alters(lambda problem: problem.status == 401, headers={}))
quirk("allow-more", "RFC 9110 section 10.2.1", "Lists OPTIONS and POST in Allow, without a space.",
      _alters(lambda problem: problem.status == 405, headers={"Allow": "OPTIONS,POST"}))

# fmt: on


@quirk.service("allow-twice", "RFC 9110 section 5.3: a list may be in several headers of one name")
class AllowTwice(Service):
    """Lists OPTIONS and POST in two headers Allow."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        if "allow" in response.headers:
            response.raw_headers.insert(0, (b"allow", b"OPTIONS"))
        return response


# --- targets that are no URL

_URL = re.compile(rb"(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*", re.ASCII)


@quirk.service("invalid-query-refused", "RFC 9112 section 3: a server should answer 400 to an invalid target")
class InvalidQueryRefused(Service):
    """Answers 400 as plain text to a query that RFC 3986 does not allow, as proxies do."""

    async def respond(self, request: IncomingRequest) -> Response:
        if not _URL.fullmatch(request.scope["query_string"]):
            return plain_response("Bad request.", 400, media_type="text/plain")
        return await super().respond(request)


# fmt: off
# --- other error objects

quirk("param-never", "IV-ERR-PARAM: the message may name the field",
      "Always sends null as param, and names the field only in the message.",
      _alters(lambda _: True, param=None))
quirk(
    "codes-everywhere",
    _FREE_TEXT,
    "Sends a code in every error, and an empty param if no field is invalid.",
    errs(
        (),
        lambda problem: evolve(
            problem,
            code=problem.code or f"error_{problem.status}_{problem.param or 'request'}",
            param=problem.param or "",
        ),
    ),
)
quirk("message-long", _FREE_TEXT, "Sends error messages of more than 60,000 characters.",
      errs((), lambda problem: evolve(problem, message=f"{problem.message}\n\n" + "See the manual. " * 4096)))
quirk(
    "message-in-braces",
    _FREE_TEXT,
    "Sends error messages with brackets, braces and quotes, and with the words null and error.",
    errs(
        (),
        lambda problem: evolve(
            problem,
            message=f'[400] {problem.message} Got {{"{problem.param}": …}}, which is not null: an "error" to us.',
            code="none_allowed",
        ),
    ),
)
quirk("message-in-another-language",
      _FREE_TEXT, "Writes error messages in German and Japanese, and names the field only in param.",
      _alters(lambda _: True, message="Ungültige Anfrage, bitte prüfen. 不正なリクエストです。"))
# fmt: on


def _with_masked_key(problem: ApiError) -> ApiError:
    key = problem.text.partition(" ")[2]
    masked = f"{key[:8]}...{key[-4:]}"
    return evolve(problem, message=f"The API key {masked} is not right. Request id: req_0badc0ffee.")


# fmt: off
quirk("key-masked", "IV-ERR-SECRETS: a masked key is not the key",
      "Shows a wrong API key in the message with all but its first and last characters masked.",
      errs((), lambda problem: _with_masked_key(problem) if problem.requirement.startswith("IV-AUTH-") else problem))

# --- what the contract leaves open

quirk("unknown-fields-refused", "reading: unknown form fields", "Refuses a form with an unknown field.",
      refuses((), lambda received: len(received.parts) > len(received.fields), message="There is an unknown field."))
quirk("leading-zeros-refused", "unspecified: leading zeros, as in n=03", "Refuses an n with leading zeros.",
      refuses((), text("n", lambda n: n.startswith("0")), param="n", message="n must be without leading zeros."))
# fmt: on


@quirk.service("last-image-taken", "reading: a second image")
class LastImageTaken(Service):
    """Accepts repeated fields, and uses the last one."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        return super().fields(tuple({part.name: part for part in parts}.values()))
