"""Answers that go over the wire in another way."""

from __future__ import annotations

import gzip
import time
import zlib
from asyncio import Transport
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

from ..app.extensions import TRANSPORT
from ..app.service import Service
from .registry import QuirkFamily
from .rewriting import RawHeaders, is_json, rewritten, without

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Send

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("wire")

_PIECES = 5
_PAUSE_SECONDS = 0.001
_HOURS_OFF = 3


# --- content codings


@quirk("gzip", by="RFC 9110 section 12.5.3: who says nothing of codings takes any")
class Gzip(Service):
    """Answers in gzip."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        coded = gzip.compress(bytes(response.body), compresslevel=1)
        return rewritten(response, coded, (b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"))


@quirk("deflate", by="RFC 9110 section 12.5.3: who says nothing of codings takes any")
class Deflate(Service):
    """Answers in deflate, and spells the coding in capitals."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        return rewritten(response, zlib.compress(bytes(response.body), 1), (b"content-encoding", b"Deflate"))


# --- framing


@quirk("in-chunks", by="RFC 9112 section 7.1")
class InChunks(Service):
    """Answers in chunked coding."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        headers = without(response.raw_headers, b"content-length")
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        for piece in _pieces(bytes(response.body)):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@quirk("in-small-packets", by="RFC 9112 section 2.2: a message is a sequence of octets, however they come")
class InSmallPackets(Service):
    """Sends an answer in pieces, with pauses between them."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        async def send_in_pieces(message: Message) -> None:
            if message["type"] == "http.response.body":
                for piece in _pieces(message["body"]):
                    await anyio.sleep(_PAUSE_SECONDS)
                    await send({**message, "body": piece, "more_body": True})
                message = {**message, "body": b""}
            await send(message)

        await super().deliver(request, response, send_in_pieces)


def _pieces(body: bytes) -> list[bytes]:
    size = len(body) // _PIECES + 1
    return [body[start : start + size] for start in range(0, len(body), size)]


# --- written by hand: what the server below would write otherwise


class _ByHand(Service):
    """A Service that writes its answers to the connection by itself, and then closes it."""

    version = b"HTTP/1.1"

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        connection = request.scope["extensions"][TRANSPORT]
        if not isinstance(connection, Transport):
            raise TypeError("An quirk that writes to the connection must run under the server of this package.")
        connection.write(self.preface() + self.head(response) + bytes(response.body))
        while connection.get_write_buffer_size() and not connection.is_closing():
            await anyio.sleep(_PAUSE_SECONDS)
        connection.close()
        # uvicorn learns of it a turn of the event loop later. Until then it would miss an answer.
        await anyio.lowlevel.checkpoint()

    def preface(self) -> bytes:
        """What goes before the answer."""
        return b""

    def head(self, response: Response) -> bytes:
        """The status line and the headers, up to and with the empty line."""
        phrase = self.phrase(response.status_code).encode()
        lines = [b"%s %d %s" % (self.version, response.status_code, phrase)]
        lines += [name + b": " + value for name, value in self.headers(response)]
        return b"\r\n".join([*lines, b"", b""])

    def phrase(self, status: int) -> str:
        """The words beside the status code."""
        return HTTPStatus(status).phrase

    def headers(self, response: Response) -> RawHeaders:
        """The headers of an answer."""
        date = formatdate(self.now(), usegmt=True).encode()
        return [*response.raw_headers, (b"date", date), (b"connection", b"close")]

    def now(self) -> float:
        """The server's clock, in seconds since 1970-01-01 UTC."""
        return time.time()


@quirk("http-1-0", by="RFC 9110 section 2.5")
class Http10(_ByHand):
    """Answers in HTTP/1.0."""

    version = b"HTTP/1.0"


@quirk("until-close", by="RFC 9112 section 6.3, rule 8")
class UntilClose(_ByHand):
    """Says no length: the answer ends where the connection does."""

    def headers(self, response: Response) -> RawHeaders:
        return without(super().headers(response), b"content-length")


@quirk("header-names-in-capitals", by="RFC 9110 section 5.1")
class HeaderNamesInCapitals(_ByHand):
    """Writes the names of its headers in capitals, and spaces around their values."""

    def headers(self, response: Response) -> RawHeaders:
        return [(name.upper(), b"  " + value + b" \t") for name, value in super().headers(response)]


@quirk("no-reason-phrase", by="RFC 9112 section 4: the phrase may be empty")
class NoReasonPhrase(_ByHand):
    """Leaves out the words beside the status code."""

    def phrase(self, status: int) -> str:
        return ""


@quirk("hints-first", by="RFC 9110 section 15.2; RFC 8297 section 2")
class HintsFirst(_ByHand):
    """Sends 100 and 103 before each answer."""

    def preface(self) -> bytes:
        return b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


@quirk("no-date", by="RFC 9110 section 6.6.1: a server without a clock sends none")
class NoDate(_ByHand):
    """Sends no Date."""

    def headers(self, response: Response) -> RawHeaders:
        return without(super().headers(response), b"date")


@quirk("clock-hours-off", by="IV-RES-CREATED, read by the server's own Date")
class ClockHoursOff(_ByHand):
    """Has a clock that is three hours fast, for Date and created alike."""

    def now(self) -> float:
        return super().now() + _HOURS_OFF * 3600

    def created(self) -> object:
        return int(self.now())


# --- headers


@quirk("many-headers", by="RFC 9110 section 5.1: unknown headers are ignored")
class ManyHeaders(Service):
    """Sends a hundred headers more, some long, some twice."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        response.raw_headers += [(b"x-odd-%d" % number, b"v" * 100) for number in range(97)]
        response.raw_headers += [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=" + b"2" * 3000)]
        response.raw_headers += [(b"x-ratelimit-remaining-requests", b"0")]
        return response


class _Typed(Service):
    """A Service that says the type of its JSON in other words."""

    content_type = b""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        if is_json(response):
            return rewritten(response, bytes(response.body), (b"content-type", self.content_type))
        return response


@quirk("charset-parameter", by="RFC 8259 section 11: no meaning, no harm")
class CharsetParameter(_Typed):
    """Says charset=utf-8 beside application/json."""

    content_type = b"application/json; charset=utf-8"


@quirk("media-type-in-capitals", by="RFC 9110 section 8.3.1")
class MediaTypeInCapitals(_Typed):
    """Says Application/JSON, and a charset in quotes."""

    content_type = b'Application/JSON ; Charset="UTF-8"'
