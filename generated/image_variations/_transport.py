"""Connections on which a call is over when its time is, however the server spends it.

The timeouts of httpx hold for each read and each write by itself: a server that sends a byte now and then is never
late. Here every read and every write of a call ends at the one time that the call has to end at.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.request import getproxies

import httpcore
import httpx

from ._calls import MAX_REDIRECTS, no_cookies


class _Clock(threading.local):
    """The time at which the call that this thread is at has to be over."""

    over_at: float | None = None

    def left(self, timeout: float | None) -> float | None:
        """The seconds left, at most `timeout`. Raises `TimeoutError` when there are none."""
        if self.over_at is None:
            return timeout
        seconds = self.over_at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds if timeout is None else min(seconds, timeout)


_clock = _Clock()


@contextmanager
def time_limit(seconds: float | None) -> Generator[None]:
    """Let all reads and writes of this thread end after so many seconds, by a `TimeoutError`."""
    _clock.over_at = None if seconds is None else time.monotonic() + seconds
    try:
        yield
    finally:
        _clock.over_at = None


def require_time() -> None:
    """Raise `TimeoutError` when the time is over."""
    _clock.left(None)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The stream's own `write` gives the whole timeout to each of its waits for the server.
        connection: socket.socket = self._stream.get_extra_info("socket")
        rest = memoryview(buffer)
        try:
            while rest:
                connection.settimeout(_clock.left(timeout))
                rest = rest[connection.send(rest) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _clock.left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._backend.connect_tcp(host, port, _clock.left(timeout), local_address, socket_options))


# Both libraries have these errors under the same names.
_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}


@contextmanager
def _errors_named() -> Generator[None]:
    try:
        yield
    except tuple(_ERRORS) as error:
        raise _ERRORS[type(error)](str(error)) from error


class _Body(httpx.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        with _errors_named():
            yield from self._chunks

    def close(self) -> None:
        with _errors_named():
            cast("httpcore.Response", self._chunks).close() if hasattr(self._chunks, "close") else None


class _Transport(httpx.BaseTransport):
    """What `httpx.HTTPTransport` does, on the connections of this module."""

    def __init__(self, ssl_context: ssl.SSLContext, limits: httpx.Limits) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        response: Any
        with _errors_named():
            response = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=cast("Iterable[bytes]", request.stream),
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


def connect(limits: httpx.Limits) -> httpx.Client:
    """A client of httpx on such connections.

    Where the environment names a proxy, calls go through it, on connections of httpx itself.
    """
    ssl_context = httpx.create_ssl_context()
    mounts = {} if "all" in getproxies() else {"all://": _Transport(ssl_context, limits)}
    return httpx.Client(
        verify=ssl_context, limits=limits, mounts=mounts, max_redirects=MAX_REDIRECTS, cookies=no_cookies()
    )
