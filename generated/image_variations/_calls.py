# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""A call: create its request for each attempt, and decide on retries.

Nothing here waits or sends, so that both clients share it.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from secrets import token_hex
from typing import IO, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import httpcore
import httpx
from attrs import field, frozen

from . import _preflight
from ._bodies import Body, Content, Fields, FilePart, Form, TextPart
from ._document import USER_AGENT
from ._joining import JoinedForm
from ._options import Options, require_before_path, require_headers, require_timeout
from ._redaction import redacted
from ._uploads import Upload, is_in_memory, upload
from .errors import APIConnectionError, APITimeoutError, ImageVariationsError, InvalidRequestError
from .types import NOT_GIVEN, NotGiven

logger = logging.getLogger(__package__ or __name__)

LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
MAX_REDIRECTS = 5
# httpx-aiohttp raises ConnectTimeout for all errors of connections.
_CAUSES_OF_TIMEOUTS = (type(None), TimeoutError, httpcore.TimeoutException)
_MAX_SHOWN = 300
_MAX_CONNECT_SECONDS = 10.0
_PORTS = {"http": 80, "https": 443}
_SECRET = re.compile(
    "(?<![a-z])(?:auth|authorization|apikey|key|token|secret|password|cookie)(?![a-z])", re.IGNORECASE
)  # in the name of a header
_FIRST_DELAY_SECONDS = 0.5
_MAX_DELAY_SECONDS = 8.0
_MAX_RETRY_AFTER_SECONDS = 60.0

T = TypeVar("T")
_Part: TypeAlias = tuple[str, tuple[str | None, bytes | IO[bytes], str | None]]


@frozen(kw_only=True)
class Call:
    """A call, without the base URL and the API key, which are options of the client.

    `url` is the path after the base URL. If `of_api` is false, the call is a download: `url` is the complete URL, the
    API key is not sent, and redirects are followed. `secured` says whether the operation needs the API key, and
    `accept` which media types its responses have. `timeout` is in seconds and, like `max_response_bytes`, overrides the
    option of the client.
    """

    method: str
    url: str
    of_api: bool = True
    secured: bool = True
    accept: str = "application/json"
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: Body | None = None
    max_response_bytes: int | None = None
    timeout: float | NotGiven | None = NOT_GIVEN

    @property
    def _files(self) -> list[FilePart]:
        parts = self.body.parts if isinstance(self.body, Form) else ()
        return [part for part in parts if isinstance(part, FilePart)]

    @property
    def is_in_memory(self) -> bool:
        """Whether no file is read from outside the memory, which can take any time."""
        return all(is_in_memory(part.value) for part in self._files)

    def seconds(self, options: Options) -> float | None:
        """Return the timeout. Raises `ImageVariationsError` if it is invalid."""
        timeout = options.timeout if isinstance(self.timeout, NotGiven) else self.timeout
        require_timeout(timeout)
        return timeout

    @contextmanager
    def opened(self, options: Options) -> Generator[OpenCall]:
        """Open the files of the call and check it, and yield it. The files opened here are closed afterwards.

        Raises `InvalidRequestError` if a file cannot be read or fails a check, or if the path would be sent as another
        one, and `ImageVariationsError` if a header, the timeout or the base URL is invalid.
        """
        require_headers(self.headers)
        if self.of_api:
            _require_segments(self.url)
            require_before_path(options.base_url, self.url)
        timeout = self.seconds(options)
        with ExitStack() as stack:
            uploads = {id(part): _open(part, options, stack) for part in self._files}
            limit = options.max_response_bytes if self.max_response_bytes is None else self.max_response_bytes
            yield OpenCall(self, options, timeout, limit, uploads)


def _require_segments(path: str) -> None:
    for segment in path.split("/"):
        if segment in {".", ".."}:
            message = f"The path {path:.200} has the segment {segment}, which would be sent as another path."
            raise InvalidRequestError(message)


def _open(part: FilePart, options: Options, stack: ExitStack) -> Upload:
    rules = part.rules if options.preflight else None
    limit_bytes = rules.invalid_from_bytes if rules else None
    opened = upload(part.name, part.value, part.media_types, _preflight.IMAGE_HEAD_BYTES, limit_bytes, stack)
    if rules is not None:
        _preflight.image(part.name, opened.head, opened.size_bytes, rules)
    return opened


@frozen
class OpenCall:
    """A call with open files, which creates one request per attempt."""

    call: Call
    options: Options
    timeout: float | None
    max_response_bytes: int
    _uploads: Mapping[int, Upload]
    _reading_errors: list[Exception] = field(factory=list["Exception"], init=False)

    def request(self, http: httpx.Client | httpx.AsyncClient, moved_to: httpx.URL | None = None) -> httpx.Request:
        """Return a new request with the complete call, every file from its start. A download can have moved."""
        call, options = self.call, self.options
        timeout = httpx.Timeout(self.timeout, connect=self._connect_seconds)
        if not call.of_api:  # not built by `http`, so that its headers and cookies are not sent to another host
            headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
            url = moved_to or call.url
            return httpx.Request(call.method, url, headers=headers, extensions={"timeout": timeout.as_dict()})
        headers = {
            "Accept": call.accept,
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": USER_AGENT,
            **({"Authorization": f"Bearer {options.api_key}"} if call.secured and options.api_key else {}),
            **self._content_type(),
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
            request.stream = JoinedForm(request.stream, self._reading_errors, call.is_in_memory)
        return request

    @property
    def _connect_seconds(self) -> float:
        return _MAX_CONNECT_SECONDS if self.timeout is None else min(self.timeout, _MAX_CONNECT_SECONDS)

    def _content_type(self) -> dict[str, str]:
        match self.call.body:  # always given, because `http` could have a default for it
            case Form():
                return {"Content-Type": f"multipart/form-data; boundary={token_hex(16)}"}
            case Fields():
                return {"Content-Type": "application/x-www-form-urlencoded"}
            case Content(_, media_type):
                return {"Content-Type": media_type}
            case None:
                return {}

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

    def failure(self, error: Exception, is_closed: bool) -> Exception:
        """Return the error of this package for an exception of an attempt, or the one that reading a file raised.

        Its message contains neither the API key nor another secret of the request.
        """
        if self._reading_errors:  # which some transports replace by their own
            return self._reading_errors[0]
        place = self._place(error)
        if is_closed:
            return APIConnectionError(f"{place}: the client was closed during the call.")
        if isinstance(error, httpx.ConnectTimeout) and not isinstance(error.__cause__, _CAUSES_OF_TIMEOUTS):
            error = httpx.ConnectError(str(error))
        if isinstance(error, httpx.ConnectTimeout):
            return APITimeoutError(f"{place}: there was no connection within {self._connect_seconds:g} seconds.")
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            limit = "in time" if self.timeout is None else f"within {self.timeout:g} seconds"
            return APITimeoutError(f"{place}: the server did not answer {limit}.")
        if isinstance(error, httpx.TooManyRedirects):
            return APIConnectionError(f"{place}: the server sent too many redirects.")
        is_url = isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | OverflowError | ExceptionGroup)
        if is_url or (isinstance(error, UnicodeError) and not self.of_api):
            return APIConnectionError(
                f"{place}: the URL, or the target of a redirect, cannot be fetched over http or https."
            )
        if isinstance(error, httpx.LocalProtocolError | UnicodeError):
            # These are about the request itself, and their messages can quote a header.
            return InvalidRequestError("The request could not be sent: a header or the host of base_url is malformed.")
        if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
            return APIConnectionError(f"{place}: the server broke HTTP: {self.shown(str(error))}.")
        # The text of an exception that is not of httpx can have any part of the request.
        reason = self.shown(str(error)) if isinstance(error, httpx.TransportError) else ""
        return APIConnectionError(f"{place}: the connection failed: {reason or type(error).__name__}.")

    def _place(self, error: Exception) -> str:
        """Return method, path, host and port of the request that failed, or for a download its host and port only.

        A query, a user, and the path of a download can be secret.
        """
        url = self.options.base_url + self.call.url if self.call.of_api else self.call.url
        if isinstance(error, httpx.RequestError):
            with suppress(RuntimeError):  # the request is not known
                url = str(error.request.url)  # after a redirect, that of the redirect
        what, where = "Download", ""
        with suppress(ValueError):
            parts = urlsplit(url)
            if self.call.of_api:
                what = f"{self.call.method} {parts.path}"
            if parts.hostname:
                host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
                where = f" {'at' if self.call.of_api else 'from'} {host}:{parts.port or _PORTS.get(parts.scheme, '')}"
        return self.shown(what + where)

    def shown(self, text: str) -> str:
        """Return a text of the server for a message: shortened, printable, on one line, and without secrets."""
        text = self.redacted(text.encode(errors="replace")).decode(errors="replace")[: 4 * _MAX_SHOWN]
        printable = "".join(character if character.isprintable() else " " for character in text)
        printable = " ".join(printable.split()).rstrip(".")
        return printable if len(printable) <= _MAX_SHOWN else printable[:_MAX_SHOWN] + "..."

    def redacted(self, content: bytes) -> bytes:
        """Return bytes of the server without the API key, and without secrets of the headers that were given."""
        for secret in (self.options.api_key, *self._given_secrets()):
            content = redacted(content, secret)
        return content

    def _given_secrets(self) -> Iterator[str]:
        for name, value in {**self.options.default_headers, **self.call.headers}.items():
            if _SECRET.search(name):
                for part in value.split(";"):  # of a cookie
                    word = part.rstrip().rpartition(" ")[2]  # without the scheme, such as Bearer
                    yield word
                    yield word.partition("=")[2]

    def clean(self, headers: httpx.Headers) -> httpx.Headers:
        """Return headers of the server without secrets."""
        return httpx.Headers([(self.redacted(name), self.redacted(value)) for name, value in headers.raw])

    def delay_after_error(self, attempts: int, error: Exception) -> float | None:
        """Return the seconds to wait before a retry, or None for no retry, after `attempts` attempts.

        The last attempt ended with `error`. Only connection errors, with timeouts while connecting, are retried. After
        another timeout the server may still be working on the request, and a retry would cost images again.
        """
        # That of a client that was given; our own ones remove such a header.
        is_location = isinstance(error, httpx.RemoteProtocolError) and "in location header" in str(error)
        if self._reading_errors or is_location:
            return None
        retried = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError, httpx.ConnectTimeout)
        if attempts > self.options.max_retries or not isinstance(error, retried):
            return None
        return self._logged(attempts, type(error).__name__, _backoff(attempts))

    def delay_after_answer(self, attempts: int, status_code: int, headers: Mapping[str, str]) -> float | None:
        """Return the same for an attempt that ended with a response."""
        is_retried = status_code in {408, 409, 429} or status_code >= 500
        if attempts > self.options.max_retries or not is_retried:
            return None
        requested = _retry_after(headers)
        if requested is not None and requested > _MAX_RETRY_AFTER_SECONDS:
            return None
        return self._logged(attempts, str(status_code), _backoff(attempts) if requested is None else requested)

    def _logged(self, attempts: int, outcome: str, delay: float) -> float:
        message = "%s %s: attempt %d ended with %s, the next attempt is in %.1f s"
        logger.info(message, self.call.method, self.name, attempts, outcome, delay)
        return delay

    @property
    def of_api(self) -> bool:
        """Whether the call is an operation of the API, not a download."""
        return self.call.of_api

    @property
    def name(self) -> str:
        """The name of the call in logs, without the URL of a download, which can contain a signature."""
        return self.call.url if self.call.of_api else "(download)"


def no_cookies() -> CookieJar:
    """Return a cookie jar that stores nothing, so that no response changes a later request."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def forget_malformed_location(response: httpx.Response) -> None:
    """Remove a `Location` that is no URL, for which httpx would raise an error without the status."""
    try:
        _ = response.request.url.join(response.headers.get("location", "")).host
    except (httpx.InvalidURL, UnicodeError):
        del response.headers["location"]


def opening(connect: Callable[[], T]) -> T:
    """Return what `connect` returns. Raises `ImageVariationsError` if a variable of the environment cannot be used."""
    try:
        return connect()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ImageVariationsError(f"A file of the environment (SSL_CERT_FILE?) could not be read: {reason}.") from None
    except (ImportError, RuntimeError):  # of httpx and of httpcore
        raise ImageVariationsError(
            "The proxy of an environment variable (such as ALL_PROXY) needs a package that is not installed."
        ) from None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the value of `Retry-After` in seconds from now, or None if it is absent or invalid."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _backoff(attempts: int) -> float:
    """Return the seconds before a retry: 0.5, doubled with each attempt up to 8, minus up to 25 % at random.

    The random part keeps clients from retrying at the same time.
    """
    longest = min(_MAX_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** min(attempts - 1, 10))
    return longest * (1 - 0.25 * random.random())  # noqa: S311 - not a secret


def _merged(*layers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the headers of all layers. A later layer replaces headers of the same name, ignoring case."""
    merged: dict[str, tuple[str, str]] = {}
    for layer in layers:
        merged.update({name.lower(): (name, value) for name, value in layer.items()})
    return list(merged.values())
