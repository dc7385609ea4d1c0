"""One call: what is asked for, made into a new request for each attempt, and whether there is to be another attempt.

Nothing here waits or sends, so that it serves both kinds of client.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import IO, Any, TypeAlias, TypeVar, cast

import httpx
from attrs import field, frozen

from . import _preflight
from ._bodies import Body, Content, Fields, FilePart, Form, TextPart
from ._options import Options, require_headers, require_timeout
from ._stamp import CONTRACT_VERSION
from ._uploads import Upload, upload
from .errors import (
    APIConnectionError,
    APITimeoutError,
    ImageVariationsError,
    InvalidRequestError,
)
from .types import NOT_GIVEN, NotGiven

logger = logging.getLogger(__package__ or __name__)

LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
MAX_REDIRECTS = 5
# What can go wrong on the way; OSError (a TimeoutError is one) also while a file is read, OverflowError at a port.
# or several at once, in a group, and UnicodeError at a cookie.
SENDING_ERRORS = (httpx.HTTPError, httpx.InvalidURL, OSError, OverflowError, ExceptionGroup, UnicodeError)
_JOINED_BYTES = 1 << 16
_MAX_SHOWN = 300
_MIN_KEY_BYTES = 4  # what is shorter is no secret, and stands in words
_MAX_CONNECT_SECONDS = 10.0
_FIRST_DELAY_SECONDS = 0.5
_MAX_DELAY_SECONDS = 8.0
_MAX_RETRY_AFTER_SECONDS = 60.0
_USER_AGENT = f"image-variations-python/{CONTRACT_VERSION}"

T = TypeVar("T")
_Part: TypeAlias = tuple[str, tuple[str | None, bytes | IO[bytes], str | None]]


@frozen(kw_only=True)
class Call:
    """What is asked of the server. The address of the server and the key are the client's.

    `url` is the path after the base address; where it is not `of_api`, the whole address of something to download, which
    goes out without the key and follows redirects.
    """

    method: str
    url: str
    of_api: bool = True
    secured: bool = True
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(factory=dict[str, str])
    cookies: Mapping[str, str] = field(factory=dict[str, str])
    body: Body | None = None
    max_response_bytes: int | None = None
    timeout: float | None | NotGiven = NOT_GIVEN

    @contextmanager
    def opened(self, options: Options) -> Generator[OpenCall]:
        """The call with its files open. Raises `InvalidRequestError` where it cannot be sent."""
        require_headers(self.headers)
        timeout = options.timeout if isinstance(self.timeout, NotGiven) else self.timeout
        require_timeout(timeout)
        with ExitStack() as stack:
            parts = self.body.parts if isinstance(self.body, Form) else ()
            files = [part for part in parts if isinstance(part, FilePart)]
            uploads = {id(part): _open(part, options, stack) for part in files}
            yield OpenCall(self, options, timeout, self.max_response_bytes or options.max_response_bytes, uploads)


def _open(part: FilePart, options: Options, stack: ExitStack) -> Upload:
    max_bytes = part.max_bytes if options.preflight else None
    opened = upload(part.name, part.value, part.media_type, _preflight.PNG_HEAD_BYTES, max_bytes, stack)
    if options.preflight and part.media_type == "image/png":
        _preflight.png(part.name, opened.head, opened.size_bytes, square=part.square, max_bytes=part.max_bytes)
    return opened


@frozen
class OpenCall:
    """A call whose files are open: it makes as many requests as there are attempts."""

    call: Call
    options: Options
    timeout: float | None
    max_response_bytes: int
    _uploads: Mapping[int, Upload]

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """A new request that says all of the call, every file from its start."""
        call, options = self.call, self.options
        connect = _MAX_CONNECT_SECONDS if self.timeout is None else min(self.timeout, _MAX_CONNECT_SECONDS)
        timeout = httpx.Timeout(self.timeout, connect=connect)
        if not call.of_api:  # not built by `http`, so that nothing meant for the API goes to another host
            headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": _USER_AGENT}
            return httpx.Request(call.method, call.url, headers=headers, extensions={"timeout": timeout.as_dict()})
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": _USER_AGENT,
            **({"Authorization": f"Bearer {options.api_key}"} if call.secured and options.api_key else {}),
            **({"Content-Type": call.body.media_type} if isinstance(call.body, Content) else {}),
            **(
                {"Cookie": "; ".join(f"{name}={value}" for name, value in call.cookies.items())} if call.cookies else {}
            ),
        }
        named = {name for name, _ in call.query}
        defaults = [(name, value) for name, value in options.default_query.items() if name not in named]
        query: list[tuple[str, str | int | float | bool | None]] = [*defaults, *call.query]
        request = http.build_request(
            call.method,
            options.base_url + call.url,
            params=httpx.QueryParams(query) if query else None,
            headers=_merged(headers, options.default_headers, call.headers),
            timeout=timeout,
            **self._body(),
        )
        if isinstance(call.body, Form):
            request.stream = _Joined(request.stream)
        return request

    def _body(self) -> dict[str, Any]:
        match self.call.body:
            case Form(parts):
                return {"files": [self._part(part) for part in parts]}
            case Fields(pairs):
                data: dict[str, list[str]] = {}
                for name, text in pairs:
                    data.setdefault(name, []).append(text)
                return {"data": data}
            case Content(content):
                return {"content": content}
            case None:
                return {}

    def _part(self, part: TextPart | FilePart) -> _Part:
        if isinstance(part, TextPart):
            return part.name, (None, part.text.encode(), part.media_type)
        upload = self._uploads[id(part)]
        return part.name, (upload.file_name, upload.content(), upload.media_type)

    def failure(self, error: Exception) -> ImageVariationsError:
        """Our error for one that sending raised. Its text holds neither the key nor anything of the request."""
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            limit = "in time" if self.timeout is None else f"within {self.timeout:g} seconds"
            return APITimeoutError(f"The server did not answer {limit}.")
        if isinstance(error, httpx.TooManyRedirects):
            return APIConnectionError("There is one redirect after another.")
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | OverflowError | ExceptionGroup):
            return APIConnectionError("What the address leads to cannot be fetched over http or https.")
        if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
            return APIConnectionError(f"The server broke HTTP: {self.shown(str(error))}.")
        if isinstance(error, httpx.TransportError) and not isinstance(error, httpx.LocalProtocolError):
            return APIConnectionError(f"The connection failed: {self.shown(str(error)) or type(error).__name__}.")
        if isinstance(error, OSError):
            return InvalidRequestError(f"A file could not be read: {error.strerror or type(error).__name__}.")
        # What is left is about the request itself, and the text of it may quote a header.
        return InvalidRequestError(
            "The request could not be sent: a file has changed meanwhile, or a header is malformed."
        )

    def shown(self, text: str) -> str:
        """`text` of a server's, fit to be printed: short, on one line, and without the key."""
        text = self.redacted(text.encode(errors="replace")).decode(errors="replace")[: 4 * _MAX_SHOWN]
        printable = "".join(character if character.isprintable() else " " for character in text)
        printable = " ".join(printable.split()).rstrip(".")
        return printable if len(printable) <= _MAX_SHOWN else printable[:_MAX_SHOWN] + "..."

    def redacted(self, content: bytes) -> bytes:
        """`content` of a server's, without the key."""
        key = self.options.api_key.encode()
        return content.replace(key, b"[api key]") if len(key) >= _MIN_KEY_BYTES else content

    def clean(self, headers: httpx.Headers) -> httpx.Headers:
        """The header fields of a server's, without the key."""
        return httpx.Headers([(name, self.redacted(value)) for name, value in headers.raw])

    def delay_after_error(self, attempts: int, error: Exception) -> float | None:
        """How many seconds to wait before another attempt; None where there is to be none.

        `attempts` were made, and the last ended in the `error`. Only what has to do with the connection may well pass:
        when the time is over, the work is perhaps being done, and images cost.
        """
        passing = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError, httpx.ConnectTimeout)
        if attempts > self.options.max_retries or not isinstance(error, passing):
            return None
        return self._announced(attempts, type(error).__name__, _backoff(attempts))

    def delay_after_answer(self, attempts: int, status_code: int, headers: Mapping[str, str]) -> float | None:
        """The same, where the last attempt ended in an answer."""
        is_passing = status_code in {408, 409, 429} or status_code >= 500
        if attempts > self.options.max_retries or not is_passing:
            return None
        wanted = _retry_after(headers)
        if wanted is not None and wanted > _MAX_RETRY_AFTER_SECONDS:
            return None
        return self._announced(attempts, str(status_code), _backoff(attempts) if wanted is None else wanted)

    def _announced(self, attempts: int, outcome: str, delay: float) -> float:
        message = "%s %s: attempt %d ended in %s, the next comes in %.1f s"
        logger.info(message, self.call.method, self.name, attempts, outcome, delay)
        return delay

    @property
    def of_api(self) -> bool:
        """Whether it goes to the API, with the key, or to where an answer led, without."""
        return self.call.of_api

    @property
    def name(self) -> str:
        """What the call is named in logs: never the address of a download, which can hold a signature."""
        return self.call.url if self.call.of_api else "(download)"


class _Joined(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The chunks of a body, small ones joined: each is sent by itself, and a form has a dozen."""

    def __init__(self, stream: httpx.SyncByteStream | httpx.AsyncByteStream) -> None:
        self._stream = cast("httpx.SyncByteStream", stream)  # a form is both kinds

    def __iter__(self) -> Iterator[bytes]:
        held: list[bytes] = []
        size = 0
        for chunk in self._stream:
            if held and size + len(chunk) > _JOINED_BYTES:
                yield b"".join(held)
                held, size = [], 0
            held.append(chunk)
            size += len(chunk)
        yield b"".join(held)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def no_cookies() -> CookieJar:
    """A jar that takes nothing: a server is not to leave anything in the next request."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def opening(connect: Callable[[], T]) -> T:
    """What `connect` opens. Raises an error of ours where the proxy that the environment names cannot be used."""
    try:
        return connect()
    except ValueError:
        raise ImageVariationsError(
            "A proxy that the environment names (such as HTTP_PROXY) is no address of one."
        ) from None
    except ImportError:
        raise ImageVariationsError(
            "The environment names a proxy (such as ALL_PROXY) of a kind that needs more installed."
        ) from None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """What `Retry-After` says, in seconds from now; None where it says nothing that makes sense."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _backoff(attempts: int) -> float:
    """Half a second, then twice as much each time; up to a quarter less, so that clients do not come back at once."""
    longest = min(_MAX_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** min(attempts - 1, 10))
    return longest * (1 - 0.25 * random.random())  # noqa: S311 - no secret


def _merged(*layers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers of all the layers; a later one takes the place of one of the same name, however that is written."""
    merged: dict[str, tuple[str, str]] = {}
    for layer in layers:
        merged.update({name.lower(): (name, value) for name, value in layer.items()})
    return list(merged.values())
