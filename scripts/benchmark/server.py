"""HTTP server that reads each request to its end, discards it, and sends a response from memory.

`python -m benchmark.server PICTURE` prints its port and serves until its standard input ends. For the client,
`/url/images/variations` is answered with a link and `/b64/images/variations` with a tiny image in base64.
`created` is the length of the request body in bytes, so that the worker can check what a subject sent. A request
without Content-Length, or to another path, is answered 400.

For the suite, any request to `/any/images/variations` is answered with the picture in base64, and `created` is the
current time. The body may have a length, be chunked or be absent. The connection is closed after the response if the
request has `Connection: close`.
"""

import asyncio
import base64
import re
import socket
import sys
import time
from pathlib import Path

_BUFFER_BYTES = 1 << 18
_HEAD_END = b"\r\n\r\n"
# With its extensions, and the trailers after it.
_LAST_CHUNK = re.compile(rb"(\A|\r\n)0[^\r\n]*\r\n([^\r\n]+\r\n)*\r\n\Z")
_MOST_TRAILERS = 512
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+) *\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked *\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close *\r\n", re.IGNORECASE)
_RESPONSES = {
    b"/url/images/variations": b'{"created": %d, "data": [{"url": "http://127.0.0.1:9/v/1.png"}]}',
    b"/b64/images/variations": b'{"created": %d, "data": [{"b64_json": "' + b"iVBORw0K" * 16 + b'"}]}',
}
_ANY = b"/any/images/variations"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Connection(asyncio.BufferedProtocol):
    """One connection. `picture` is a PNG in base64."""

    def __init__(self, picture: bytes) -> None:
        self._picture = picture
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._head = b""
        self._lacking = 0
        # The last bytes of a chunked body; None if the body is not chunked.
        self._chunks: bytes | None = None
        self._response = b""
        self._closes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Turn off Nagle's algorithm, which would delay a response in two packets by 40 ms."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"not a stream: {transport!r}")
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_buffer(self, _: int) -> memoryview:
        """Return the buffer for the next bytes, always the same one."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Parse a head or count the bytes of a body, and respond when the request is complete."""
        if not self._lacking and self._chunks is None:
            self._head += self._buffer[:nbytes]
            end = self._head.find(_HEAD_END)
            if end < 0:
                return
            body: bytes | memoryview = self._head[end + len(_HEAD_END) :]
            self._begin(self._head[: end + 2])
            self._head = b""
        else:
            body = self._buffer[:nbytes]
        # No subject pipelines requests, so the bytes after a head are its body.
        if self._chunks is not None:
            self._chunks = (self._chunks + bytes(body))[-_MOST_TRAILERS:]
            if not _LAST_CHUNK.search(self._chunks):
                return
            self._chunks = None
        else:
            self._lacking -= len(body)
        if self._lacking <= 0:
            self._transport.write(self._response)
            if self._closes:
                self._transport.close()

    def _begin(self, head: bytes) -> None:
        if b"100-continue" in head:
            self._transport.write(_CONTINUE)
        target, length = head.split(b" ", 2)[1], _LENGTH.search(head)
        self._lacking = int(length.group(1)) if length else 0
        if target.partition(b"?")[0] == _ANY:
            self._chunks = b"" if _CHUNKED.search(head) else None
            body = b'{"created": %d, "data": [{"b64_json": "%s"}]}' % (time.time(), self._picture)
        elif length is not None and target in _RESPONSES:
            body = _RESPONSES[target] % self._lacking
        else:
            self._lacking, self._response, self._closes = 0, _REFUSAL, True
            return
        self._response = _HEAD % (len(body), body)
        self._closes = _CLOSE.search(head) is not None


async def serve(picture: bytes) -> None:
    """Serve on loopback until standard input ends. `picture` is a PNG in base64."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(picture), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(base64.b64encode(Path(sys.argv[1]).read_bytes())))
