"""Error objects of another shape, or that say too much or too little."""

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
from .registry import FaultFamily

if TYPE_CHECKING:
    from starlette.responses import Response

fault = FaultFamily("errors")

Document = dict[str, object]


def _reshaped(reshape: Callable[[ApiError, Document], object]) -> type[Service]:
    """A Service whose error documents a function makes, out of the problem and the members of the right object."""

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
        "Says the error as a text.",
        _reshaped(lambda problem, _: {"error": problem.message}),
    ),
    ("error-flat", "IV-ERR-OBJECT", "Has no member error around the error.", _reshaped(lambda _, members: members)),
    (
        "error-wrapped",
        "IV-ERR-OBJECT",
        "Wraps the error of the server behind it into one of its own.",
        _reshaped(lambda _, members: {"error": {"error": members}}),
    ),
    ("message-missing", "IV-ERR-OBJECT", "Leaves message out.", _without("message")),
    ("type-missing", "IV-ERR-OBJECT", "Leaves type out.", _without("type")),
    (
        "param-a-list",
        "IV-ERR-OBJECT",
        "Says param as a list.",
        _reshaped(lambda p, m: {"error": {**m, "param": ["body", p.param]}}),
    ),
    ("param-missing", "IV-ERR-OBJECT", "Leaves param out.", _without("param")),
    ("code-missing", "IV-ERR-OBJECT", "Leaves code out.", _without("code")),
    ("type-null", "IV-ERR-OBJECT", "Says type as null.", _member("type", None)),
    (
        "code-a-number",
        "IV-ERR-OBJECT",
        "Says code as the status.",
        _reshaped(lambda p, m: {"error": {**m, "code": p.status}}),
    ),
    (
        "message-a-list",
        "IV-ERR-MESSAGE",
        "Says message as a list.",
        _reshaped(lambda p, m: {"error": {**m, "message": [p.message]}}),
    ),
    ("type-the-word-none", "IV-ERR-NULL", "Says type as the text None.", _member("type", "None")),
    (
        "param-the-word-none",
        "IV-ERR-NULL",
        "Says param as the text None where there is none.",
        _reshaped(lambda p, m: {"error": {**m, "param": str(p.param)}}),
    ),
    (
        "message-of-upstream",
        "IV-ERR-READABLE",
        "Passes on the error of the server behind it, in JSON, as its message.",
        _reshaped(lambda _, m: {"error": {**m, "message": f"Upstream: {json.dumps({'error': m})}"}}),
    ),
    (
        "message-a-document",
        "IV-ERR-READABLE",
        "Writes its message in JSON.",
        _reshaped(lambda _, m: {"error": {**m, "message": json.dumps({"detail": m["message"]})}}),
    ),
    ("message-empty", "IV-ERR-MESSAGE", "Says nothing in message.", _member("message", "")),
    (
        "message-vague",
        "IV-ERR-PARAM",
        "Names the field at fault neither in param nor in message.",
        _reshaped(lambda _, members: {"error": {**members, "message": "Your request is not valid.", "param": None}}),
    ),
)

for _name, _breaks, _summary, _service in DEPTH_PROFILES:
    fault(_name, breaks=(_breaks,), summary=_summary)(_service)


@fault("detail-list", breaks=("IV-ERR-OBJECT", "IV-ERR-400"), also=("IV-OP-MULTIPART-STATUS",))
class DetailList(Service):
    """Answers wrong requests with 422 and a list under detail, as FastAPI does by itself."""

    def refusal(self, problem: ApiError) -> Response:
        if problem.status != 400:
            return super().refusal(problem)
        detail = [{"type": "value_error", "loc": ["body", problem.param], "msg": problem.message}]
        return json_response({"detail": detail}, 422)


@fault("message-with-traceback", breaks=("IV-ERR-SECRETS",))
class MessageWithTraceback(Service):
    """Shows the traceback of the program in message."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message="".join(traceback.format_exception(problem))))


@fault("message-with-object", breaks=("IV-ERR-SECRETS",))
class MessageWithObject(Service):
    """Shows an object of the program, and its address, in message."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message} {object.__repr__(self)}"))


@fault("message-with-path", breaks=("IV-ERR-SECRETS",))
class MessageWithPath(Service):
    """Shows where the program lies, in message."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message} (/srv/app/api/variations.py)"))


@fault("message-with-process-id", breaks=("IV-ERR-SECRETS",))
class MessageWithProcessId(Service):
    """Shows the id of the process in message."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message} (worker pid={os.getpid()})"))


@fault("message-with-key", breaks=("IV-ERR-SECRETS",))
class MessageWithKey(Service):
    """Shows the API key in message."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message} (api_key={self.api_key})"))
