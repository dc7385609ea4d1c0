"""Responses with unusual codings, framing, status lines and headers."""

from __future__ import annotations

import gzip
import time
import zlib
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

from ..app.service import Service
from ..registry import QuirkFamily
from .rewriting import RawHeaders, is_json, rewritten, without

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message, Send

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("wire")

_PIECES = 5
_PAUSE_SECONDS = 0.001


# --- content codings


@quirk.service("gzip", "RFC 9110 section 12.5.3: no Accept-Encoding means any coding")
class Gzip(Service):
    """Sends responses with the content coding gzip."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        compressed = gzip.compress(bytes(response.body), compresslevel=1)
        return rewritten(response, compressed, (b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"))


@quirk.service("deflate", "RFC 9110 section 12.5.3: no Accept-Encoding means any coding")
class Deflate(Service):
    """Sends responses with the content coding deflate, spelled Deflate."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        return rewritten(response, zlib.compress(bytes(response.body), 1), (b"content-encoding", b"Deflate"))


@quirk.service("gzip-in-two-members", "RFC 1952 section 2.2: a file is a series of members")
class GzipInTwoMembers(Service):
    """Sends responses with the content coding gzip, as two members one after the other."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        body = bytes(response.body)
        halves = (body[: len(body) // 2], body[len(body) // 2 :])
        members = b"".join(gzip.compress(half, compresslevel=1) for half in halves)
        return rewritten(response, members, (b"content-encoding", b"gzip"))


@quirk.service("gzip-of-deflate", "RFC 9110 section 8.4: a list of codings, in the order in which they were applied")
class GzipOfDeflate(Service):
    """Sends responses with the content coding deflate, and gzip after that."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        body = gzip.compress(zlib.compress(bytes(response.body), 1), compresslevel=1)
        return rewritten(response, body, (b"content-encoding", b"deflate, gzip"))


# --- framing


@quirk.service("in-chunks", "RFC 9112 section 7.1")
class InChunks(Service):
    """Sends responses in chunked coding."""

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        headers = without(response.raw_headers, b"content-length")
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        for piece in _pieces(bytes(response.body)):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@quirk.service("in-small-packets", "RFC 9112 section 2.2: a message is a sequence of octets, in any packets")
class InSmallPackets(Service):
    """Sends response bodies in small pieces with pauses between them."""

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


@quirk.service("closes", "RFC 9112 section 9.6")
class Closes(Service):
    """Closes the connection after each response, and says so."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        response.headers["connection"] = "close"
        return response


# --- written to the connection directly, because uvicorn would write it differently


class _RawWriter(Service):
    """A Service that writes its responses to the connection directly, then closes it."""

    version = b"HTTP/1.1"

    async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
        connection = request.connection.transport
        connection.write(self.preface() + self.head(response) + bytes(response.body))
        while connection.get_write_buffer_size() and not connection.is_closing():
            await anyio.sleep(_PAUSE_SECONDS)
        connection.close()
        # uvicorn notices the closed connection one turn of the event loop later; before, it would expect a response.
        await anyio.lowlevel.checkpoint()

    def preface(self) -> bytes:
        """Return the bytes to send before the response."""
        return b""

    def head(self, response: Response) -> bytes:
        """Return the status line and the headers, including the empty line after them."""
        phrase = self.phrase(response.status_code).encode()
        lines = [b"%s %d %s" % (self.version, response.status_code, phrase)]
        lines += [name + b": " + value for name, value in self.headers(response)]
        return b"\r\n".join([*lines, b"", b""])

    def phrase(self, status: int) -> str:
        """Return the reason phrase of a status code."""
        return HTTPStatus(status).phrase

    def headers(self, response: Response) -> RawHeaders:
        """Return the headers of a response."""
        date = formatdate(self.now(), usegmt=True).encode()
        return [*response.raw_headers, (b"date", date), (b"connection", b"close")]

    def now(self) -> float:
        """Return the time of the server, in seconds since 1970-01-01 UTC."""
        return time.time()


@quirk.service("http-1-0", "RFC 9110 section 2.5")
class Http10(_RawWriter):
    """Sends responses in HTTP/1.0."""

    version = b"HTTP/1.0"


@quirk.service("until-close", "RFC 9112 section 6.3, rule 8")
class UntilClose(_RawWriter):
    """Sends no Content-Length: the response ends when the connection closes."""

    def headers(self, response: Response) -> RawHeaders:
        return without(super().headers(response), b"content-length")


@quirk.service("header-names-in-capitals", "RFC 9110 section 5.1")
class HeaderNamesInCapitals(_RawWriter):
    """Writes header names in upper case, with whitespace around the values."""

    def headers(self, response: Response) -> RawHeaders:
        return [(name.upper(), b"  " + value + b" \t") for name, value in super().headers(response)]


@quirk.service("header-names-in-title-case", "RFC 9110 section 5.1")
class HeaderNamesInTitleCase(_RawWriter):
    """Writes header names in title case, as in Content-Type, without whitespace around the values."""

    def headers(self, response: Response) -> RawHeaders:
        return [(name.title(), value) for name, value in super().headers(response)]


@quirk.service("no-reason-phrase", "RFC 9112 section 4: the phrase may be empty")
class NoReasonPhrase(_RawWriter):
    """Sends status lines without a reason phrase."""

    def phrase(self, status: int) -> str:
        return ""


@quirk.service("hints-first", "RFC 9110 section 15.2; RFC 8297 section 2")
class HintsFirst(_RawWriter):
    """Sends the interim responses 100 and 103 before each response."""

    def preface(self) -> bytes:
        return b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


@quirk.service("no-date", "RFC 9110 section 6.6.1: a server without a clock sends no Date")
class NoDate(_RawWriter):
    """Sends no Date header."""

    def headers(self, response: Response) -> RawHeaders:
        return without(super().headers(response), b"date")


class _ClockOff(_RawWriter):
    """A Service with a wrong clock, both in Date and in created."""

    seconds_off = 0

    def now(self) -> float:
        return super().now() + self.seconds_off

    def created(self) -> object:
        return int(self.now())


_BY_DATE = "IV-RES-CREATED, measured by the Date of the response"


@quirk.service("clock-hours-off", _BY_DATE)
class ClockHoursOff(_ClockOff):
    """Has a clock that is three hours fast, both in Date and in created."""

    seconds_off = 3 * 3600


@quirk.service("clock-minutes-off", _BY_DATE)
class ClockMinutesOff(_ClockOff):
    """Has a clock that is five minutes slow, both in Date and in created."""

    seconds_off = -5 * 60


# --- headers


@quirk.service("many-headers", "RFC 9110 section 5.1: unknown headers are ignored")
class ManyHeaders(Service):
    """Sends a hundred additional headers, some of them long or repeated."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        response.raw_headers += [(b"x-quirk-%d" % number, b"v" * 100) for number in range(97)]
        response.raw_headers += [(b"set-cookie", b"a=1; Path=/"), (b"set-cookie", b"b=" + b"2" * 3000)]
        response.raw_headers += [(b"x-ratelimit-remaining-requests", b"0")]
        return response


class _Typed(Service):
    """A Service that sends its JSON with another spelling of the content type."""

    content_type = b""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        if is_json(response):
            return rewritten(response, bytes(response.body), (b"content-type", self.content_type))
        return response


@quirk.service("charset-parameter", "RFC 8259 section 11: the parameter has no effect")
class CharsetParameter(_Typed):
    """Sends application/json with the parameter charset=utf-8."""

    content_type = b"application/json; charset=utf-8"


@quirk.service("media-type-in-capitals", "RFC 9110 section 8.3.1")
class MediaTypeInCapitals(_Typed):
    """Spells the content type Application/JSON, with a quoted charset."""

    content_type = b'Application/JSON ; Charset="UTF-8"'
