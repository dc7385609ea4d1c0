"""A server on loopback that records requests and sends canned responses. It never closes a connection itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from attrs import frozen
from image_variations_conformance.wire import multipart

URL_ITEM = b'{"created": 1589478378, "data": [{"url": "https://images.example/a.png"}]}'
JSON = {"Content-Type": "application/json"}


@frozen
class Received:
    """A received request. `connection` is the number of its connection, counted from 1."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None. Fails if the header is repeated."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1
        return values[0] if values else None

    @property
    def boundary(self) -> bytes:
        """The multipart boundary of the form."""
        boundary = multipart.boundary_of(self.header("content-type") or "")
        assert boundary is not None
        return boundary.encode()

    def parts(self) -> dict[str | None, Part]:
        """Return the parts of the form by their names. Fails if two parsers disagree or a name is repeated."""
        parts = self.parts_by_python_multipart()
        assert parts == self._parts_by_the_standard_library()
        return _by_name(parts)

    def parts_by_python_multipart(self) -> list[tuple[str | None, Part]]:
        """Return the names and parts of the form, as python-multipart parses them."""
        parts = multipart.decode(self.header("content-type") or "", self.body)
        for part in parts:
            assert [name.lower() for name, _ in part.headers] in PART_HEADERS
        return [(part.name, Part(part.content, part.filename, part.content_type)) for part in parts]

    def _parts_by_the_standard_library(self) -> list[tuple[str | None, Part]]:
        content_type = (self.header("content-type") or "").encode()
        message = BytesParser().parsebytes(b"Content-Type: " + content_type + b"\r\n\r\n" + self.body)
        assert message.get_content_type() == "multipart/form-data"
        assert not message.defects
        return [_read(part) for part in message.get_payload() if isinstance(part, Message)]


PART_HEADERS = (["content-disposition"], ["content-disposition", "content-type"])


@frozen
class Part:
    """A part of a multipart form."""

    content: bytes
    file_name: str | None = None
    content_type: str | None = None


def _by_name(parts: list[tuple[str | None, Part]]) -> dict[str | None, Part]:
    by_name = dict(parts)
    assert len(by_name) == len(parts)
    return by_name


def _read(part: Message) -> tuple[str | None, Part]:
    """Return the name and the part for a part of the standard library. Decode its headers as UTF-8, unlike a mail."""
    raw = {name.lower(): value.encode("ascii", "surrogateescape").decode() for name, value in part.raw_items()}
    assert list(raw) in PART_HEADERS
    header = Message()
    header["Content-Disposition"] = raw["content-disposition"]
    name, file_name = (header.get_param(it, header="content-disposition") for it in ("name", "filename"))
    content = part.get_payload(decode=True)
    assert isinstance(name, str | None)
    assert isinstance(file_name, str | None)
    assert isinstance(content, bytes)
    return name, Part(content, file_name, raw.get("content-type"))


@frozen
class CannedResponse:
    """A response to send, by default one with a link to an image."""

    status: int = 200
    body: bytes = URL_ITEM
    headers: Mapping[str, str] = JSON


class Recorder(ThreadingHTTPServer):
    """A server that sends `responses` in order, and default responses after the last one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), _Handler)
        self.received: list[Received] = []
        self.responses: list[CannedResponse] = []
        self.connections = self.open_connections = 0
        self.changed = threading.Condition()

    @property
    def origin(self) -> str:
        """The scheme, host and port of the server, without a path."""
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    @property
    def base_url(self) -> str:
        """The base URL for a client."""
        return f"{self.origin}/v1"

    def expect(self, *responses: CannedResponse) -> None:
        """Forget the received requests, and send these responses next."""
        self.received, self.responses = [], list(responses)

    def only(self) -> Received:
        """Return the only received request. Fails if there is not exactly one."""
        (received,) = self.received
        return received

    def wait_until_all_closed(self, seconds: float = 10.0) -> bool:
        """Wait up to some seconds until no connection is open. Return whether all connections were closed."""
        with self.changed:
            return self.changed.wait_for(lambda: self.open_connections == 0, seconds)

    def handle_error(self, request: object, client_address: object) -> None:
        """Do nothing: a client may close its connection at any time."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def handle(self) -> None:
        with self.server.changed:
            self.server.connections += 1
            self.server.open_connections += 1
            self.connection_number = self.server.connections
        try:
            super().handle()
        finally:
            with self.server.changed:
                self.server.open_connections -= 1
                self.server.changed.notify_all()

    def _respond(self) -> None:
        received = Received(self.command, self.path, tuple(self.headers.items()), self._body(), self.connection_number)
        with self.server.changed:
            self.server.received.append(received)
            response = self.server.responses.pop(0) if self.server.responses else CannedResponse()
        head = [f"HTTP/1.1 {response.status} Whatever", f"Content-Length: {len(response.body)}"]
        head += [f"{name}: {value}" for name, value in response.headers.items()]
        # One write, because Nagle's algorithm would delay a second one by 40 ms.
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + response.body)

    do_GET = do_POST = do_PUT = _respond  # noqa: N815 - the names are http.server's

    def _body(self) -> bytes:
        """Return the body of the request, decoded if it is chunked."""
        if not self.headers["Transfer-Encoding"]:
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is http.server's
        """Do nothing: the tests inspect the requests themselves."""


@contextmanager
def recording(host: str = "127.0.0.1") -> Iterator[Recorder]:
    """Run a server for the duration of the context."""
    with Recorder(host) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
