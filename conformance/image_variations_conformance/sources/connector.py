"""Connections: opens one, sends exact bytes over it, and reads one response, all before a deadline."""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
from contextlib import suppress
from urllib.parse import SplitResult

from attrs import Factory, field, frozen

from ..wire.exchange import Failure, Outcome, Request, Response
from ..wire.target import Target, port_of
from .addresses import addresses as _addresses
from .failed import ExchangeFailed
from .reader import Body, Memory, Reader
from .resources import own_resources, require_sockets

_READ_BYTES = _WRITTEN_BYTES = 1 << 16
_CONTINUE_SECONDS = 1.0
"""How long a request with Expect waits for the server to ask for its body."""
_UNASKED_SECONDS = 0.05
"""How long a kept connection is watched before a request is sent on it: a server that takes what is left of the last
request for another one answers that at once."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?![0-9])")


class Deadline:
    """The moment by which an exchange must be over. `seconds` is its length, for messages."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def missed(self) -> str:
        """What is said of an exchange that is not over in time."""
        return f"none within {self.seconds:g} s; --timeout sets that"

    def left(self) -> float:
        """Return the seconds that are left. Raises ExchangeFailed once there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise ExchangeFailed.failed("timeout", self.missed)
        return left


def _tls_context(target: Target) -> ssl.SSLContext | None:
    return ssl.create_default_context() if target.base_url.lower().startswith("https:") else None


@frozen
class Connector:
    """Opens connections for one run: to its target, and to the hosts that links lead to.

    `timeout` is in seconds, for a whole exchange. `tls` has the trusted certificates, by default those of the system.
    `memory` limits the size of all responses of the run together.
    """

    target: Target
    timeout: float = 60.0
    # Made once: reading the certificates takes as long as many requests.
    _tls: ssl.SSLContext | None = field(
        default=Factory(lambda self: _tls_context(self.target), takes_self=True), repr=False
    )
    _memory: Memory = field(factory=Memory, repr=False)
    # The connections that are kept open, by name, each with what the server had sent after its last response.
    _kept: dict[str | None, tuple[socket.socket, bytes]] = field(factory=dict, repr=False)
    # The labels of the requests that each of these has had since it was opened.
    _had: dict[str | None, tuple[str, ...]] = field(factory=dict, repr=False)

    def deadline(self, most_seconds: float | None) -> Deadline:
        """Return the deadline of an exchange that begins now: the timeout, or `most_seconds` if that is sooner."""
        return Deadline(self.timeout if most_seconds is None else min(self.timeout, most_seconds))

    def look_up(self, parts: SplitResult, deadline: Deadline) -> tuple[str, ...]:
        """Return the addresses of the host of a URL. Raises ExchangeFailed."""
        host = parts.hostname or ""
        try:
            found = tuple(_addresses(host, port_of(parts), deadline.left()))
        except TimeoutError as error:
            message = f"the host {host[:80]} was not found within {deadline.seconds:g} s"
            raise ExchangeFailed.failed("timeout", message) from error
        if not found:
            require_sockets()
            raise ExchangeFailed.failed("unreachable", f"the host {host[:80]} is not known")
        return found

    def body(self, limit: int) -> Body:
        """Return a buffer for a response of at most `limit` bytes."""
        return Body(self._memory, limit)

    def exchange(
        self,
        request: Request,
        parts: SplitResult,
        addresses: tuple[str, ...] | None,
        deadline: Deadline,
        limit: int,
        kept: str | None = None,
    ) -> Outcome:
        """Send a request to one of the addresses (by default, those of the host) and return the outcome.

        With `kept`, the connection of that name is used and kept open afterwards, if the server keeps it. If the server
        has closed it in the meantime, the request is sent on a new one.
        """
        try:
            if kept in self._kept:
                with suppress(_ClosedBefore):
                    connection, unasked = self._kept.pop(kept)
                    return self._talk(connection, request, deadline, limit, kept, unasked)
            self._had.pop(kept, None)
            return self._talk(self.connect(parts, addresses, deadline), request, deadline, limit, kept)
        except ExchangeFailed as failed:
            return failed.outcome
        except TimeoutError:
            return Failure("timeout", deadline.missed)
        except OSError as error:
            return _broken(error)

    def _talk(
        self,
        connection: socket.socket,
        request: Request,
        deadline: Deadline,
        limit: int,
        kept: str | None,
        unasked: bytes | None = None,
    ) -> Response:
        """Send a request on an open connection, which is closed afterwards unless it is to be kept.

        `unasked` is what the server had sent on a connection after its last response, and None on a new one. Raises
        _ClosedBefore if a connection that is to be kept ends before the first byte of a response.
        """
        keeps = False
        with self.body(limit) as body, own_resources():
            reader = Reader(request.method, limit, body, keep=kept is not None)
            try:
                if unasked is not None:
                    _require_silence(connection, unasked, deadline)
                early = _send(connection, request, deadline, reader)
                if not early:
                    _receive(connection, deadline, reader)
                # After a response to half a request, the server would read the next request as the other half.
                keeps = kept is not None and not early and reader.keeps_connection
                return reader.response()
            except (ExchangeFailed, OSError) as error:
                outcome = error.outcome if isinstance(error, ExchangeFailed) else _broken(error)
                dropped = isinstance(outcome, Failure) and outcome.kind == "dropped"
                if kept is None or reader.begun or not dropped or isinstance(error, TimeoutError):
                    raise
                raise _ClosedBefore(outcome) from error
            finally:
                if keeps and kept is not None:
                    self._kept[kept] = (connection, reader.rest)
                else:
                    connection.close()

    def close(self) -> None:
        """Close the connections that were kept open."""
        while self._kept:
            self._kept.popitem()[1][0].close()

    def connect(self, parts: SplitResult, addresses: tuple[str, ...] | None, deadline: Deadline) -> socket.socket:
        """Return an open connection, with TLS where the URL asks for it. Raises ExchangeFailed."""
        refusal: OSError | None = None
        shown = parts.netloc.rpartition("@")[2][:80]
        for address in addresses if addresses is not None else self.look_up(parts, deadline):
            try:
                with own_resources():
                    connection = socket.create_connection((address, port_of(parts)), timeout=deadline.left())
                break
            except TimeoutError as error:
                message = f"no connection to {shown} within {deadline.seconds:g} s"
                raise ExchangeFailed.failed("unreachable", message) from error
            except ConnectionResetError as error:
                raise ExchangeFailed(_broken(error)) from error
            except OSError as error:
                refusal = error
        else:
            reason = refusal and (refusal.strerror or refusal)
            raise ExchangeFailed.failed("unreachable", f"no connection to {shown}: {reason}") from refusal
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "http":
            return connection
        try:
            connection.settimeout(deadline.left())
            return (self._tls or ssl.create_default_context()).wrap_socket(connection, server_hostname=parts.hostname)
        except (OSError, ValueError) as error:
            connection.close()
            detail = getattr(error, "strerror", None) or error
            raise ExchangeFailed.failed("unreachable", f"no TLS with {shown}: {detail}") from error


class _ClosedBefore(ExchangeFailed):
    """A connection that is to be kept was closed before the first byte of a response."""


def _broken(error: OSError) -> Failure:
    return Failure("dropped", f"the connection broke: {error.strerror or error}")


def _require_silence(connection: socket.socket, unasked: bytes, deadline: Deadline) -> None:
    """Raise ExchangeFailed if the server has sent data before a request, and _ClosedBefore if it ends the connection.

    RFC 9112, section 9.2: such data is no response to the request. A 408 says why the connection ends.
    """
    if not unasked:
        data = _arriving(connection, _UNASKED_SECONDS, deadline)
        if data == b"":
            raise _ClosedBefore(Failure("dropped", "the connection was closed"))
        unasked = data or b""
    status = _STATUS.match(unasked)
    if status is not None and status[1] == b"408":
        raise _ClosedBefore(Failure("dropped", "the connection timed out"))
    if unasked.strip(b"\r\n"):
        # Not more of it: it may hold secrets.
        shown = f"an answer ({status[0].decode()})" if status else f"{len(unasked)} bytes"
        raise ExchangeFailed.failed(
            "malformed", f"before this request was sent, {shown} came that no request asked for"
        )


def _send(connection: socket.socket, request: Request, deadline: Deadline, reader: Reader) -> bool:
    """Send a request, and return whether a whole response came before its end: a server may not read everything."""
    head, body = request.head(), request.framed_body()
    try:
        if "100-continue" in (request.header("expect") or "").lower():
            # RFC 9110, section 10.1.1: the body may follow after a while even if the server does not ask for it.
            early = _write(connection, head, deadline, reader)
            early = early or reader.feed(_arriving(connection, _CONTINUE_SECONDS, deadline))
            return early or _write(connection, body, deadline, reader)
        # In one packet if possible: some servers take longer for a request in two, or answer between them.
        return _write(connection, head + body, deadline, reader)
    except (BrokenPipeError, ConnectionResetError):
        # The server has closed the connection, but may have sent a response before.
        return False


def _arriving(connection: socket.socket, seconds: float, deadline: Deadline) -> bytes | None:
    """Return the data that arrives within so many seconds, None if there is none, b"" if the connection ends."""
    readable, _, _ = select.select([connection], [], [], min(seconds, deadline.left()))
    return _available(connection) if readable else None


def _write(connection: socket.socket, piece: bytes, deadline: Deadline, reader: Reader) -> bool:
    """Send bytes, and return whether a whole response came before their end."""
    left = memoryview(piece)
    while left:
        readable, writable, _ = select.select([connection], [connection], [], deadline.left())
        if readable and reader.feed(_available(connection)):
            return True
        if writable:
            connection.settimeout(deadline.left())
            # TLS would send all of it before it reads a response.
            left = left[connection.send(left[:_WRITTEN_BYTES]) :]
    return False


def _receive(connection: socket.socket, deadline: Deadline, reader: Reader) -> None:
    """Read until the response is complete."""
    while True:
        connection.settimeout(deadline.left())
        try:
            data = connection.recv(_READ_BYTES)
        except ConnectionResetError:
            if not reader.begun:
                raise
            # So ends the connection of a server that has not read the whole request.
            data = b""
        if reader.feed(data):
            return


def _available(connection: socket.socket) -> bytes | None:
    """Return the data that has arrived, or None if that is only a part of TLS records, without payload."""
    connection.settimeout(0)
    try:
        return connection.recv(_READ_BYTES)
    except (BlockingIOError, ssl.SSLWantReadError):
        return None
