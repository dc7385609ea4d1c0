"""An incoming request, and the handling of the part of its body that the server did not read.

A server that closes a connection with unread bytes resets it, and the client may lose the response. A server that reads
everything a client sends may be kept busy for ever. So there are two bounded ways to end a request: `finish` reads the
rest of a body of ordinary size, after which the connection can serve another request; `leave` sends the response with
`Connection: close`, then reads and discards more of the body within bounds (RFC 9112 section 9.6).
"""

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from .extensions import CONNECTION, Connection

LINGER_BYTES = 32 * 1024 * 1024
LINGER_SECONDS = 5.0

_EDGE_BYTES = 1024


class IncomingRequest(Request):
    """A request whose body is read in chunks.

    `declared` is its Content-Length in bytes, or None if it has none, as in chunked coding. `received` is the number of
    bytes of the body that were read. `ended` tells whether the end of the body was reached. `start` and `end` are its
    first and last bytes that were read, at most 1 KiB each.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        length = self.headers.get("content-length")
        self.declared = int(length) if length is not None else None
        self.received = 0
        self.ended = False
        self.start = b""
        self.end = b""

    async def chunk(self) -> bytes:
        """Return the next bytes of the body, or b"" at its end. Raises ClientDisconnect if the client is gone."""
        while not self.ended:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self.ended = not message.get("more_body", False)
            data: bytes = message.get("body", b"")
            self.received += len(data)
            if data:
                self.start += data[: _EDGE_BYTES - len(self.start)]
                self.end = (self.end + data)[-_EDGE_BYTES:]
                return data
        return b""

    @property
    def connection(self) -> Connection:
        """The connection of the request. Raises TypeError if another server than that of this package runs the app."""
        connection = self.scope.get("extensions", {}).get(CONNECTION)
        if not isinstance(connection, Connection):
            raise TypeError("A variant that reads or cuts the connection must run under reference.app.serving.")
        return connection

    async def finish(self, limit: int) -> bool:
        """Read and discard the rest of a body of at most `limit` bytes. Return whether its end was reached."""
        # Reading would send 100 Continue, and so request a body that the client still holds back.
        held_back = self.headers.get("expect", "").lower() == "100-continue" and not self.received
        too_long = self.declared is not None and self.declared > limit
        if not held_back and not too_long:
            await self._skip(limit)
        return self.ended

    async def leave(self, response: Response, send: Send) -> None:
        """Send the response, then close the connection when the body ends or a limit is reached.

        The limits are LINGER_BYTES of further body and LINGER_SECONDS. Raises ClientDisconnect if the client has
        disconnected.
        """

        async def hold_open(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "more_body": True}
            await send(message)

        response.headers["connection"] = "close"
        await response(self.scope, self.receive, hold_open)
        with anyio.move_on_after(LINGER_SECONDS):
            await self._skip(self.received + LINGER_BYTES)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _skip(self, limit: int) -> None:
        while not self.ended and self.received <= limit:
            await self.chunk()
