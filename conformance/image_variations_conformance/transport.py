"""The I/O: exact bytes out, and an answer in that nobody vouches for.

One connection a request, so that no exchange inherits anything from the one before. h11 reads the answer; the request
goes out byte by byte as it is, since it may be wrong on purpose. Every wait ends at one deadline, every answer at one
limit. What goes wrong becomes a Failure; nothing is raised.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import select
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from urllib.parse import SplitResult, unquote_to_bytes, urljoin, urlsplit

import h11
from attrs import evolve, field, frozen

from .exchange import Exchange, Failure, FailureKind, Headers, Request, Response, header

MAX_ANSWER_BYTES = 128 * 1024 * 1024
MAX_IMAGE_BYTES = 32 * 1024 * 1024
_MAX_REDIRECTS = 5
_MAX_INFORMATIONAL = 20
_READ_BYTES = 1 << 18


class UnusableUrl(ValueError):
    """The URL of a target cannot be one; the message says what is expected."""


@frozen
class Target:
    """The server under test: its base URL, the key for it, and headers for every request."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)
    headers: Headers = field(default=(), repr=False)

    @classmethod
    def parse(cls, url: str, api_key: str | None = None, headers: Headers = ()) -> Target:
        """Return the target at a base URL. Raises UnusableUrl."""
        hint = "expected the part before /images/variations, such as http://127.0.0.1:8000/v1"
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
            (parts.hostname or "").encode("idna")
        except ValueError:
            usable = False
        if not usable or re.search(r"[^!-~]|[?#@]", url):
            raise UnusableUrl(f"{url!r} is not a base URL: {hint}")
        if parts.path.rstrip("/").endswith("/images/variations"):
            raise UnusableUrl(f"{url!r} goes too far: {hint}")
        return cls(url.rstrip("/"), api_key, headers)

    @property
    def path(self) -> str:
        """The path of the operation."""
        return f"{urlsplit(self.base_url).path}/images/variations"

    @property
    def host(self) -> str:
        """The value of the Host header."""
        return urlsplit(self.base_url).netloc


class _Given(Exception):
    """Carries a Failure up to where the exchange is put together."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(kind, message)


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._seconds = seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise _Given("timeout", f"none within {self._seconds:g} s")
        return left


@frozen
class Transport:
    """Sends requests to one target and fetches the links of its answers. `timeout` in seconds, for a whole exchange."""

    target: Target
    timeout: float = 60.0
    _tls: ssl.SSLContext = field(factory=ssl.create_default_context, repr=False)

    def send(self, label: str, request: Request, batch: str | None = None) -> Exchange:
        """Send a request to the target and return what came of it."""
        parts = urlsplit(self.target.base_url)
        addresses = (parts.hostname or "",)
        return evolve(self._exchange(label, request, parts, addresses, MAX_ANSWER_BYTES), batch=batch)

    def reachable(self) -> bool:
        """Whether the target still takes connections. Nothing is sent over this one."""
        parts = urlsplit(self.target.base_url)
        try:
            self._connect(parts, (parts.hostname or "",), _Deadline(self.timeout)).close()
        except _Given:
            return False
        return True

    def fetch(self, label: str, link: str) -> Exchange:
        """Follow a link of an answer, without the key, over http(s) only, to no address more private than the target's.

        The request of the exchange returned has the link itself as its target.
        """
        asked = Request("GET", link, ())
        started, came, location = time.time(), "", link
        if link[:5].lower() == "data:":
            return Exchange(label, asked, _from_data_url(link), started, 0.0)
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                parts, addresses = self._resolve(came, location)
            except _Given as given:
                return Exchange(label, asked, given.failure, started, time.time() - started)
            target = parts.path or "/"
            target = f"{target}?{parts.query}" if parts.query else target
            host = parts.netloc.rpartition("@")[2]
            request = Request("GET", target, (("Host", host), ("Accept", "image/*"), ("Connection", "close")))
            exchange = self._exchange(label, request, parts, addresses, MAX_IMAGE_BYTES)
            following = _location(exchange.response)
            if following is None:
                return evolve(exchange, request=asked)
            came, location = parts.geturl(), following
        return evolve(exchange, request=asked, outcome=Failure("malformed", f"more than {_MAX_REDIRECTS} redirects"))

    def _resolve(self, base: str, link: str) -> tuple[SplitResult, tuple[str, ...]]:
        """Return the parts of a link, maybe relative to a base, and the addresses of its host that we may ask."""
        stray = re.search(r"[^!-~]", link)
        if stray is not None:
            raise _Given("malformed", f"not a URL: it holds {stray[0]!a}")
        try:
            parts = urlsplit(urljoin(base, link))
            port = parts.port or _default_port(parts)
        except ValueError as error:
            raise _Given("malformed", f"not a URL: {error}") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise _Given("forbidden", "not a link of http or https")
        addresses = list(_addresses(parts.hostname, port))
        if not addresses:
            raise _Given("unreachable", f"the host {parts.hostname} is not known")
        private = any(_reach(address) > 0 for address in _addresses(urlsplit(self.target.base_url).hostname or "", 0))
        allowed = tuple(address for address in addresses if _reach(address) <= (1 if private else 0))
        if not allowed:
            raise _Given("forbidden", f"{addresses[0]} is not an address that an answer may lead to")
        return parts, allowed

    def _exchange(
        self, label: str, request: Request, parts: SplitResult, addresses: tuple[str, ...], limit: int
    ) -> Exchange:
        started, clock = time.time(), time.monotonic()
        deadline = _Deadline(self.timeout)
        outcome: Response | Failure
        try:
            with self._connect(parts, addresses, deadline) as connection:
                outcome = _converse(connection, request, deadline, limit)
        except _Given as given:
            outcome = given.failure
        except TimeoutError:
            outcome = Failure("timeout", f"none within {self.timeout:g} s")
        except h11.RemoteProtocolError as error:
            outcome = Failure("malformed", f"not HTTP: {error}")
        except OSError as error:
            outcome = Failure("dropped", f"the connection broke: {error.strerror or error}")
        return Exchange(label, request, outcome, started, time.monotonic() - clock)

    def _connect(self, parts: SplitResult, addresses: tuple[str, ...], deadline: _Deadline) -> socket.socket:
        port = parts.port or _default_port(parts)
        refusal: OSError | None = None
        for address in addresses:
            try:
                connection = socket.create_connection((address, port), timeout=deadline.left())
                break
            except TimeoutError as error:
                raise _Given("unreachable", f"no connection to {parts.netloc} within {self.timeout:g} s") from error
            except OSError as error:
                refusal = error
        else:
            why = refusal and (refusal.strerror or refusal)
            raise _Given("unreachable", f"no connection to {parts.netloc}: {why}") from refusal
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "http":
            return connection
        try:
            return self._tls.wrap_socket(connection, server_hostname=parts.hostname)
        except OSError as error:
            connection.close()
            raise _Given("unreachable", f"no TLS with {parts.netloc}: {error.strerror or error}") from error


def _from_data_url(link: str) -> Response | Failure:
    media_type, _, data = link[5:].partition(",")
    media_type, _, coding = media_type.partition(";")
    if not link.isascii():
        return Failure("malformed", "not a URL: it holds more than ASCII")
    content = unquote_to_bytes(data)
    try:
        content = base64.b64decode(content, validate=True) if coding.endswith("base64") else content
    except binascii.Error as error:
        return Failure("malformed", f"not base64: {error}")
    return Response(200, (("Content-Type", media_type),), content)


def _location(response: Response | None) -> str | None:
    """Return where an answer redirects to, or None where it does not."""
    redirects = response is not None and response.status in {301, 302, 303, 307, 308}
    return response.header("location") if response is not None and redirects else None


def _default_port(parts: SplitResult) -> int:
    return 443 if parts.scheme == "https" else 80


def _addresses(host: str, port: int) -> Iterator[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    yield from dict.fromkeys(str(entry[4][0]) for entry in found)


def _reach(address: str) -> int:
    """Return 0 for a public address, 1 for a private one or loopback, 2 for one that no link ever leads to."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_unspecified or ip.is_link_local or ip.is_multicast or (ip.is_reserved and not ip.is_loopback):
        return 2
    return 0 if ip.is_global else 1


def _converse(connection: socket.socket, request: Request, deadline: _Deadline, limit: int) -> Response:
    """Send a request, reading all the while: a server may answer, and close, before it has read the whole."""
    reader = _Reader(request.method, limit)
    try:
        for piece in (request.head(), *request.framed_body()):
            left = memoryview(piece)
            while left:
                readable, writable, _ = select.select([connection], [connection], [], deadline.left())
                if readable and reader.feed(_waiting(connection)):
                    return reader.response()
                if writable:
                    connection.settimeout(deadline.left())
                    left = left[connection.send(left) :]
    except (BrokenPipeError, ConnectionResetError):
        # The server is done with us. What it said before it closed is still to be read.
        pass
    while True:
        connection.settimeout(deadline.left())
        if reader.feed(connection.recv(_READ_BYTES)):
            return reader.response()


def _waiting(connection: socket.socket) -> bytes | None:
    """Return what has come in already, or None where that is no payload yet (TLS talks to itself)."""
    connection.settimeout(0)
    try:
        return connection.recv(_READ_BYTES)
    except (BlockingIOError, ssl.SSLWantReadError):
        return None


class _Reader:
    """Reads one answer. h11 is told of a request like ours, only well-formed, to know what to expect."""

    def __init__(self, method: str, limit: int) -> None:
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 17)
        stand_in = h11.Request(method=method, target="/", headers=[("Host", "x"), ("Connection", "close")])
        self._connection.send(stand_in)
        self._connection.send(h11.EndOfMessage())
        self._limit = limit
        self._informational = 0
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes | None) -> bool:
        """Take what came in (empty: the server has closed) and return whether the answer is whole."""
        if data is None:
            return False
        self._connection.receive_data(data)
        try:
            return self._advance()
        except h11.RemoteProtocolError as error:
            if data == b"":
                raise _Given("dropped", "the connection was closed before the answer was whole") from error
            raise

    def _advance(self) -> bool:
        while True:
            event = self._connection.next_event()
            if event is h11.NEED_DATA:
                return False
            if isinstance(event, h11.EndOfMessage):
                return True
            if isinstance(event, h11.InformationalResponse):
                self._informational += 1
                if self._informational > _MAX_INFORMATIONAL:
                    raise _Given("malformed", f"more than {_MAX_INFORMATIONAL} provisional answers")
            elif isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._size += len(event.data)
                self._body.append(bytes(event.data))
                if self._size > self._limit:
                    raise _Given("too-large", f"an answer of more than {self._limit} bytes")
            elif isinstance(event, h11.ConnectionClosed):
                raise _Given("dropped", "the connection was closed without an answer")

    def response(self) -> Response:
        """Return the answer, free of its content coding."""
        if self._head is None:
            raise _Given("dropped", "the connection was closed without an answer")
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head.headers.raw_items()
        )
        body = _decoded(b"".join(self._body), header(headers, "content-encoding"), self._limit)
        return Response(self._head.status_code, headers, body)


def _decoded(body: bytes, coding: str | None, limit: int) -> bytes:
    """Return a body free of gzip or deflate. We never ask for a coding; some servers apply one all the same."""
    coding = (coding or "identity").strip().lower()
    if coding == "identity" or not body:
        return body
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise _Given("malformed", f"the content coding {coding[:20]!r}, which nobody asked for")
    try:
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
        plain = inflate.decompress(body, limit + 1)
    except zlib.error as error:
        raise _Given("malformed", f"not {coding}: {error}") from error
    if len(plain) > limit:
        raise _Given("too-large", f"an answer of more than {limit} bytes")
    if not inflate.eof:
        raise _Given("dropped", f"the {coding} body is cut off")
    return plain
