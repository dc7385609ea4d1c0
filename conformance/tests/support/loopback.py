"""A server on loopback that plays a script on each connection and records the bytes that it received."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from attrs import define, field
from hypothesis import strategies as st

_PATIENCE_SECONDS = 20.0
ZLIB = zlib.MAX_WBITS
GZIP = zlib.MAX_WBITS | 16


@define
class Peer:
    """One connection: its socket, all bytes received over it, and an event that is set when the server stops."""

    socket: socket.socket
    heard: bytearray
    stopping: threading.Event

    def listen(self) -> bytes:
        """Receive, record and return the next bytes. They are empty if the client has closed the connection."""
        data = self.socket.recv(1 << 16)
        self.heard += data
        return data


Step = Callable[[Peer], None]

_PIECES = [
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 \r\n\r\n", b"HTTP/1.1 302 \r\n", b"\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n"),
    *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n"),
    *(b"Connection: Upgrade\r\n", b"101", b"Location: ", b"http://"),
]
# Bytes that resemble an HTTP response.
HTTPISH: st.SearchStrategy[bytes] = st.lists(st.sampled_from(_PIECES) | st.binary(max_size=8), max_size=12).map(
    b"".join
)


def hear(size_bytes: int) -> Step:
    """Return the step that waits until at least `size_bytes` were received."""

    def play(peer: Peer) -> None:
        while len(peer.heard) < size_bytes and peer.listen():
            pass

    return play


def hear_request(peer: Peer) -> None:
    """Wait until a request was received completely, judged by its Content-Length or its last chunk."""
    while not _is_complete(bytes(peer.heard)) and peer.listen():
        pass


def _is_complete(heard: bytes) -> bool:
    head, end, body = heard.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        return re.search(rb"(^|\n)0+(;[^\r\n]*)?\r\n([^\r\n]+\r\n)*\r\n$", body) is not None
    length = re.search(rb"\r\ncontent-length: *([0-9]+)", head.lower())
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def hear_next_request(peer: Peer) -> None:
    """Wait until one more request was received completely, on a connection that is kept."""
    before = len(peer.heard)
    while not _is_complete(bytes(peer.heard[before:])) and peer.listen():
        pass


def hear_the_end(peer: Peer) -> None:
    """Wait until the client closes the connection."""
    while peer.listen():
        pass


def hold(peer: Peer) -> None:
    """Keep the connection open, without reading from it, until the server stops, at most 20 seconds."""
    peer.stopping.wait(_PATIENCE_SECONDS)


def say(data: bytes) -> Step:
    """Return the step that sends these bytes."""
    return lambda peer: peer.socket.sendall(data)


def say_forever(data: bytes, pause_seconds: float = 0.0) -> Step:
    """Return the step that sends these bytes repeatedly until the client closes the connection or the server stops."""

    def play(peer: Peer) -> None:
        while not peer.stopping.wait(pause_seconds):
            peer.socket.sendall(data)

    return play


def wait(seconds: float) -> Step:
    """Return the step that waits for some seconds, or until the server stops."""

    def play(peer: Peer) -> None:
        peer.stopping.wait(seconds)

    return play


def meet(barrier: threading.Barrier) -> Step:
    """Return the step that waits at a barrier for other connections, at most 20 seconds."""

    def play(_: Peer) -> None:
        barrier.wait(_PATIENCE_SECONDS)

    return play


def reset(peer: Peer) -> None:
    """Close the connection, normally with a TCP reset: lingering is set to 0 seconds."""
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.close()


def answer(status: int = 200, body: bytes = b"", *headers: str) -> bytes:
    """Return a raw HTTP/1.1 response with a Content-Length and these header lines."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def zeros(size_bytes: int, format_bits: int = GZIP) -> bytes:
    """Return `size_bytes` zeros, rounded down to whole MiB, compressed. Never holds them uncompressed."""
    compressor = zlib.compressobj(3, wbits=format_bits)
    block = bytes(1 << 20)
    pieces = [compressor.compress(block) for _ in range(size_bytes >> 20)]
    return b"".join([*pieces, compressor.flush()])


def answering(*answers: bytes) -> list[tuple[Step, ...]]:
    """Return one script per raw response, which reads a request and sends the response."""
    return [(hear_request, say(data)) for data in answers]


def say_by_path(answers: Mapping[str, bytes], otherwise: bytes) -> Step:
    """Return the step that reads a request and sends the raw response for its path, or `otherwise`."""

    def play(peer: Peer) -> None:
        hear_request(peer)
        if not peer.heard:
            # The client only looked whether anybody listens.
            return
        path = bytes(peer.heard).split(b" ", 2)[1].decode("latin-1")
        peer.socket.sendall(answers.get(path, otherwise))

    return play


@define(eq=False)
class ScriptedServer:
    """A server that plays one of its `scripts` on each connection, in order; the last one repeats.

    `heard` holds the bytes received on each connection, in the order in which the connections were accepted.
    """

    scripts: list[tuple[Step, ...]]
    heard: list[bytearray] = field(factory=list, init=False)
    port: int = field(init=False)
    _listener: socket.socket
    _tls: ssl.SSLContext | None
    _stopping: threading.Event = field(factory=threading.Event, init=False)
    _peers: list[Peer] = field(factory=list, init=False)
    _threads: list[threading.Thread] = field(factory=list, init=False)
    _problems: list[Exception] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.port = int(self._listener.getsockname()[1])

    @property
    def origin(self) -> str:
        """The scheme, host and port of the server, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """The base URL for `Target.parse`."""
        return f"{self.origin}/v1"

    def start(self) -> None:
        """Start to accept connections."""
        self._start_thread(self._accept)

    def stop(self) -> None:
        """Close all connections and raise the first exception of a script, if there was one."""
        self._stopping.set()
        # Closing the listener does not wake a thread that is blocked in accept(); a new connection does.
        with suppress(OSError), socket.create_connection(self._listener.getsockname()[:2], timeout=1):
            self._threads[0].join(_PATIENCE_SECONDS)
        self._listener.close()
        for peer in self._peers:
            with suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS)
        for peer in self._peers:
            peer.socket.close()
        for problem in self._problems:
            raise problem

    def _start_thread(self, target: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            peer = Peer(connection, bytearray(), self._stopping)
            self.heard.append(peer.heard)
            self._peers.append(peer)
            script = self.scripts[min(len(self.heard), len(self.scripts)) - 1]
            self._start_thread(self._play, peer, script)

    def _play(self, peer: Peer, script: tuple[Step, ...]) -> None:
        try:
            if self._tls is not None:
                peer.socket = self._tls.wrap_socket(peer.socket, server_side=True)
            with peer.socket:
                for step in script:
                    step(peer)
        except OSError:
            pass  # A client may close the connection at any time.
        except Exception as problem:  # noqa: BLE001 - raised by stop()
            self._problems.append(problem)


@contextmanager
def scripted_server(
    *scripts: tuple[Step, ...], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[ScriptedServer]:
    """Run a server with these scripts for the duration of the context.

    On exit, raises the first exception of a script other than OSError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = ScriptedServer(list(scripts), socket.create_server((host, 0), family=family, backlog=64), tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()
