"""Faults in the error object: wrong shapes, unhelpful messages and leaked internals."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import evolve

from ..app.api_error import ApiError
from ..app.responses import json_response, plain_response
from ..app.service import Service
from ..registry import Change, FaultFamily
from .factories import Document, answers, answers_errors, errs, member, refuses
from .features import header

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

fault = FaultFamily("errors")

_OBJECT, _MESSAGE, _NULL, _READABLE = "IV-ERR-OBJECT", "IV-ERR-MESSAGE", "IV-ERR-NULL", "IV-ERR-READABLE"
_TRACEBACK = (
    'Traceback (most recent call last):\n  File "/srv/app/api/variations.py", line 42, in make\nUserWarning: slow'
)
_DOTNET_FRAME = r"Acme.Images.ImagesController.Post() in C:\inetpub\wwwroot\Controllers\ImagesController.cs:line 42"
_PARAM, _SECRETS = "IV-ERR-PARAM", "IV-ERR-SECRETS"


def _has(breaks: str, name: str, value: object | Callable[[ApiError], object]) -> Change:
    """Send another value of a member of the error object: a value, or what a function of the error returns."""
    return answers_errors(
        breaks, lambda problem, members: {"error": {**members, name: value(problem) if callable(value) else value}}
    )


def _lacks(breaks: str, name: str) -> Change:
    return answers_errors(breaks, lambda _, members: {"error": {key: members[key] for key in members if key != name}})


def _document(breaks: str, change: Callable[[Document], object]) -> Change:
    """Send what a function of the error object returns."""
    return answers_errors(breaks, lambda _, members: change(members))


def _says(breaks: str, message: Callable[[ApiError], str]) -> Change:
    return errs(breaks, lambda problem: evolve(problem, message=message(problem)))


# --- the object

# fmt: off
fault("error-a-text", "Sends the error as a string, not as an object.",
      _document(_OBJECT, lambda members: {"error": members["message"]}))
fault("error-a-list", "Sends a list of errors, not an object.",
      _document(_OBJECT, lambda members: {"errors": [members]}))
fault("error-null", "Sends null as error.", _document(_OBJECT, lambda _: {"error": None}))
fault("error-flat", "Sends the error object without the member error around it.",
      _document(_OBJECT, lambda members: members))
fault("error-wrapped", "Wraps the error object in a second member error.",
      _document(_OBJECT, lambda members: {"error": {"error": members}}))
fault("message-missing", "Omits message from errors.", _lacks(_OBJECT, "message"))
fault("type-missing", "Omits type from errors.", _lacks(_OBJECT, "type"))
fault("param-missing", "Omits param from errors.", _lacks(_OBJECT, "param"))
fault("code-missing", "Omits code from errors.", _lacks(_OBJECT, "code"))
fault("param-a-list", "Sends param in errors as a list.",
      _has(_OBJECT, "param", lambda problem: ["body", problem.param]))
fault("type-null", "Sends null as type in errors.", _has(_OBJECT, "type", None))
fault("code-a-number", "Sends the HTTP status, a number, as code in errors.",
      _has(_OBJECT, "code", lambda problem: problem.status))
fault("code-false", "Sends false as code in errors that have none.",
      _has(_OBJECT, "code", lambda problem: problem.code or False))
fault("message-a-list", "Sends message in errors as a list.",
      _has(_MESSAGE, "message", lambda problem: [problem.message]))
fault("message-an-object", "Sends message in errors as an object.",
      _has(_MESSAGE, "message", lambda problem: {"text": problem.message}))
fault("message-null", "Sends null as message in errors.", _has(_MESSAGE, "message", None))
fault("message-empty", "Sends an empty message in errors.", _has(_MESSAGE, "message", ""))
fault("type-the-word-none", 'Sends the string "None" as type in errors.', _has(_NULL, "type", "None"))
fault("param-the-word-none", 'Sends the string "None" instead of null as param in errors.',
      _has(_NULL, "param", lambda problem: str(problem.param)))
fault("code-the-word-null", 'Sends the string "null" instead of null as code in errors.',
      _has(_NULL, "code", lambda problem: problem.code or "null"))
fault("param-the-word-undefined", 'Sends the string "undefined" instead of null as param in errors.',
      _has(_NULL, "param", lambda problem: problem.param or "undefined"))
# fmt: on


@fault.service("detail-list", _OBJECT, "IV-ERR-400", also=("IV-OP-MULTIPART-STATUS",))
class DetailList(Service):
    """Answers 422 with a list in detail to invalid requests, as FastAPI does by default."""

    def refusal(self, problem: ApiError) -> Response:
        if problem.status != 400:
            return super().refusal(problem)
        detail = [{"type": "value_error", "loc": ["body", problem.param], "msg": problem.message}]
        return json_response({"detail": detail}, 422)


# --- the message

# fmt: off
fault("message-of-upstream", "Sends the JSON error document of an upstream server as the message.",
      _document(_READABLE,
                lambda members: {"error": {**members, "message": f"Upstream: {json.dumps({'error': members})}"}}))
fault("message-a-document", "Sends a JSON document as the message.",
      _has(_READABLE, "message", lambda problem: json.dumps({"detail": problem.message})))
fault("message-a-page", "Sends an HTML document as the message.",
      _has(_READABLE, "message", lambda problem: f"<html><body><p>{problem.message}</p></body></html>"))
fault("message-vague", "Names the invalid field neither in param nor in message.",
      errs(_PARAM, lambda problem: evolve(problem, message="Your request is not valid.", param=None)))
fault(
    "message-names-all-fields",
    "Names all fields in the message, and none in param.",
    errs(
        _PARAM,
        lambda problem: evolve(
            problem, message="One of image, model, n, response_format, size and user is invalid.", param=None
        ),
    ),
)
fault(
    "param-of-another-field",
    "Sends another field than the invalid one as param.",
    errs(
        _PARAM,
        lambda problem: evolve(
            problem, message="It is not valid.", param={"image": "n", None: None}.get(problem.param, "image")
        ),
    ),
)

# --- internal details

fault("message-with-traceback", "Puts a Python traceback into error messages.",
      _says(_SECRETS, lambda problem: "".join(traceback.format_exception(problem))))
fault("message-with-path", "Puts a file path of the server into error messages.",
      _says(_SECRETS, lambda problem: f"{problem.message} (/srv/app/api/variations.py)"))
fault("message-with-upload-path", "Puts the path of the file with an uploaded image into error messages.",
      _says(_SECRETS, lambda problem: f"{problem.message} (/tmp/upload-8f14e45f.png)"))
fault("message-with-dotnet-stack", "Puts a .NET stack trace into error messages.",
      _says(_SECRETS, lambda problem: f"{problem.message}\r\n   at {_DOTNET_FRAME}"))
fault("message-with-connection-string", "Puts the address and password of a database into error messages.",
      _says(_SECRETS, lambda problem: f"{problem.message} (postgresql://app:hunter2@10.0.3.17:5432/images)"))
fault("message-with-process-id", "Puts the process id of the server into error messages.",
      _says(_SECRETS, lambda problem: f"{problem.message} (worker pid={os.getpid()})"))
fault("message-with-object", "Puts the repr of a Python object, with its memory address, into error messages.",
      _says(_SECRETS, lambda problem: f"{problem.message} {object.__repr__(problem)}"))
fault(
    "key-error-with-traceback",
    "Puts a JavaScript stack trace into the message of a 401.",
    _says(
        _SECRETS,
        lambda problem: (
            f"{problem.message}\n    at verify (/srv/app/node_modules/auth/index.js:17:9)"
            if problem.status == 401
            else problem.message
        ),
    ),
)

fault("cookie-error-with-traceback", "Answers a cookie that its framework cannot parse with a Python traceback.",
      refuses(_SECRETS, header("cookie", r"[()]"), message=_TRACEBACK))
fault("image-answer-with-traceback", "Sends a Python traceback of a warning in a member of a 200.",
      answers(_SECRETS, member("warning", _TRACEBACK)))
# fmt: on


@fault.service("message-with-key", _SECRETS)
class MessageWithKey(Service):
    """Puts the API key into error messages."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message} (api_key={self.api_key})"))


@fault.service("broken-header-quoted", _SECRETS)
class BrokenHeaderQuoted(Service):
    """Quotes an Authorization with a control character in the error message."""

    async def respond(self, request: IncomingRequest) -> Response:
        authorization = request.headers.get("authorization", "")
        if any(sign < " " for sign in authorization):
            return self.refusal(ApiError(f"Authorization: {authorization!r} is not valid."))
        return await super().respond(request)


@fault.service("header-with-key", _SECRETS)
class HeaderWithKey(Service):
    """Sends the API key in a header of every response to the operation."""

    async def vary(self, request: IncomingRequest) -> Response:
        response = await super().vary(request)
        response.headers["x-debug-key"] = self.api_key
        return response

    def refusal(self, problem: ApiError) -> Response:
        response = super().refusal(problem)
        response.headers["x-debug-key"] = self.api_key
        return response


@fault.service("image-answer-with-key", _SECRETS)
class ImageAnswerWithKey(Service):
    """Sends the API key in a member of a 200."""

    def success(self, document: object) -> Response:
        return super().success(
            {**document, "account": {"key": self.api_key}} if isinstance(document, dict) else document
        )


@fault.service("error-html-for-browsers", "IV-ERR-JSON")
class ErrorHtmlForBrowsers(Service):
    """Sends errors as HTML to clients that prefer it, as frameworks do."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        if response.status_code < 400 or not request.headers.get("accept", "").startswith("text/html"):
            return response
        return plain_response(f"<h1>{response.status_code}</h1>", response.status_code, media_type="text/html")
