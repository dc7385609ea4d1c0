"""Faults that cut the connection before or during a response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..app.service import Service
from ..registry import FaultFamily
from .fault_helpers import hang_up, transport

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Send

    from ..app.incoming import IncomingRequest

fault = FaultFamily("protocol")


@fault("valid-dropped", breaks=("IV-OP-VALID", "IV-ERR-NO-5XX"))
class ValidDropped(Service):
    """Cuts the connection instead of sending a 200."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if request.method == "POST" and response.status_code == 200:
            await hang_up(request)
        else:
            await super().deliver(request, response, send)


@fault("invalid-dropped", breaks=("IV-ERR-NO-5XX",), everywhere=True)
class InvalidDropped(Service):
    """Cuts the connection instead of sending a 400."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if response.status_code == 400:
            await hang_up(request)
        else:
            await super().deliver(request, response, send)


@fault("large-dropped", breaks=("IV-IMAGE-MAX-BYTES", "IV-ERR-NO-5XX"))
class LargeDropped(Service):
    """Cuts the connection instead of sending a 413."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if response.status_code == 413:
            await hang_up(request)
        else:
            await super().deliver(request, response, send)


@fault("answer-cut", breaks=("IV-OP-VALID",), also=("IV-ERR-NO-5XX",))
class AnswerCut(Service):
    """Closes the connection after half of the body that Content-Length announces."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if request.method != "POST" or response.status_code != 200:
            return await super().deliver(request, response, send)

        async def send_half(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}
            await send(message)

        await super().deliver(request, response, send_half)
        transport(request).close()
        return None
