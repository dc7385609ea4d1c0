"""The server of a run: reads a form to its end, keeps nothing of it, and answers from memory.

Runs as `python -m benchmark.server` until its standard input ends; its first line is the port. The base URL of a call
says what it is answered with: a link under `/url`, a tiny image in base64 under `/b64`. `created` of an answer is the
number of bytes that the body of the request had, so that a subject shows what it sent.
"""

import asyncio
import re
import socket
import sys

_BUFFER_BYTES = 1 << 18
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+) *\r\n", re.IGNORECASE)
_ANSWERS = {
    b"/url/images/variations": b'{"created": %d, "data": [{"url": "http://127.0.0.1:9/v/1.png"}]}',
    b"/b64/images/variations": b'{"created": %d, "data": [{"b64_json": "' + b"iVBORw0K" * 16 + b'"}]}',
}
_REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Connection(asyncio.BufferedProtocol):
    """One connection of a client, kept open between requests."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._head = b""
        self._lacking = 0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, with Nagle's algorithm off: an answer in two packets would take 40 ms longer."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"not a stream: {transport!r}")
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_buffer(self, _: int) -> memoryview:
        """Return where the next bytes go; the same place each time."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Count the bytes of a body, or read a head, and answer when the request is whole."""
        if not self._lacking:
            self._head += self._buffer[:nbytes]
            end = self._head.find(_HEAD_END)
            if end < 0:
                return
            nbytes = len(self._head) - end - len(_HEAD_END)
            self._begin(self._head[: end + 2])
            self._head = b""
        # No subject sends a request before the last one is answered, so what follows a head is its body alone.
        self._lacking -= nbytes
        if self._lacking <= 0:
            self._transport.write(self._answer)
            if self._answer is _REFUSAL:
                self._transport.close()

    def _begin(self, head: bytes) -> None:
        length, answer = _LENGTH.search(head), _ANSWERS.get(head.split(b" ", 2)[1])
        self._lacking = int(length.group(1)) if length else 0
        if length is None or answer is None:
            self._lacking, self._answer = 0, _REFUSAL
            return
        body = answer % self._lacking
        self._answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
            len(body),
            body,
        )


async def serve() -> None:
    """Serve on loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
