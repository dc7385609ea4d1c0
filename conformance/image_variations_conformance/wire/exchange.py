"""The exchange: one request and its response, as they were on the wire.

Oracles and reports only read exchanges, so it does not matter who sent the request: the suite, a client under test, or
a recording.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from attrs import field, frozen

from .reasons import Reason, Unreachable

Headers = tuple[tuple[str, str], ...]

# Far more than the 8,000 that RFC 9110, section 4.1, recommends to support. Longer links are not followed.
MAX_LINK_CHARACTERS = 64 * 1024
# Without the tab, which is white space.
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 3986, sections 3.3 and 3.4: a path and a query.
_PATH = r"/(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_QUERY = r"\?(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
REQUEST_TARGET = re.compile(f"{_PATH}(?:{_QUERY})?", re.ASCII)
"""The target of a request by RFC 9112, section 3.2.1."""
DEFAULT_CHUNK_BYTES = 1 << 16
"""How many bytes of the body a chunk has at most, unless a request says otherwise."""


def header(headers: Headers, name: str) -> str | None:
    """Return the value of the first header of that name, in any letter case, or None."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


def header_list(headers: Headers, name: str) -> str:
    """Return the values of all headers of that name, joined by commas as RFC 9110, section 5.3, allows for lists."""
    return ", ".join(value for key, value in headers if key.lower() == name.lower())


def _short(body: bytes) -> str:
    return f"<{len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()[:12]}>"


@frozen
class Request:
    """One request. `body` is the payload without transfer coding; `chunked` says how it is framed.

    Chunks have at most `chunk_bytes` bytes of payload and `chunk_extension` after their size; `trailers` follow them.
    """

    method: str
    target: str
    headers: Headers = field(repr=False)
    body: bytes = field(default=b"", repr=_short)
    chunked: bool = False
    chunk_extension: str = ""
    chunk_bytes: int = DEFAULT_CHUNK_BYTES
    trailers: Headers = ()
    http_version: str = "1.1"

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None."""
        return header(self.headers, name)

    @property
    def may_be_refused_unread(self) -> bool:
        """Whether a server may refuse the request before it knows what it is for, in a way of its own.

        That is one of another version of HTTP, without Host or with a target that is no URL (RFC 9112, section 3.2), or
        with a control character in a header (RFC 9110, section 5.5).
        """
        is_usual = (
            self.http_version == "1.1" and self.header("host") is not None and REQUEST_TARGET.fullmatch(self.target)
        )
        return not is_usual or any(_CONTROL_CHARACTER.search(value) for _, value in self.headers)

    def head(self) -> bytes:
        """Return the request line, the headers and the empty line after them."""
        lines = [f"{self.method} {self.target} HTTP/{self.http_version}"]
        lines += [*(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape")

    def framed_body(self) -> bytes:
        """Return the body as it is sent."""
        if not self.chunked:
            return self.body
        extension = self.chunk_extension.encode()
        pieces = [self.body[at : at + self.chunk_bytes] for at in range(0, len(self.body), self.chunk_bytes)]
        chunks = [b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces]
        trailers = "".join(f"{name}: {value}\r\n" for name, value in self.trailers)
        return b"".join([*chunks, f"0{self.chunk_extension}\r\n{trailers}\r\n".encode()])


@frozen
class Response:
    """One HTTP response. `body` is decoded from transfer coding and content coding."""

    status: int
    headers: Headers = ()
    body: bytes = field(default=b"", repr=_short)

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None."""
        return header(self.headers, name)

    @property
    def media_type(self) -> str:
        """The media type of the body in lower case and without parameters; empty where there is none."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()


FailureKind = Literal["unreachable", "dropped", "timeout", "malformed", "too-large", "forbidden"]


@frozen
class Failure:
    """Why there is no response.

    unreachable: no connection could be opened. dropped: the connection ended before the response was complete. timeout:
    the response was not complete in time. malformed: the response is not valid HTTP, or a link is invalid. too-large:
    the response or a link exceeds a limit. forbidden: a link leads to an address or scheme that is not followed.
    """

    kind: FailureKind
    message: str


@frozen
class NotTested:
    """The outcome of a request that was not sent, or whose response was not kept: there is nothing to judge."""

    reason: Reason


Outcome = Response | Failure | NotTested


@frozen
class Exchange:
    """A request and its outcome.

    `label` is the id of the case. `started` is in Unix seconds, 0 for a request that was not sent; `seconds` is the
    duration. Requests that were sent at the same time on purpose have the same `concurrent_with`, and those sent on one
    kept connection the same `connection`. `after` are the labels of the requests that went over that connection before,
    in order; where the server had closed it, over the new one. `fetches` are the exchanges that followed the links of
    the response. `retries` counts earlier attempts, which were rate-limited or whose connection broke while other
    requests were under way; `limited` are the responses of the former. `image_count` is the number of images in the
    response.
    """

    label: str
    request: Request
    outcome: Outcome
    started: float
    seconds: float
    concurrent_with: str | None = None
    connection: str | None = None
    fetches: tuple[Exchange, ...] = ()
    retries: int = 0
    limited: tuple[Response, ...] = ()
    image_count: int = 0
    after: tuple[str, ...] = ()

    @property
    def response(self) -> Response | None:
        """The response, or None."""
        return self.outcome if isinstance(self.outcome, Response) else None

    @property
    def failure(self) -> Failure | None:
        """Why there is no response to a request that was sent, or None."""
        return self.outcome if isinstance(self.outcome, Failure) else None

    @property
    def sent(self) -> bool:
        """Whether the request was sent."""
        return self.started > 0

    @property
    def not_tested(self) -> Reason | None:
        """Why the outcome does not show how the server treats the request, or None if it does."""
        if isinstance(self.outcome, NotTested):
            return self.outcome.reason
        unreachable = self.failure is not None and self.failure.kind == "unreachable"
        return Unreachable(self.failure.message) if self.failure is not None and unreachable else None
