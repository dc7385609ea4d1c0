"""A server on loopback for the probes: keeps every request as it came, and answers as it is told.

Each probe has a place of its own on it, a base URL with its own answers, so that what an earlier probe still sends is
not taken for a request of the present one. The tests of the client have a server of their own on the same `Listener`.
"""

import select
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, TypeVar

from attrs import define, field, frozen
from image_variations_conformance import multipart

DRIPS = 25
_DRIP_SECONDS = 0.1
_PATIENCE_SECONDS = 10.0


@frozen
class Received:
    """A request: its method, its headers with names in lower case, and its body without the framing."""

    method: str
    headers: dict[str, str]
    body: bytes

    @property
    def image(self) -> multipart.Part | None:
        """The part `image`; None unless the body is a form with just one."""
        try:
            parts = multipart.decode(self.headers.get("content-type", ""), self.body)
        except multipart.NotMultipart:
            return None
        images = [part for part in parts if part.name == "image"]
        return images[0] if len(images) == 1 else None


@frozen
class Answer:
    """What to answer. `{link}` in the body becomes the URL of the picture.

    With `drip`, that part of the answer takes DRIPS tenths of a second, a byte each.
    """

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    drip: Literal["", "head", "body"] = ""


@define(eq=False)
class Place:
    """Where a probe sends its calls: the answers to them in order, the last for all that follow, and what came.

    A GET is answered with `picture`. `left_after` counts the bytes that had dripped when the client went away.
    """

    url: str
    answers: Sequence[Answer]
    picture: bytes
    received: list[Received] = field(factory=list, init=False)
    left_after: int | None = field(default=None, init=False)
    _answering: int = field(default=0, init=False)
    _changed: threading.Condition = field(factory=threading.Condition, init=False)

    @contextmanager
    def answering(self, received: Received) -> Iterator[None]:
        """Keep a request, which is being answered while the context lasts."""
        with self._changed:
            self.received.append(received)
            self._answering += 1
        try:
            yield
        finally:
            with self._changed:
                self._answering -= 1
                self._changed.notify_all()

    def settle(self) -> None:
        """Wait until every answer is over: that a client has left is noticed a little after it says so itself."""
        with self._changed:
            self._changed.wait_for(lambda: not self._answering, _PATIENCE_SECONDS)

    @property
    def calls(self) -> list[Received]:
        """What came, without what fetched the picture."""
        return [received for received in self.received if received.method == "POST"]


class Listener(ThreadingHTTPServer):
    """A server on loopback, a thread for each connection."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a client may go away whenever it likes."""


class Reader(BaseHTTPRequestHandler):
    """A connection of which the requests are read whole, and nothing is logged."""

    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        """Return the body of the request without its framing."""
        if not self.headers["Transfer-Encoding"]:
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is http.server's
        """Nothing: whoever started the server reads the requests."""


S = TypeVar("S", bound=Listener)


@contextmanager
def listening(server: S) -> Iterator[S]:
    """Run a server while the context lasts, and close it."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Recorder(Listener):
    """The server of the probes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.places: list[Place] = []

    def place(self, answers: Sequence[Answer], picture: bytes) -> Place:
        """Return a new place."""
        url = f"http://127.0.0.1:{self.server_address[1]}/{len(self.places)}"
        self.places.append(Place(url, answers, picture))
        return self.places[-1]


class _Handler(Reader):
    server: Recorder

    def do_GET(self) -> None:
        place = self._place
        with place.answering(self._received(b"")):
            self._write(Answer(place.picture, content_type="image/png"), place)

    def do_POST(self) -> None:
        place = self._place
        with place.answering(self._received(self.body())):
            self._write(place.answers[min(len(place.calls), len(place.answers)) - 1], place)

    @property
    def _place(self) -> Place:
        return self.server.places[int(self.path.split("/")[1])]

    def _received(self, body: bytes) -> Received:
        return Received(self.command, {name.lower(): value for name, value in self.headers.items()}, body)

    def _write(self, answer: Answer, place: Place) -> None:
        body = answer.body.replace(b"{link}", f"{place.url}/picture.png".encode())
        if answer.drip == "body":
            body = b" " * DRIPS + body
        start = f"HTTP/1.1 {answer.status} Whatever\r\nContent-Type: {answer.content_type}\r\n"
        rest = f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        # In one piece where nothing drips: two would wait for one another, 40 ms each time.
        if answer.drip == "head":
            self._drip(f"{start}X-Drip: ".encode(), b"a" * DRIPS, b"\r\n" + rest, place)
        elif answer.drip == "body":
            before = len(rest) - len(body)
            self._drip(start.encode() + rest[:before], body[:DRIPS], body[DRIPS:], place)
        else:
            self.wfile.write(start.encode() + rest)

    def _drip(self, before: bytes, slowly: bytes, after: bytes, place: Place) -> None:
        self.wfile.write(before)
        for number in range(len(slowly)):
            if self._has_left(slowly[number : number + 1]):
                place.left_after = number + 1
                return
        self.wfile.write(after)

    def _has_left(self, byte: bytes) -> bool:
        try:
            self.wfile.write(byte)
            readable, _, _ = select.select([self.connection], [], [], _DRIP_SECONDS)
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except ConnectionError:  # a client that leaves with bytes unread resets the connection
            return True


def recording() -> AbstractContextManager[Recorder]:
    """Return the context in which such a server runs."""
    return listening(Recorder())
