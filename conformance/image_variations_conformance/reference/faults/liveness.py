"""Servers that die, and servers that fall silent.

The dead ones go on listening, but cut every connection, as behind a proxy whose server is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

from PIL import Image

from ..app.api_error import ApiError
from ..app.form import Part
from ..app.responses import plain_response
from ..app.service import Service, ServiceOptions
from .fault_helpers import hang, hang_up
from .registry import FaultFamily

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Receive, Scope, Send

    from ..app.incoming import IncomingRequest

fault = FaultFamily("liveness")


class _Mortal(Service):
    """A Service that can die."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self.dead = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI)."""
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
    """Is dead after a missing or wrong key, and does not answer it."""

    def key_missing(self) -> ApiError:
        self.dead = True
        return super().key_missing()

    def key_wrong(self) -> ApiError:
        self.dead = True
        return super().key_wrong()


@fault("dies-of-bad-image", breaks=("IV-STATE-RECOVERS", "IV-ERR-NO-5XX"), also=("IV-IMAGE-REQUIRED",))
class DiesOfBadImage(_Mortal):
    """Is dead after an image that is not a whole PNG, and does not answer."""

    async def picture(self, fields: Mapping[str, Part]) -> Image.Image:
        try:
            return await super().picture(fields)
        except ApiError:
            self.dead = True
            raise


@fault("dies-of-untyped-part", breaks=("IV-STATE-RECOVERS", "IV-IMAGE-OCTET-STREAM"), also=("IV-ERR-NO-5XX",))
class DiesOfUntypedPart(_Mortal):
    """Is dead after a file whose part has no type, and does not answer."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        self.dead = self.dead or any(part.filename is not None and part.content_type is None for part in parts)
        return super().fields(parts)


@fault("dies-of-unnamed-part", breaks=("IV-STATE-RECOVERS", "IV-ERR-NO-5XX"))
class DiesOfUnnamedPart(_Mortal):
    """Is dead after a form with a part that has no name, and does not answer."""

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        try:
            return await super().parts(request, boundary)
        except ApiError as problem:
            self.dead = self.dead or "name" in problem.message
            raise


# Marks a response that is never sent.
_NEVER_SENT = "x-never-sent"


def _silence() -> Response:
    return plain_response(headers={_NEVER_SENT: "1"})


class _Silent(Service):
    """A Service that can leave a request without an answer."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if _NEVER_SENT in response.headers:
            await hang(request)
        else:
            await super().deliver(request, response, send)


@fault("hangs-on-valid", breaks=("IV-OP-VALID", "IV-ERR-NO-5XX"), hangs=True)
class HangsOnValid(_Silent):
    """Never answers a valid request."""

    def success(self, document: object) -> Response:
        return _silence()


@fault("hangs-on-damaged-image", breaks=("IV-IMAGE-INTACT", "IV-ERR-NO-5XX"), hangs=True)
class HangsOnDamagedImage(_Silent):
    """Never answers where the image starts like a PNG, and is none."""

    def refusal(self, problem: ApiError) -> Response:
        return _silence() if "whole" in problem.message else super().refusal(problem)


@fault("hangs-on-get", breaks=("IV-OP-METHOD", "IV-ERR-NO-5XX"), hangs=True)
class HangsOnGet(_Silent):
    """Never answers another method than POST."""

    def other_method(self, request: IncomingRequest) -> Response:
        return _silence()


@fault("stops-halfway", breaks=("IV-OP-VALID", "IV-ERR-NO-5XX"), hangs=True)
class StopsHalfway(Service):
    """Sends half of a 200, and then nothing, and leaves the connection open."""

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
