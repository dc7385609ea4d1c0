"""The clients: what they are set up with, and how they are opened, copied and closed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeVar

from . import _options
from .types import NOT_GIVEN, NotGiven, Response

# What sends is imported when it is first needed: a program may start without it.
if TYPE_CHECKING:
    from types import TracebackType

    import httpx

    from ._answers import Reading
    from ._calls import Call
    from .api.images import AsyncImages, Images

T = TypeVar("T")


class Client:
    """Calls the API and waits. To be shared by any number of threads.

    Connections are opened when they are first needed. `close` closes them, and so does leaving a `with`; a call after
    that opens new ones.

    Args:
        api_key: The API key. Left out, that of the environment variable OPENAI_API_KEY. An empty one is not sent.
        base_url: The address before the paths of the operations. Left out, that of the environment variable
            OPENAI_BASE_URL, or else http://127.0.0.1:8000/v1.
        timeout: The seconds that one attempt may take in all, from connecting to the last byte; None for no limit.
        max_retries: How many more attempts are made after a broken connection and the statuses 408, 409, 429 and from
            500 on. An attempt that took too long is not made again: the server may be at work still.
        default_headers: Header fields of every call. They win over those that the client sends of itself.
        default_query: Query parameters of every call.
        http_client: An `httpx.Client` to send by. It stays yours: it is not closed here. With one, `timeout` holds
            for each wait until the headers are there, and in all only after that.
        preflight: Whether arguments are checked against the contract before a byte is sent.
        max_response_bytes: The longest answer that is read.

    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = _options.DEFAULT_TIMEOUT_SECONDS,
        max_retries: int = _options.DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str] | None = None,
        http_client: httpx.Client | None = None,
        preflight: bool = True,
        max_response_bytes: int = _options.DEFAULT_MAX_RESPONSE_BYTES,
    ) -> None:
        from ._sending import Connections

        self._options = _options.Options(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            default_query=default_query,
            preflight=preflight,
            max_response_bytes=max_response_bytes,
        )
        self._connections = Connections(http_client)

    @cached_property
    def images(self) -> Images:
        """Making images."""
        from .api.images import Images

        return Images(self)

    @property
    def base_url(self) -> str:
        """The address before the paths of the operations, without a slash at its end."""
        return self._options.base_url

    @property
    def timeout(self) -> float | None:
        """The seconds that one attempt may take in all; None for no limit."""
        return self._options.timeout

    @property
    def max_retries(self) -> int:
        """How many more attempts are made."""
        return self._options.max_retries

    @property
    def preflight(self) -> bool:
        """Whether arguments are checked against the contract before a byte is sent."""
        return self._options.preflight

    def with_options(
        self,
        *,
        api_key: str | None | NotGiven = NOT_GIVEN,
        base_url: str | None | NotGiven = NOT_GIVEN,
        timeout: float | None | NotGiven = NOT_GIVEN,
        max_retries: int | NotGiven = NOT_GIVEN,
        default_headers: Mapping[str, str] | None | NotGiven = NOT_GIVEN,
        default_query: Mapping[str, str] | None | NotGiven = NOT_GIVEN,
        http_client: httpx.Client | None | NotGiven = NOT_GIVEN,
        preflight: bool | NotGiven = NOT_GIVEN,
        max_response_bytes: int | NotGiven = NOT_GIVEN,
    ) -> Self:
        """A copy with other settings, on the same connections; this client stays as it is.

        Headers and query parameters are added to those that there are.
        """
        from ._sending import Connections

        changed = {
            name: value
            for name, value in {
                "api_key": api_key,
                "base_url": base_url,
                "timeout": timeout,
                "max_retries": max_retries,
                "default_headers": default_headers,
                "default_query": default_query,
                "preflight": preflight,
                "max_response_bytes": max_response_bytes,
            }.items()
            if not isinstance(value, NotGiven)
        }
        copy = type(self).__new__(type(self))
        copy._options = self._options.changed(changed)
        copy._connections = self._connections if isinstance(http_client, NotGiven) else Connections(http_client)
        return copy

    def send(self, call: Call, reading: Reading[T]) -> Response[T]:
        """Send a call and read its answer. The functions of the operations end here."""
        from ._downloads import bind
        from ._sending import send

        response = reading.response(*send(self._connections, self._options, call))
        bind(response.parsed, self)
        return response

    def download(self, url: str, *, max_bytes: int = _options.DEFAULT_MAX_DOWNLOAD_BYTES) -> bytes:
        """Fetch a file of at most `max_bytes` bytes, without the API key. Raises what a call raises."""
        from ._downloads import READING, download
        from ._sending import send

        return READING.response(*send(self._connections, self._options, download(url, max_bytes))).parsed

    def close(self) -> None:
        """Close the connections, those of the copies too."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.with_options()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._options.base_url!r})"


class AsyncClient:
    """Calls the API and lets others work meanwhile. What `Client` has, this has too, to be awaited.

    It can be used in one event loop after another, and in several at once: each has connections of its own. Close them
    before a loop ends, by `close` or by `async with`.

    Args:
        api_key: The API key. Left out, that of the environment variable OPENAI_API_KEY. An empty one is not sent.
        base_url: The address before the paths of the operations. Left out, that of the environment variable
            OPENAI_BASE_URL, or else http://127.0.0.1:8000/v1.
        timeout: The seconds that one attempt may take in all, from connecting to the last byte; None for no limit.
        max_retries: How many more attempts are made after a broken connection and the statuses 408, 409, 429 and from
            500 on. An attempt that took too long is not made again: the server may be at work still.
        default_headers: Header fields of every call. They win over those that the client sends of itself.
        default_query: Query parameters of every call.
        http_client: An `httpx.AsyncClient` to send by. It stays yours: it is not closed here. With one, `timeout` holds
            for each wait until the headers are there, and in all only after that.
        preflight: Whether arguments are checked against the contract before a byte is sent.
        max_response_bytes: The longest answer that is read.

    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = _options.DEFAULT_TIMEOUT_SECONDS,
        max_retries: int = _options.DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str] | None = None,
        http_client: httpx.AsyncClient | None = None,
        preflight: bool = True,
        max_response_bytes: int = _options.DEFAULT_MAX_RESPONSE_BYTES,
    ) -> None:
        from ._sending_async import AsyncConnections

        self._options = _options.Options(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            default_query=default_query,
            preflight=preflight,
            max_response_bytes=max_response_bytes,
        )
        self._connections = AsyncConnections(http_client)

    @cached_property
    def images(self) -> AsyncImages:
        """Making images."""
        from .api.images import AsyncImages

        return AsyncImages(self)

    @property
    def base_url(self) -> str:
        """The address before the paths of the operations, without a slash at its end."""
        return self._options.base_url

    @property
    def timeout(self) -> float | None:
        """The seconds that one attempt may take in all; None for no limit."""
        return self._options.timeout

    @property
    def max_retries(self) -> int:
        """How many more attempts are made."""
        return self._options.max_retries

    @property
    def preflight(self) -> bool:
        """Whether arguments are checked against the contract before a byte is sent."""
        return self._options.preflight

    def with_options(
        self,
        *,
        api_key: str | None | NotGiven = NOT_GIVEN,
        base_url: str | None | NotGiven = NOT_GIVEN,
        timeout: float | None | NotGiven = NOT_GIVEN,
        max_retries: int | NotGiven = NOT_GIVEN,
        default_headers: Mapping[str, str] | None | NotGiven = NOT_GIVEN,
        default_query: Mapping[str, str] | None | NotGiven = NOT_GIVEN,
        http_client: httpx.AsyncClient | None | NotGiven = NOT_GIVEN,
        preflight: bool | NotGiven = NOT_GIVEN,
        max_response_bytes: int | NotGiven = NOT_GIVEN,
    ) -> Self:
        """A copy with other settings, on the same connections; this client stays as it is.

        Headers and query parameters are added to those that there are.
        """
        from ._sending_async import AsyncConnections

        changed = {
            name: value
            for name, value in {
                "api_key": api_key,
                "base_url": base_url,
                "timeout": timeout,
                "max_retries": max_retries,
                "default_headers": default_headers,
                "default_query": default_query,
                "preflight": preflight,
                "max_response_bytes": max_response_bytes,
            }.items()
            if not isinstance(value, NotGiven)
        }
        copy = type(self).__new__(type(self))
        copy._options = self._options.changed(changed)
        copy._connections = self._connections if isinstance(http_client, NotGiven) else AsyncConnections(http_client)
        return copy

    async def send(self, call: Call, reading: Reading[T]) -> Response[T]:
        """Send a call and read its answer. The functions of the operations end here."""
        from ._downloads import bind
        from ._sending_async import send

        response = reading.response(*await send(self._connections, self._options, call))
        bind(response.parsed, self)
        return response

    async def download(self, url: str, *, max_bytes: int = _options.DEFAULT_MAX_DOWNLOAD_BYTES) -> bytes:
        """Fetch a file of at most `max_bytes` bytes, without the API key. Raises what a call raises."""
        from ._downloads import READING, download
        from ._sending_async import send

        return READING.response(*await send(self._connections, self._options, download(url, max_bytes))).parsed

    async def close(self) -> None:
        """Close the connections of this event loop, those of the copies too."""
        await self._connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.with_options()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._options.base_url!r})"


__all__ = ["AsyncClient", "Client"]
