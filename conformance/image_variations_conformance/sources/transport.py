"""The I/O: exact bytes out, and an answer in that nobody vouches for.

One connection a request, so that no exchange inherits anything from the one before. The request goes out byte by byte
as it is, since it may be wrong on purpose. Each exchange ends at one deadline, whatever it is spent on: looking up a
host, TLS, the answer, and for a link all its redirects. What goes wrong becomes a Failure; nothing is raised.

A run takes no more memory than KEPT_BYTES for all answers (reading.py says how), and for a time what MAX_ANSWER_BYTES
come to while they are judged: ten times as much, where letters beyond the first plane make the text wide.
"""

from __future__ import annotations

import base64
import binascii
import re
import select
import socket
import ssl
import time
from functools import cache
from urllib.parse import SplitResult, unquote_to_bytes, urljoin, urlsplit

from attrs import evolve, field, frozen

from ..wire.exchange import MAX_LINK_CHARACTERS, Exchange, Failure, NotTested, Outcome, Request, Response
from ..wire.reasons import LinksTimedOut
from ..wire.target import Target, port_of
from .addresses import NOWHERE, PRIVATE, PUBLIC, reach
from .addresses import addresses as _addresses
from .reader import Body, Given, Memory, Reader
from .resources import own_resources, require_sockets

# Ten images of 1024x1024 in RGBA, not compressed at all, in base64: 56 MiB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_IMAGE_BYTES = 32 * 1024 * 1024
# So many links of a run may lead to no answer in time. Ten a request, at a minute each, would take days.
_MAX_LATE_LINKS = 5
_MAX_REDIRECTS = 5
_UNQUOTED_AT_ONCE_CHARACTERS = 1 << 16
_READ_BYTES = 1 << 16


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._seconds = seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise Given.failed("timeout", f"none within {self._seconds:g} s")
        return left


@frozen
class Transport:
    """Sends requests to one target and fetches the links of its answers. `timeout` in seconds, for a whole exchange.

    One transport is for one run: it knows what the answers take together, and which links were waited for in vain.
    """

    target: Target
    timeout: float = 60.0
    _tls: ssl.SSLContext | None = field(default=None, repr=False)
    _memory: Memory = field(factory=Memory, repr=False)
    _late_links: list[str] = field(factory=list, repr=False)

    def branch(self) -> Transport:
        """Return a transport of the same run for answers that are not kept: what they take, this one still has."""
        return evolve(self, memory=self._memory.branch())

    def send(
        self, label: str, request: Request, batch: str | None = None, most_seconds: float | None = None
    ) -> Exchange:
        """Send a request to the target and return its outcome, within the timeout and within `most_seconds`."""
        parts = urlsplit(self.target.base_url)
        started, clock = time.time(), time.monotonic()
        outcome = self._outcome(request, parts, None, self._deadline(most_seconds), MAX_ANSWER_BYTES)
        return Exchange(label, request, outcome, started, time.monotonic() - clock, batch)

    def _deadline(self, most_seconds: float | None) -> _Deadline:
        return _Deadline(self.timeout if most_seconds is None else min(self.timeout, most_seconds))

    def reachable(self) -> bool:
        """Whether the target still takes connections. Nothing is sent over this one."""
        try:
            self._connect(urlsplit(self.target.base_url), None, _Deadline(self.timeout)).close()
        except Given as given:
            # Whoever breaks a connection is there.
            return isinstance(given.outcome, Failure) and given.outcome.kind == "dropped"
        return True

    def fetch(self, label: str, link: str, most_seconds: float | None = None) -> Exchange:
        """Follow a link of an answer, without the key, over http(s) only, to no address more private than the target's.

        The request of the exchange returned has the link itself as its target, cut to what a link may be long. After
        some links that led to no answer in time, the others are left unsent.
        """
        started, clock = time.time(), time.monotonic()
        outcome: Outcome
        if len(self._late_links) >= _MAX_LATE_LINKS and link[:5].lower() != "data:":
            outcome = NotTested(LinksTimedOut(_MAX_LATE_LINKS, self._late_links[-1]))
        else:
            try:
                outcome = self._followed(link, self._deadline(most_seconds))
            except Given as given:
                outcome = given.outcome
            if isinstance(outcome, Failure) and outcome.kind == "timeout":
                self._late_links.append(label)
        seconds = time.monotonic() - clock
        return Exchange(label, Request("GET", link[:MAX_LINK_CHARACTERS], ()), outcome, started, seconds)

    def _followed(self, link: str, deadline: _Deadline) -> Outcome:
        if link[:5].lower() == "data:":
            with Body(self._memory, MAX_IMAGE_BYTES) as body:
                return _from_data_url(link, body)
        came, location = link, link
        for redirects in range(_MAX_REDIRECTS + 1):
            parts, addresses = self._resolve(came if redirects else "", location, deadline)
            target = parts.path or "/"
            target = f"{target}?{parts.query}" if parts.query else target
            host = parts.netloc.rpartition("@")[2]
            request = Request("GET", target, (("Host", host), ("Accept", "image/*"), ("Connection", "close")))
            outcome = self._outcome(request, parts, addresses, deadline, MAX_IMAGE_BYTES)
            following = _location(outcome)
            if following is None:
                return outcome
            came, location = parts.geturl(), following
        return Failure("malformed", f"more than {_MAX_REDIRECTS} redirects")

    def _resolve(self, base: str, link: str, deadline: _Deadline) -> tuple[SplitResult, tuple[str, ...]]:
        """Return the parts of a link, maybe relative to a base, and the addresses of its host that we may ask."""
        if len(link) > MAX_LINK_CHARACTERS:
            raise Given.failed("too-large", f"a link of more than {MAX_LINK_CHARACTERS} characters")
        stray = re.search(r"[^!-~]", link)
        if stray is not None:
            raise Given.failed("malformed", f"not a URL: it holds {stray[0]!a}")
        try:
            parts = urlsplit(urljoin(base, link))
            _ = parts.port
        except ValueError as error:
            raise Given.failed("malformed", f"not a URL: {str(error)[:200]}") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Given.failed("forbidden", "not a link of http or https")
        found = self._look_up(parts, deadline)
        own = self._look_up(urlsplit(self.target.base_url), deadline)
        furthest = PRIVATE if any(reach(address) in {PRIVATE, NOWHERE} for address in own) else PUBLIC
        allowed = tuple(address for address in found if reach(address) <= furthest)
        if not allowed:
            raise Given.failed("forbidden", f"{found[0]} is not an address that an answer may lead to")
        return parts, allowed

    def _look_up(self, parts: SplitResult, deadline: _Deadline) -> tuple[str, ...]:
        host = parts.hostname or ""
        try:
            found = tuple(_addresses(host, port_of(parts), deadline.left()))
        except TimeoutError as error:
            raise Given.failed("timeout", f"the host {host[:80]} was not found within {self.timeout:g} s") from error
        if not found:
            require_sockets()
            raise Given.failed("unreachable", f"the host {host[:80]} is not known")
        return found

    def _outcome(
        self,
        request: Request,
        parts: SplitResult,
        addresses: tuple[str, ...] | None,
        deadline: _Deadline,
        limit: int,
    ) -> Outcome:
        """Ask one of the addresses, by default those of the host, and return what came of it."""
        try:
            with Body(self._memory, limit) as body:
                reader = Reader(request.method, limit, body)
                with self._connect(parts, addresses, deadline) as connection:
                    return _converse(connection, request, deadline, reader)
        except Given as given:
            return given.outcome
        except TimeoutError:
            return Failure("timeout", f"none within {self.timeout:g} s")
        except OSError as error:
            return Failure("dropped", f"the connection broke: {error.strerror or error}")

    def _connect(self, parts: SplitResult, addresses: tuple[str, ...] | None, deadline: _Deadline) -> socket.socket:
        refusal: OSError | None = None
        shown = parts.netloc.rpartition("@")[2][:80]
        for address in addresses if addresses is not None else self._look_up(parts, deadline):
            try:
                with own_resources():
                    connection = socket.create_connection((address, port_of(parts)), timeout=deadline.left())
                break
            except TimeoutError as error:
                raise Given.failed("unreachable", f"no connection to {shown} within {self.timeout:g} s") from error
            except ConnectionResetError as error:
                raise Given.failed("dropped", f"the connection broke: {error.strerror or error}") from error
            except OSError as error:
                refusal = error
        else:
            why = refusal and (refusal.strerror or refusal)
            raise Given.failed("unreachable", f"no connection to {shown}: {why}") from refusal
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "http":
            return connection
        try:
            connection.settimeout(deadline.left())
            return (self._tls or _trusting()).wrap_socket(connection, server_hostname=parts.hostname)
        except (OSError, ValueError) as error:
            connection.close()
            said = getattr(error, "strerror", None) or error
            raise Given.failed("unreachable", f"no TLS with {shown}: {said}") from error


@cache
def _trusting() -> ssl.SSLContext:
    """Return what trusts the certificates that the system does. To read them takes as long as many requests."""
    return ssl.create_default_context()


def _from_data_url(link: str, body: Body) -> Outcome:
    before, _, data = link[5:].partition(",")
    media_type, _, coding = before[:MAX_LINK_CHARACTERS].partition(";")
    if not link.isascii():
        return Failure("malformed", "not a URL: it holds more than ASCII")
    is_base64 = coding.endswith("base64")
    content = _unquoted(data, MAX_IMAGE_BYTES * 4 // 3 + 4 if is_base64 else MAX_IMAGE_BYTES)
    if is_base64:
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            return Failure("malformed", f"not base64: {error}")
    body.write(content)
    return Response(200, (("Content-Type", media_type),), body.whole())


def _unquoted(text: str, limit: int) -> bytes:
    """Return a text free of percent-encoding, at most `limit` bytes of it. Raises Given."""
    content, at = bytearray(), 0
    # By the piece: the library makes an object of each escape.
    while at < len(text):
        end = at + _UNQUOTED_AT_ONCE_CHARACTERS
        cut = text.rfind("%", end - 2, end)
        end = cut if cut > at else end
        content += unquote_to_bytes(text[at:end])
        if len(content) > limit:
            raise Given.failed("too-large", f"a link that holds more than {limit} bytes")
        at = end
    return bytes(content)


def _location(outcome: Outcome) -> str | None:
    """Return where an answer redirects to, or None where it does not."""
    redirects = isinstance(outcome, Response) and outcome.status in {301, 302, 303, 307, 308}
    return outcome.header("location") if isinstance(outcome, Response) and redirects else None


def _converse(connection: socket.socket, request: Request, deadline: _Deadline, reader: Reader) -> Response:
    """Send a request, reading all the while: a server may answer, and close, before it has read the whole."""
    pieces = [request.head(), *request.framed_body()]
    # In one packet, if it fits into one: a server that hears of a request twice takes longer.
    pieces[:2] = [b"".join(pieces[:2])]
    try:
        for piece in pieces:
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
