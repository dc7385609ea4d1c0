"""A request as it comes in, and what to do with the part of its body that nobody needs.

A server that closes a connection with unread bytes in it resets it, and the client may lose the answer that lay in it.
A server that reads all that is sent can be kept busy for ever. So there are two bounded ways to end: `finish` reads a
rest of ordinary size, after which the connection can serve another request; `leave` answers at once, says
`Connection: close`, and then lingers for a bounded time over what still comes (RFC 9112 section 9.6).
"""

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

LINGER_BYTES = 32 * 1024 * 1024
LINGER_SECONDS = 5.0


class IncomingRequest(Request):
    """A request whose body is read in chunks.

    `declared` is its Content-Length in bytes, None in chunked coding; `received` counts the bytes of the body.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        length = self.headers.get("content-length")
        self.declared = int(length) if length is not None else None
        self.received = 0
        self.ended = False

    async def chunk(self) -> bytes:
        """The next bytes, empty ones at the end. Raises ClientDisconnect when the client is gone."""
        while not self.ended:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self.ended = not message.get("more_body", False)
            data: bytes = message.get("body", b"")
            self.received += len(data)
            if data:
                return data
        return b""

    async def finish(self, limit: int) -> bool:
        """Reads and drops the rest, if the whole body has at most `limit` bytes. Says whether the end was reached."""
        # To read now would ask a client for the body that it holds back until it is told to go on.
        held_back = self.headers.get("expect", "").lower() == "100-continue" and not self.received
        too_long = self.declared is not None and self.declared > limit
        if not held_back and not too_long:
            await self._skip(limit)
        return self.ended

    async def leave(self, response: Response, send: Send) -> None:
        """Sends the response, and closes the connection when the client has seen it or a limit is reached."""

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
