"""Ways to leave a request without a response: an uncaught exception, a cut connection, silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import anyio
import anyio.lowlevel

from ..app.api_error import ApiError
from ..app.service import Service

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from ..app.incoming import IncomingRequest

Failure = int | Literal["drop", "hang"]
"""How a server fails: a status, 500 being an uncaught exception; a cut connection; or no response at all."""

HANG_SECONDS = 5.0
"""How long a request without a response is held, in seconds. It must be longer than the timeout of the client."""


class Crash(Exception):
    """An exception that is not caught, so that uvicorn sends a 500 in plain text."""


class _Dropped(Exception):
    """The connection is cut."""


class _Silent(Exception):
    """No response is sent."""


class MayFail(Service):
    """A Service whose steps can fail by raising what `failure` returns."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        try:
            await super().__call__(scope, receive, send)
        except _Dropped:
            await hang_up(self.incoming(scope, receive, send))
        except _Silent:
            await hang(self.incoming(scope, receive, send))

    def failure(self, how: Failure) -> Exception:
        """Return the exception to raise."""
        if how == "drop":
            return _Dropped()
        if how == "hang":
            return _Silent()
        return Crash() if how == 500 else ApiError("The upstream server failed.", status=how, kind=None)


async def hang_up(request: IncomingRequest) -> None:
    """Cut the connection without a response."""
    request.connection.transport.abort()
    # uvicorn notices one turn of the event loop later; before, it would log that the response is missing.
    await anyio.lowlevel.checkpoint()


async def hang(request: IncomingRequest) -> None:
    """Send nothing until the client disconnects or HANG_SECONDS have passed, then cut the connection."""
    with anyio.move_on_after(HANG_SECONDS):
        while (await request.receive())["type"] != "http.disconnect":
            pass
    await hang_up(request)


def half_body(send: Send) -> Send:
    """Return a `send` that sends only half of the body, and leaves the response unfinished."""

    async def send_half(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}
        await send(message)

    return send_half
