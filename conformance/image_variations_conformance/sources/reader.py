"""Reading an answer that nobody vouches for: h11 takes it apart, and everything about it has a limit.

    the head               64 KiB, 256 headers, 20 provisional answers before it
    the body               what the reader is given as its limit, as it comes and free of its content coding
    all bodies of a run    KEPT_BYTES together, beside the first FREE_BYTES of each; an equal body counts once

So a run keeps KEPT_BYTES and 64 + 64 KiB for each answer, and an answer under way is within that too. What does not fit
is not kept: such an answer tells nothing, and that is not a fault of it.
"""

from __future__ import annotations

import io
import threading
import zlib
from types import TracebackType

import h11
from attrs import define, field

from ..wire.exchange import Failure, FailureKind, NotTested, Response
from ..wire.reasons import AnswerDiscarded, Reason

# A run with real pictures keeps some 50 MiB.
KEPT_BYTES = 256 * 1024 * 1024
# More than the errors of a server, so that they are still heard where its images are not.
FREE_BYTES = 64 * 1024
_MAX_HEAD_BYTES = 64 * 1024
# Each takes a hundred bytes of ours for four of the server's.
_MAX_HEADERS = 256
_MAX_INFORMATIONAL = 20
_INFLATED_AT_ONCE_BYTES = 1 << 20


class ExchangeFailed(Exception):
    """Carries the outcome of an exchange without a response up to where the exchange is put together."""

    def __init__(self, outcome: Failure | NotTested) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome

    @classmethod
    def failed(cls, kind: FailureKind, message: str) -> ExchangeFailed:
        """Return the exception for a failure."""
        return cls(Failure(kind, message))

    @classmethod
    def not_tested(cls, reason: Reason) -> ExchangeFailed:
        """Return the exception for an exchange that cannot be judged."""
        return cls(NotTested(reason))


@define(eq=False)
class Memory:
    """The room for the bodies of a run. Threads may share it."""

    left: int = KEPT_BYTES
    # Each by itself.
    _kept: dict[bytes, bytes] = field(factory=dict, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def take(self, size_bytes: int) -> None:
        """Set room aside. Raises ExchangeFailed where there is none left."""
        with self._lock:
            if size_bytes > self.left:
                raise ExchangeFailed.not_tested(AnswerDiscarded(KEPT_BYTES))
            self.left -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Set room free again."""
        with self._lock:
            self.left += size_bytes

    def branch(self) -> Memory:
        """Return the same room once more, for what is not kept: what is taken there is not taken here."""
        with self._lock:
            return Memory(self.left, dict(self._kept))

    def kept(self, body: bytes) -> bytes | None:
        """Return the equal body that is kept already; or keep this one, whose room was taken, and return None."""
        with self._lock:
            equal = self._kept.setdefault(body, body)
        return None if equal is body else equal


class Body:
    """A body that grows within limits. As a context, it gives its room back unless `whole` was called."""

    def __init__(self, memory: Memory, limit: int) -> None:
        self._memory, self._limit = memory, limit
        self._buffer = io.BytesIO()
        self._taken = 0

    def __enter__(self) -> Body:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.give_back(self._taken)
        self._taken = 0

    def write(self, data: bytes | bytearray) -> None:
        """Add to the body. Raises ExchangeFailed where it passes its limit, or there is no room left."""
        size = self._buffer.tell() + len(data)
        if size > self._limit:
            raise ExchangeFailed.failed("too-large", f"an answer of more than {self._limit} bytes")
        wanted = max(0, size - FREE_BYTES) - self._taken
        if wanted > 0:
            self._memory.take(wanted)
            self._taken += wanted
        # In one buffer, and not in a list: of pieces of two bytes, a list takes twenty times their size.
        self._buffer.write(data)

    def whole(self) -> bytes:
        """Return all that was written, which stays in memory from now on."""
        body = self._buffer.getvalue()
        if not self._taken:
            return body
        equal = self._memory.kept(body)
        if equal is None:
            self._taken = 0
        return body if equal is None else equal


def _stand_in(method: str) -> h11.Request:
    return h11.Request(method=method, target="/", headers=[("Host", "x"), ("Connection", "close")])


class Reader:
    """Reads one answer. h11 is told of a request like ours, only well-formed, to know what to expect."""

    def __init__(self, method: str, limit: int, body: Body) -> None:
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._connection.send(_stand_in(method))
        self._connection.send(h11.EndOfMessage())
        self._limit = limit
        self._informational = 0
        self._head: h11.Response | None = None
        self._body = body
        self._came = 0
        self._coding = ""
        self._inflate: zlib._Decompress | None = None

    def feed(self, data: bytes | None) -> bool:
        """Take what came in (empty: the server has closed) and return whether the answer is whole. Raises ExchangeFailed."""
        if data is None:
            return False
        self._connection.receive_data(data)
        try:
            return self._advance()
        except h11.RemoteProtocolError as error:
            if data == b"":
                raise ExchangeFailed.failed(
                    "dropped", "the connection was closed before the answer was whole"
                ) from error
            raise ExchangeFailed.failed("malformed", f"not HTTP: {str(error)[:200]}") from error

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
                    raise ExchangeFailed.failed("malformed", f"more than {_MAX_INFORMATIONAL} provisional answers")
            elif isinstance(event, h11.Response):
                self._begin(event)
            elif isinstance(event, h11.Data):
                self._take(event.data)
            elif isinstance(event, h11.ConnectionClosed):
                raise ExchangeFailed.failed("dropped", "the connection was closed without an answer")

    def _begin(self, head: h11.Response) -> None:
        if head.http_version not in {b"1.0", b"1.1"}:
            raise ExchangeFailed.failed("malformed", f"HTTP/{head.http_version.decode()}, which nobody asked for")
        if len(head.headers) > _MAX_HEADERS:
            raise ExchangeFailed.failed("malformed", f"more than {_MAX_HEADERS} headers")
        self._head = head
        codings = (value for name, value in head.headers if name == b"content-encoding")
        self._coding = b", ".join(codings).decode("latin-1").strip().lower()

    def _take(self, data: bytes | bytearray) -> None:
        """Take a piece of the body, free of gzip or deflate. We never ask for those; some servers apply them anyway."""
        if self._coding in {"", "identity"}:
            self._body.write(data)
            return
        if self._coding not in {"gzip", "x-gzip", "deflate"}:
            raise ExchangeFailed.failed(
                "malformed", f"the content coding {self._coding[:20]!r}, which nobody asked for"
            )
        # There are streams that go on for ever and come to nothing.
        self._came += len(data)
        if self._came > self._limit:
            raise ExchangeFailed.failed("too-large", f"an answer of more than {self._limit} bytes")
        if self._inflate is None:
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            while data and not self._inflate.eof:
                self._body.write(self._inflate.decompress(data, _INFLATED_AT_ONCE_BYTES))
                data = self._inflate.unconsumed_tail
        except zlib.error as error:
            raise ExchangeFailed.failed("malformed", f"not {self._coding}: {error}") from error

    def response(self) -> Response:
        """Return the whole answer. Raises ExchangeFailed."""
        if self._head is None:
            raise ExchangeFailed.failed("dropped", "the connection was closed without an answer")
        if self._inflate is not None and not self._inflate.eof:
            raise ExchangeFailed.failed("dropped", f"the {self._coding} body is cut off")
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head.headers.raw_items()
        )
        return Response(self._head.status_code, headers, self._body.whole())
