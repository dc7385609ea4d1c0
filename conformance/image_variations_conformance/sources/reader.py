"""Reads responses that may be hostile. h11 parses them, and everything about them has a limit:

    head                   64 KiB, 256 headers, 1,000 informational (1xx) responses before it
    body                   the limit of the reader, both as received and after decoding its content coding
    all bodies of a run    KEPT_BYTES together, without the first FREE_BYTES of each; equal bodies count once

So a run takes at most KEPT_BYTES, and 64 + 64 KiB for each response, also while responses are read. A response that
does not fit is discarded and not judged, since it may be correct.
"""

from __future__ import annotations

import io
import threading
from types import TracebackType

import h11
from attrs import define, field

from ..wire.exchange import Response
from ..wire.reasons import AnswerDiscarded
from .codings import Decoder
from .failed import ExchangeFailed

# A run with real pictures keeps about 50 MiB.
KEPT_BYTES = 256 * 1024 * 1024
# More than an error response takes, so that errors are still judged when images are discarded.
FREE_BYTES = 64 * 1024
_MAX_HEAD_BYTES = 64 * 1024
# A header takes about a hundred bytes of memory, and as few as four in the response.
_MAX_HEADERS = 256
_MAX_INFORMATIONAL = 1000


@define(eq=False)
class Memory:
    """The memory that is left for the bodies of a run; `left` is in bytes. Threads may share it."""

    left: int = KEPT_BYTES
    # The bodies that are kept, each under itself.
    _kept: dict[bytes, bytes] = field(factory=dict, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def take(self, size_bytes: int) -> None:
        """Reserve memory. Raises ExchangeFailed if less is left."""
        with self._lock:
            if size_bytes > self.left:
                raise ExchangeFailed.not_tested(AnswerDiscarded(KEPT_BYTES))
            self.left -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Release memory that was reserved."""
        with self._lock:
            self.left += size_bytes

    def branch(self) -> Memory:
        """Return an independent copy, for bodies that are not kept after they are judged."""
        with self._lock:
            return Memory(self.left, dict(self._kept))

    def kept(self, body: bytes) -> bytes | None:
        """Return an equal body that is kept already; or keep this one, whose memory is reserved, and return None."""
        with self._lock:
            equal = self._kept.setdefault(body, body)
        return None if equal is body else equal


class Body:
    """A body that is being read, of at most `limit` bytes.

    As a context manager, it releases its memory at the end unless `whole` has kept the body.
    """

    def __init__(self, memory: Memory, limit: int) -> None:
        self._memory, self._limit = memory, limit
        self._buffer = io.BytesIO()
        self._reserved = 0

    def __enter__(self) -> Body:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.give_back(self._reserved)
        self._reserved = 0

    def write(self, data: bytes | bytearray) -> None:
        """Append data. Raises ExchangeFailed if the body exceeds its limit or the memory of the run."""
        size = self._buffer.tell() + len(data)
        if size > self._limit:
            raise ExchangeFailed.failed("too-large", f"a response of more than {self._limit} bytes")
        wanted = max(0, size - FREE_BYTES) - self._reserved
        if wanted > 0:
            self._memory.take(wanted)
            self._reserved += wanted
        # A list of pieces of two bytes would take twenty times their size.
        self._buffer.write(data)

    def whole(self) -> bytes:
        """Return the complete body and keep it in the memory of the run."""
        body = self._buffer.getvalue()
        if not self._reserved:
            return body
        equal = self._memory.kept(body)
        if equal is None:
            self._reserved = 0
        return body if equal is None else equal


def _well_formed_request(method: str, keep: bool) -> h11.Request:
    headers = [("Host", "x"), *([] if keep else [("Connection", "close")])]
    return h11.Request(method=method, target="/", headers=headers)


class Reader:
    """Reads one response. `limit` is the maximum size of its body in bytes; `keep`: the connection is to be kept.

    h11 needs the request to know how the response is framed. It gets a well-formed one of the same method, because
    the real request may be invalid.
    """

    def __init__(self, method: str, limit: int, body: Body, *, keep: bool = False) -> None:
        self.begun = False
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._connection.send(_well_formed_request(method, keep))
        self._connection.send(h11.EndOfMessage())
        self._limit = limit
        self._informational = 0
        self._head: h11.Response | None = None
        self._body = body
        self._codings = ""
        self._decoder: Decoder | None = None

    def feed(self, data: bytes | None) -> bool:
        """Process received data and return whether the response is complete. Raises ExchangeFailed.

        Empty data means that the server has closed the connection, None that nothing has been received yet.
        """
        if data is None:
            return False
        self.begun = self.begun or bool(data)
        self._connection.receive_data(data)
        try:
            return self._advance()
        except h11.RemoteProtocolError as error:
            if data == b"":
                raise ExchangeFailed.failed(
                    "dropped", "the connection was closed before the response was complete"
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
                    raise ExchangeFailed.failed(
                        "malformed", f"more than {_MAX_INFORMATIONAL} informational (1xx) responses"
                    )
            elif isinstance(event, h11.Response):
                self._begin(event)
            elif isinstance(event, h11.Data):
                self._append(event.data)
            elif isinstance(event, h11.ConnectionClosed):
                raise ExchangeFailed.failed("dropped", "the connection was closed without a response")

    def _begin(self, head: h11.Response) -> None:
        if head.http_version not in {b"1.0", b"1.1"}:
            raise ExchangeFailed.failed(
                "malformed", f"expected HTTP/1.0 or HTTP/1.1, got HTTP/{head.http_version.decode()}"
            )
        if len(head.headers) > _MAX_HEADERS:
            raise ExchangeFailed.failed("malformed", f"more than {_MAX_HEADERS} headers")
        self._head = head
        codings = (value for name, value in head.headers if name == b"content-encoding")
        self._codings = b", ".join(codings).decode("latin-1")

    def _append(self, data: bytes | bytearray) -> None:
        """Append a piece of the body, decoded from its content coding."""
        if self._decoder is None:
            self._decoder = Decoder(self._codings, self._limit)
        for piece in self._decoder.decode(bytes(data)):
            self._body.write(piece)

    @property
    def keeps_connection(self) -> bool:
        """Whether another request may be sent on the connection after the response."""
        return self._connection.their_state is h11.DONE

    @property
    def rest(self) -> bytes:
        """What has come after the response."""
        return self._connection.trailing_data[0]

    def response(self) -> Response:
        """Return the response. Raises ExchangeFailed if there is none or its compressed body is truncated."""
        if self._head is None:
            raise ExchangeFailed.failed("dropped", "the connection was closed without a response")
        if self._decoder is not None and self._decoder.truncated is not None:
            raise ExchangeFailed.failed("dropped", f"the {self._decoder.truncated} body is truncated")
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in self._head.headers.raw_items()
        )
        return Response(self._head.status_code, headers, self._body.whole())
