"""Run an ASGI app under uvicorn, in a thread for the duration of a `with` block or in the foreground."""

import contextlib
import socket
import threading
from asyncio import Transport
from collections.abc import Callable, Iterator

import uvicorn
from attrs import frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .extensions import CONNECTION, Connection
from .service import BASE_PATH

_SHUTDOWN_SECONDS = 2


class ServingError(Exception):
    """A server could not be started."""


class AddressUnavailableError(ServingError):
    """The server cannot listen at the address: the port is in use, or the host is not one of this machine."""


class StartupError(ServingError):
    """The app failed at startup, before the first request."""


@frozen
class Running:
    """A running server, which listens at `host` and `port`."""

    host: str
    port: int

    @property
    def origin(self) -> str:
        """Return the URL without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """Return the URL of the reference server up to, but not including, `/images/variations`."""
        return f"{self.origin}{BASE_PATH}"


@contextlib.contextmanager
def running(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[Running]:
    """Serve an app in a thread until the `with` block ends. Port 0 means any free port. Raises ServingError."""
    listener = _listen(host, port)
    server = _Server(app, log_level="critical")
    thread = threading.Thread(target=server.run_until_exit, args=(listener,), name="asgi-server", daemon=True)
    thread.start()
    try:
        server.settled.wait()
        if not server.started:
            raise server.startup_error()
        yield Running(host, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def serve(app: ASGIApp, host: str, port: int, announce: Callable[[Running], None]) -> None:
    """Serve an app until it is interrupted. Calls `announce` once the server listens. Raises ServingError."""
    listener = _listen(host, port)
    server = _Server(app, log_level="error")
    with contextlib.closing(listener), contextlib.suppress(KeyboardInterrupt):
        announce(Running(host, listener.getsockname()[1]))
        server.run_until_exit(listener)
    if not server.started:
        raise server.startup_error()


def _listen(host: str, port: int) -> socket.socket:
    # socket.create_server would leave the protocol number at 0, and asyncio disables Nagle's algorithm only for sockets
    # with the protocol number of TCP. With the algorithm, a response in two packets takes 40 ms longer.
    try:
        family, kind, protocol, _, _ = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressUnavailableError(f"Cannot listen at {host}: {error}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise AddressUnavailableError(f"Cannot listen at {host}:{port}: {error}.") from error
    return listener


class _Server(uvicorn.Server):
    """A uvicorn server whose event `settled` is set once it has started or failed to start."""

    def __init__(self, app: ASGIApp, log_level: str) -> None:
        self._app = app
        self._why = ""
        config = uvicorn.Config(
            self._watched,
            http=_Protocol,
            ws="none",
            lifespan="auto",
            interface="asgi3",
            log_config=None,
            log_level=log_level,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        super().__init__(config)
        self.settled = threading.Event()

    async def _watched(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app, and remember why it does not start, which uvicorn does not tell."""

        async def told(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                # Frameworks send a traceback.
                self._why = str(message.get("message", "")).strip().rpartition("\n")[2]
            await send(message)

        try:
            await self._app(scope, receive, told if scope["type"] == "lifespan" else send)
        except Exception as error:
            if scope["type"] == "lifespan":
                self._why = f"{type(error).__name__}: {error}"
            raise

    def startup_error(self) -> StartupError:
        """Return the error of an app that has failed to start."""
        return StartupError(f"The app failed while it started up{f': {self._why[:300]}' if self._why else '.'}")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    def run_until_exit(self, listener: socket.socket) -> None:
        try:
            # uvicorn raises SystemExit if the startup of the app fails.
            with contextlib.suppress(SystemExit):
                self.run(sockets=[listener])
        finally:
            self.settled.set()


class _Protocol(H11Protocol):
    """The HTTP/1.1 protocol of uvicorn, with the connection added to the scope for the variants that need it."""

    _connection: Connection

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as in uvicorn
        super().connection_made(transport)
        self._connection = connection = Connection(transport)
        app = self.app

        async def app_on_this_connection(scope: Scope, receive: Receive, send: Send) -> None:
            connection.requests += 1
            scope.setdefault("extensions", {})[CONNECTION] = connection
            await app(scope, receive, send)

        self.app = app_on_this_connection

    def data_received(self, data: bytes) -> None:
        self._connection.receive(data, begins=self.cycle is None or self.cycle.response_complete)
        super().data_received(data)
