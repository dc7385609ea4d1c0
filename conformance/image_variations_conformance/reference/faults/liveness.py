"""Servers that die. They go on listening, but cut every connection, as behind a proxy whose server is gone."""

from collections.abc import Mapping
from typing import Unpack

from PIL import Image
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..form import Part
from ..incoming import IncomingRequest
from ..problem import Problem
from ..service import Service, ServiceOptions
from .registry import FaultFamily
from .twists import hang_up

fault = FaultFamily("liveness")


class _Mortal(Service):
    """A Service that can die."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self.dead = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI)."""
        if self.dead:
            await hang_up(IncomingRequest(scope, receive, send))
        else:
            await super().__call__(scope, receive, send)

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if self.dead:
            await hang_up(request)
        else:
            await super().deliver(request, response, send)


@fault("dies-of-bad-key", breaks=("IV-STATE-RECOVERS", "IV-AUTH-REQUIRED"))
class DiesOfBadKey(_Mortal):
    """Is dead after a missing or wrong key, and does not answer it."""

    def key_missing(self) -> Problem:
        self.dead = True
        return super().key_missing()

    def key_wrong(self) -> Problem:
        self.dead = True
        return super().key_wrong()


@fault("dies-of-bad-image", breaks=("IV-STATE-RECOVERS", "IV-ERR-NO-5XX"))
class DiesOfBadImage(_Mortal):
    """Is dead after an image that is not a whole PNG, and does not answer."""

    async def picture(self, fields: Mapping[str, Part]) -> Image.Image:
        try:
            return await super().picture(fields)
        except Problem:
            self.dead = True
            raise


@fault("dies-of-untyped-part", breaks=("IV-STATE-RECOVERS", "IV-IMAGE-OCTET-STREAM"))
class DiesOfUntypedPart(_Mortal):
    """Is dead after a file whose part has no type, and does not answer."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        self.dead = self.dead or any(part.filename is not None and part.content_type is None for part in parts)
        return super().fields(parts)
