import contextlib
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator

import httpx
import pytest
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import AddressUnavailableError, Running, StartupError, running
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI app with a lifespan. Its response is the text that its startup stored in the state."""
    if scope["type"] == "http":
        return await PlainTextResponse(scope["state"]["word"])(scope, receive, send)
    await receive()
    scope["state"]["word"] = "started"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
    return None


async def fails_at_startup(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no model"})


def test_operation_is_served_under_the_base_url() -> None:
    with running(Service()) as server:
        assert server.base_url == f"http://127.0.0.1:{server.port}/v1"
        assert httpx.post(f"{server.base_url}/images/variations").status_code == 401


def test_base_url_of_an_ipv6_address_has_brackets() -> None:
    assert Running("::1", 8000).base_url == "http://[::1]:8000/v1"


def test_any_asgi_app_is_served_with_its_lifespan() -> None:
    with running(hello) as server:
        assert httpx.get(server.base_url).text == "started"


def test_app_that_fails_at_startup_raises_startup_error_with_the_reason() -> None:
    with pytest.raises(StartupError, match=r"started up: no model$"), running(fails_at_startup):
        pass


def test_app_that_raises_at_startup_raises_startup_error_with_the_exception() -> None:
    @contextlib.asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[None]:
        if app is not None:
            raise OSError("no weights")
        yield

    with pytest.raises(StartupError, match=r"started up: OSError: no weights$"), running(Starlette(lifespan=lifespan)):
        pass


def test_port_in_use_raises_address_unavailable_error() -> None:
    with (
        running(Service()) as server,
        pytest.raises(AddressUnavailableError, match=f":{server.port}"),
        running(Service(), port=server.port),
    ):
        pass


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70000), ("192.0.2.1", 0)])
def test_invalid_port_or_foreign_address_raises_address_unavailable_error(host: str, port: int) -> None:
    with pytest.raises(AddressUnavailableError), running(Service(), host, port):
        pass


@pytest.mark.slow
def test_running_leaves_no_thread_and_no_listener_even_if_a_request_is_unfinished() -> None:
    before = set(threading.enumerate())
    with running(Service()) as server:
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"POST /v1/images/variations HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n--")
        httpx.get(server.base_url)
    assert {thread for thread in threading.enumerate() if thread.name == "asgi-server"} <= before
    client.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port))


def test_serve_runs_until_it_is_interrupted() -> None:
    program = """
        import os, signal, sys, threading, httpx
        from image_variations_conformance.reference.app.service import Service
        from image_variations_conformance.reference.app.serving import serve
        def announce(server):
            def visit():
                print(httpx.get(server.base_url).status_code, flush=True)
                os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=visit).start()
        serve(Service(), "127.0.0.1", 0, announce)
        print("ended")
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (0, "404\nended\n", "")
