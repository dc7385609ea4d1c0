"""Faults in the error object: wrong shapes, unhelpful messages and leaked internals."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import evolve

from ..app.api_error import ApiError, error_object
from ..app.responses import json_response
from ..app.service import Service
from ..registry import FaultFamily

if TYPE_CHECKING:
    from starlette.responses import Response

fault = FaultFamily("errors")

Document = dict[str, object]


def _reshaped(reshape: Callable[[ApiError, Document], object]) -> type[Service]:
    """Return a Service whose error documents are made by `reshape`.

    It gets the problem and the members of the correct error object.
    """

    class Reshaped(Service):
        def error(self, problem: ApiError) -> object:
            members = error_object(problem)["error"]
            return reshape(problem, dict(members) if isinstance(members, dict) else {})

    return Reshaped


def _member(name: str, value: object) -> type[Service]:
    return _reshaped(lambda _, members: {"error": {**members, name: value}})


def _without(name: str) -> type[Service]:
    return _reshaped(lambda _, members: {"error": {key: value for key, value in members.items() if key != name}})


DEPTH_PROFILES: tuple[tuple[str, str, str, type[Service]], ...] = (
    (
        "error-a-text",
        "IV-ERR-OBJECT",
        "Sends the error as a string, not as an object.",
        _reshaped(lambda problem, _: {"error": problem.message}),
    ),
    (
        "error-flat",
        "IV-ERR-OBJECT",
        "Sends the error object without the member error around it.",
        _reshaped(lambda _, members: members),
    ),
    (
        "error-wrapped",
        "IV-ERR-OBJECT",
        "Wraps the error object in a second member error.",
        _reshaped(lambda _, members: {"error": {"error": members}}),
    ),
    ("message-missing", "IV-ERR-OBJECT", "Omits message from errors.", _without("message")),
    ("type-missing", "IV-ERR-OBJECT", "Omits type from errors.", _without("type")),
    (
        "param-a-list",
        "IV-ERR-OBJECT",
        "Sends param in errors as a list.",
        _reshaped(lambda p, m: {"error": {**m, "param": ["body", p.param]}}),
    ),
    ("param-missing", "IV-ERR-OBJECT", "Omits param from errors.", _without("param")),
    ("code-missing", "IV-ERR-OBJECT", "Omits code from errors.", _without("code")),
    ("type-null", "IV-ERR-OBJECT", "Sends null as type in errors.", _member("type", None)),
    (
        "code-a-number",
        "IV-ERR-OBJECT",
        "Sends the HTTP status, a number, as code in errors.",
        _reshaped(lambda p, m: {"error": {**m, "code": p.status}}),
    ),
    (
        "message-a-list",
        "IV-ERR-MESSAGE",
        "Sends message in errors as a list.",
        _reshaped(lambda p, m: {"error": {**m, "message": [p.message]}}),
    ),
    ("type-the-word-none", "IV-ERR-NULL", 'Sends the string "None" as type in errors.', _member("type", "None")),
    (
        "param-the-word-none",
        "IV-ERR-NULL",
        'Sends the string "None" instead of null as param in errors.',
        _reshaped(lambda p, m: {"error": {**m, "param": str(p.param)}}),
    ),
    (
        "message-of-upstream",
        "IV-ERR-READABLE",
        "Sends the JSON error document of an upstream server as the message.",
        _reshaped(lambda _, m: {"error": {**m, "message": f"Upstream: {json.dumps({'error': m})}"}}),
    ),
    (
        "message-a-document",
        "IV-ERR-READABLE",
        "Sends a JSON document as the message.",
        _reshaped(lambda _, m: {"error": {**m, "message": json.dumps({"detail": m["message"]})}}),
    ),
    ("message-empty", "IV-ERR-MESSAGE", "Sends an empty message in errors.", _member("message", "")),
    (
        "message-vague",
        "IV-ERR-PARAM",
        "Names the invalid field neither in param nor in message.",
        _reshaped(lambda _, members: {"error": {**members, "message": "Your request is not valid.", "param": None}}),
    ),
)

for _name, _breaks, _summary, _service in DEPTH_PROFILES:
    fault(_name, breaks=(_breaks,), summary=_summary)(_service)


@fault("detail-list", breaks=("IV-ERR-OBJECT", "IV-ERR-400"), also=("IV-OP-MULTIPART-STATUS",))
class DetailList(Service):
    """Answers 422 with a list in detail to invalid requests, as FastAPI does by default."""

    def refusal(self, problem: ApiError) -> Response:
        if problem.status != 400:
            return super().refusal(problem)
        detail = [{"type": "value_error", "loc": ["body", problem.param], "msg": problem.message}]
        return json_response({"detail": detail}, 422)


@fault("message-with-traceback", breaks=("IV-ERR-SECRETS",))
class MessageWithTraceback(Service):
    """Puts a Python traceback into error messages."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message="".join(traceback.format_exception(problem))))


@fault("message-with-object", breaks=("IV-ERR-SECRETS",))
class MessageWithObject(Service):
    """Puts the repr of a Python object, with its memory address, into error messages."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message} {object.__repr__(self)}"))


@fault("message-with-path", breaks=("IV-ERR-SECRETS",))
class MessageWithPath(Service):
    """Puts a file path of the server into error messages."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message} (/srv/app/api/variations.py)"))


@fault("message-with-process-id", breaks=("IV-ERR-SECRETS",))
class MessageWithProcessId(Service):
    """Puts the process id of the server into error messages."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message} (worker pid={os.getpid()})"))


@fault("message-with-key", breaks=("IV-ERR-SECRETS",))
class MessageWithKey(Service):
    """Puts the API key into error messages."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message} (api_key={self.api_key})"))
