"""Faults that cut the connection before or during a response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..app.service import Service
from ..registry import FaultFamily
from .factories import NO_5XX, crashes_on, refuses, sends_half
from .no_response import hang_up

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Send

    from ..app.incoming import IncomingRequest

fault = FaultFamily("protocol")

fault(
    "valid-dropped",
    "Cuts the connection instead of sending a 200.",
    refuses("IV-OP-VALID", lambda _: True, "drop"),
)
fault(
    "large-dropped",
    "Cuts the connection instead of sending a 413.",
    crashes_on("IV-IMAGE-MAX-BYTES", "drop"),
)


@fault.service(
    "invalid-dropped",
    *("IV-N-BOUNDS", "IV-SIZE-UNKNOWN", "IV-IMAGE-SQUARE"),
    also=(NO_5XX,),
    everywhere=True,
)
class InvalidDropped(Service):
    """Cuts the connection instead of sending a 400."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        if response.status_code == 400:
            await hang_up(request)
        else:
            await super().deliver(request, response, send)


async def _close(request: IncomingRequest) -> None:
    request.connection.transport.close()


fault(
    "answer-cut",
    "Closes the connection after half of the body that Content-Length announces.",
    sends_half("IV-OP-VALID", _close),
)
