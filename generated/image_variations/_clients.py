# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The synchronous and the asynchronous client, without the operations of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from . import _options
from .types import NOT_GIVEN, NotGiven, Response

# The modules that send requests are imported when the first client is created, so that the package imports quickly.
if TYPE_CHECKING:
    from types import TracebackType

    import httpx

    from ._answers import Reading
    from ._calls import Call
    from ._sending import Connections
    from ._sending_async import AsyncConnections

T = TypeVar("T")
HttpClient = TypeVar("HttpClient")
ConnectionsOf = TypeVar("ConnectionsOf")


class _BaseClient(Generic[HttpClient, ConnectionsOf]):
    """The settings of a client, and its copies with other settings."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = _options.DEFAULT_TIMEOUT_SECONDS,
        max_retries: int = _options.DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str] | None = None,
        http_client: HttpClient | None = None,
        preflight: bool = True,
        max_response_bytes: int = _options.DEFAULT_MAX_RESPONSE_BYTES,
        allow_private_links: bool | None = None,
    ) -> None:
        """Create a client. It connects when it is first called.

        Args:
            api_key: The API key; by default that of the environment variable. An empty key is not sent.
            base_url: The URL that the paths of the operations are appended to; by default that of the environment
                variable, or else that of the contract.
            timeout: The limit of one attempt as a whole, in seconds, from connecting to the last byte; None for no
                limit. An `AsyncClient` also limits the opening of the files by it. A `Client` waits for a file that is
                slow to read, such as a pipe, as long as that takes.
            max_retries: The maximum number of retries after a broken connection, a timeout while connecting, or a
                status of 408, 409, 429, or 500 and above. Other timeouts are not retried: the server may still be
                working.
            default_headers: Headers of every call. They override the headers that the client sets.
            default_query: Query parameters of every call.
            http_client: The client of httpx to send requests with. It is never closed by this client. With an
                `httpx.Client`, `timeout` limits each wait for the server until the headers have arrived, and then the
                attempt.
            preflight: Whether arguments are checked against the contract before a request is sent.
            max_response_bytes: The maximum length of a response body in bytes, after decompression. A longer body of a
                successful response raises `APIResponseValidationError`, and so does one of more than 262,144 values.
            allow_private_links: Whether links of responses, and their redirects, are fetched from private, loopback and
                link-local addresses. By default, only if the API itself has such an address.
        """
        self._options = _options.Options(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            default_query=default_query,
            preflight=preflight,
            max_response_bytes=max_response_bytes,
            allow_private_links=allow_private_links,
        )
        self._connections = self._connect(http_client)

    def _connect(self, http_client: HttpClient | None) -> ConnectionsOf:
        raise NotImplementedError

    @property
    def base_url(self) -> str:
        """The URL that the paths of the operations are appended to, without a trailing slash."""
        return self._options.base_url

    @property
    def timeout(self) -> float | None:
        """The limit of one attempt as a whole, in seconds; None for no limit."""
        return self._options.timeout

    @property
    def max_retries(self) -> int:
        """The maximum number of retries."""
        return self._options.max_retries

    @property
    def preflight(self) -> bool:
        """Whether arguments are checked against the contract before a request is sent."""
        return self._options.preflight

    def with_options(
        self,
        *,
        api_key: str | NotGiven | None = NOT_GIVEN,
        base_url: str | NotGiven | None = NOT_GIVEN,
        timeout: float | NotGiven | None = NOT_GIVEN,
        max_retries: int | NotGiven = NOT_GIVEN,
        default_headers: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
        default_query: Mapping[str, str] | NotGiven | None = NOT_GIVEN,
        http_client: HttpClient | NotGiven | None = NOT_GIVEN,
        preflight: bool | NotGiven = NOT_GIVEN,
        max_response_bytes: int | NotGiven = NOT_GIVEN,
        allow_private_links: bool | NotGiven | None = NOT_GIVEN,
    ) -> Self:
        """Return a copy with other settings, which shares the connections of this client.

        `default_headers` and `default_query` are added to those of this client. None for `api_key` or `base_url` reads
        the environment variable again. With `http_client`, the copy does not share the connections.

        Raises `ImageVariationsError` for an invalid setting.
        """
        settings = {
            "api_key": api_key,
            "base_url": base_url,
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": default_headers,
            "default_query": default_query,
            "preflight": preflight,
            "max_response_bytes": max_response_bytes,
            "allow_private_links": allow_private_links,
        }
        changed = {name: value for name, value in settings.items() if not isinstance(value, NotGiven)}
        copy = type(self).__new__(type(self))
        copy._options = self._options.changed(changed)
        copy._connections = self._connections if isinstance(http_client, NotGiven) else self._connect(http_client)
        return copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.with_options()

    def __repr__(self) -> str:
        options: _options.Options | None = getattr(self, "_options", None)  # None if the constructor has failed
        return f"{type(self).__name__}({options.base_url!r})" if options else f"{type(self).__name__}()"


class SyncClient(_BaseClient["httpx.Client", "Connections"]):
    """A client whose calls wait for the response. Threads can share it."""

    def _connect(self, http_client: httpx.Client | None) -> Connections:
        from ._sending import Connections

        return Connections(http_client)

    def _send(self, call: Call, reading: Reading[T]) -> Response[T]:
        """Send a call and return the decoded response."""
        from ._downloads import bind
        from ._sending import send

        response = reading.response(*send(self._connections, self._options, call))
        bind(response.parsed, self)
        return response

    def download(self, url: str, *, max_bytes: int = _options.DEFAULT_MAX_DOWNLOAD_BYTES) -> bytes:
        """Return the file at `url`, of at most `max_bytes` bytes. The API key is not sent.

        Raises the errors of a call, and `APIResponseValidationError` if the file is longer.
        """
        from ._downloads import READING, download
        from ._sending import send

        return READING.response(*send(self._connections, self._options, download(url, max_bytes))).parsed

    def close(self) -> None:
        """Close the connections of this client and of the copies that share them. A later call opens new ones.

        A call of another thread that is under way ends in an `APIConnectionError`.
        """
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_BaseClient["httpx.AsyncClient", "AsyncConnections"]):
    """A client with the methods of `SyncClient` as coroutines.

    It can be used in several event loops, even concurrently, because each loop has its own connections. Close them
    before the loop ends, with `close` or `async with`.
    """

    def _connect(self, http_client: httpx.AsyncClient | None) -> AsyncConnections:
        from ._sending_async import AsyncConnections

        return AsyncConnections(http_client)

    async def _send(self, call: Call, reading: Reading[T]) -> Response[T]:
        """Send a call and return the decoded response."""
        from ._downloads import bind
        from ._sending_async import send

        response = reading.response(*await send(self._connections, self._options, call))
        bind(response.parsed, self)
        return response

    async def download(self, url: str, *, max_bytes: int = _options.DEFAULT_MAX_DOWNLOAD_BYTES) -> bytes:
        """Return the file at `url`, of at most `max_bytes` bytes. The API key is not sent.

        Raises the errors of a call, and `APIResponseValidationError` if the file is longer.
        """
        from ._downloads import READING, download
        from ._sending_async import send

        return READING.response(*await send(self._connections, self._options, download(url, max_bytes))).parsed

    async def close(self) -> None:
        """Close the connections of this event loop, of this client and of the copies that share them."""
        await self._connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
