"""Faults that make the server die or leave requests without a response.

A dead server still listens but cuts every connection, as a proxy does whose upstream server is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

from PIL import Image

from ..app.api_error import ApiError
from ..app.form import Part
from ..app.responses import plain_response
from ..app.service import Service, ServiceOptions
from ..registry import FaultFamily
from .fault_helpers import hang, hang_up

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Receive, Scope, Send

    from ..app.incoming import IncomingRequest

fault = FaultFamily("liveness")


class _Mortal(Service):
    """A Service that cuts every connection once `dead` is set."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self.dead = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if self.dead:
            await hang_up(self.incoming(scope, receive, send))
        else:
            await super().__call__(scope, receive, send)

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if self.dead:
            await hang_up(request)
        else:
            await super().deliver(request, response, send)


@fault("dies-of-bad-key", breaks=("IV-STATE-RECOVERS", "IV-AUTH-REQUIRED"), also=("IV-ERR-NO-5XX",))
class DiesOfBadKey(_Mortal):
    """Dies when it gets a missing or wrong API key."""

    def key_missing(self) -> ApiError:
        self.dead = True
        return super().key_missing()

    def key_wrong(self) -> ApiError:
        self.dead = True
        return super().key_wrong()


@fault("dies-of-bad-image", breaks=("IV-STATE-RECOVERS", "IV-ERR-NO-5XX"), also=("IV-IMAGE-REQUIRED",))
class DiesOfBadImage(_Mortal):
    """Dies when it gets a missing or invalid image."""

    async def picture(self, fields: Mapping[str, Part]) -> Image.Image:
        try:
            return await super().picture(fields)
        except ApiError:
            self.dead = True
            raise


@fault("dies-of-untyped-part", breaks=("IV-STATE-RECOVERS", "IV-IMAGE-OCTET-STREAM"), also=("IV-ERR-NO-5XX",))
class DiesOfUntypedPart(_Mortal):
    """Dies when it gets a file part without a Content-Type."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        self.dead = self.dead or any(part.filename is not None and part.content_type is None for part in parts)
        return super().fields(parts)


@fault("dies-of-unnamed-part", breaks=("IV-STATE-RECOVERS", "IV-ERR-NO-5XX"))
class DiesOfUnnamedPart(_Mortal):
    """Dies when it gets a form with a part without a name."""

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        try:
            return await super().parts(request, boundary)
        except ApiError as problem:
            self.dead = self.dead or "name" in problem.message
            raise


# A header that marks a response which is never sent.
_NEVER_SENT = "x-never-sent"


def _never_sent() -> Response:
    return plain_response(headers={_NEVER_SENT: "1"})


class _Silent(Service):
    """A Service that can leave a request without a response."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if _NEVER_SENT in response.headers:
            await hang(request)
        else:
            await super().deliver(request, response, send)


@fault("hangs-on-valid", breaks=("IV-OP-VALID", "IV-ERR-NO-5XX"), hangs=True)
class HangsOnValid(_Silent):
    """Sends no response to a valid request."""

    def success(self, document: object) -> Response:
        return _never_sent()


@fault("hangs-on-damaged-image", breaks=("IV-IMAGE-INTACT", "IV-ERR-NO-5XX"), hangs=True)
class HangsOnDamagedImage(_Silent):
    """Sends no response to a damaged PNG."""

    def refusal(self, problem: ApiError) -> Response:
        return _never_sent() if "whole" in problem.message else super().refusal(problem)


@fault("hangs-on-get", breaks=("IV-OP-METHOD", "IV-ERR-NO-5XX"), hangs=True)
class HangsOnGet(_Silent):
    """Sends no response to methods other than POST."""

    def other_method(self, request: IncomingRequest) -> Response:
        return _never_sent()


@fault("stops-halfway", breaks=("IV-OP-VALID", "IV-ERR-NO-5XX"), hangs=True)
class StopsHalfway(Service):
    """Sends only half of the body of a 200 and leaves the connection open."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if request.method != "POST" or response.status_code != 200:
            return await super().deliver(request, response, send)

        async def send_half(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}
            await send(message)

        await super().deliver(request, response, send_half)
        await hang(request)
        return None
