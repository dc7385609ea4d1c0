# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Connections with one deadline for a whole call.

The timeouts of httpx limit each read and each write separately, so a server that sends a byte now and then never
exceeds them. Here all reads and writes of a call end at the deadline of the call.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import httpcore
import httpx

from ._calls import forget_malformed_location, no_cookies
from ._proxies import environment_proxies


class _Clock(threading.local):
    """The deadline of the current call of each thread, in seconds of the monotonic clock, or None."""

    deadline: float | None = None

    def remaining(self, timeout: float | None) -> float | None:
        """Return the remaining seconds, at most `timeout`. Raises `TimeoutError` if the deadline has passed."""
        if self.deadline is None:
            return timeout
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds if timeout is None else min(seconds, timeout)


_clock = _Clock()


@contextmanager
def time_limit(seconds: float | None) -> Generator[None]:
    """Raise `TimeoutError` in the reads and writes of this thread that take longer than `seconds` in total."""
    _clock.deadline = None if seconds is None else time.monotonic() + seconds
    try:
        yield
    finally:
        _clock.deadline = None


def require_time() -> None:
    """Raise `TimeoutError` if the deadline of this thread has passed."""
    _clock.remaining(None)


class _TlsSocket(ssl.SSLSocket):
    """A socket whose every step ends at the deadline, because TLS in the TLS of a proxy takes several for each read."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        self.settimeout(_clock.remaining(self.gettimeout()))
        return super().recv(buflen, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        self.settimeout(_clock.remaining(self.gettimeout()))
        return super().send(data, flags)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _clock.remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        connection: socket.socket = self._stream.get_extra_info("socket")
        encrypted = self._stream.get_extra_info("ssl_object")
        if encrypted is not None and encrypted is not connection:  # TLS in the TLS of a proxy
            self._stream.write(buffer, _clock.remaining(timeout))
            return
        # The method `write` of the stream would apply the whole timeout to each send.
        unsent = memoryview(buffer)
        try:
            while unsent:
                connection.settimeout(_clock.remaining(timeout))
                unsent = unsent[connection.send(unsent) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        with suppress(OSError):
            # This ends the waiting of another thread, which closing alone does not.
            socket.socket.shutdown(self._stream.get_extra_info("socket"), socket.SHUT_RDWR)
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _clock.remaining(timeout)))

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
        """Connect to an address of the host. Those that are left share the time that is left."""
        seconds = _clock.remaining(timeout)
        deadline = None if seconds is None else time.monotonic() + seconds
        addresses = _addresses(host)
        for left in range(len(addresses), 0, -1):
            seconds = None if deadline is None else max(deadline - time.monotonic(), 0.001) / left
            try:
                return _Stream(
                    self._backend.connect_tcp(addresses[-left], port, seconds, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError("unreachable")


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    # An address of version 6 can have a zone, as its last member.
    return [f"{each[0]}%{each[3]}" if len(each) == 4 and each[3] else str(each[0]) for *_, each in found]


# The errors of httpcore and the errors of httpx with the same names.
_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}


@contextmanager
def _httpx_errors() -> Generator[None]:
    try:
        yield
    except tuple(_ERRORS) as error:
        raise _ERRORS[type(error)](str(error)) from error


class _Body(httpx.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._chunks

    def close(self) -> None:
        with _httpx_errors():
            cast("httpcore.Response", self._chunks).close() if hasattr(self._chunks, "close") else None


class _Transport(httpx.BaseTransport):
    """Like `httpx.HTTPTransport`, but with the connections of this module."""

    def __init__(self, ssl_context: ssl.SSLContext, limits: httpx.Limits, proxy: httpx.Proxy | None = None) -> None:
        self._pool = _pool(
            proxy,
            ssl_context=ssl_context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        response: Any
        with _httpx_errors():
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
            response.status, headers=response.headers, stream=_Body(response.stream), extensions=response.extensions
        )

    def close(self) -> None:
        self._pool.close()


def _pool(proxy: httpx.Proxy | None, **settings: Any) -> httpcore.ConnectionPool:
    if proxy is None:
        return httpcore.ConnectionPool(**settings)
    url = httpcore.URL(
        scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
    )
    if proxy.url.scheme.startswith("socks5"):
        return httpcore.SOCKSProxy(proxy_url=url, proxy_auth=proxy.raw_auth, **settings)
    return httpcore.HTTPProxy(
        proxy_url=url,
        proxy_auth=proxy.raw_auth,
        proxy_ssl_context=settings["ssl_context"] if proxy.url.scheme == "https" else None,
        **settings,
    )


def connect(limits: httpx.Limits) -> httpx.Client:
    """Return a client of httpx with these connections, through the proxies of the environment.

    Raises `ImageVariationsError` if a proxy is no valid URL, and `RuntimeError` if a package for it is not installed.
    """
    ssl_context = httpx.create_ssl_context()
    ssl_context.sslsocket_class = _TlsSocket
    direct = _Transport(ssl_context, limits)
    mounts = {
        pattern: direct if proxy is None else _Transport(ssl_context, limits, proxy)
        for pattern, proxy in environment_proxies().items()
    }
    # trust_env is False, because the proxies that httpx would add itself have no deadline.
    return httpx.Client(
        transport=direct,
        mounts=mounts,
        trust_env=False,
        cookies=no_cookies(),
        event_hooks={"response": [forget_malformed_location]},
    )
