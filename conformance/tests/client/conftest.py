import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from client import subject
from client.driving import MODES, Driver, Make, MakeHttp, maker
from client.recorder import Recorder, recording


@pytest.fixture(scope="session", autouse=True)
def _bare_environment() -> Iterator[None]:
    """Remove the environment variables that give a client a key, a base URL or a proxy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        yield


def pytest_report_header() -> str:
    return f"client under test: {subject.PACKAGE}, on {subject.http.__name__} {subject.http.__version__}"


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """The kind of client: sync or async."""
    return str(request.param)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of all asynchronous clients of a module."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def make(mode: str, runner: asyncio.Runner) -> Make:
    """A function that makes a driver of the mode; see `maker`."""
    return maker(mode, runner)


@pytest.fixture(scope="module")
def make_http(mode: str, runner: asyncio.Runner) -> Iterator[MakeHttp]:
    """A function that makes a client of the HTTP library for the option `http_client`.

    These clients are closed at the end of the module.
    """
    clients = []

    def make_http(**options: Any) -> Any:
        clients.append(subject.http.Client(**options) if mode == "sync" else subject.http.AsyncClient(**options))
        return clients[-1]

    yield make_http
    for client in clients:
        runner.run(client.aclose()) if isinstance(client, subject.http.AsyncClient) else client.close()


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture(scope="module")
def store() -> Iterator[Recorder]:
    """A server that stores images, on another host than the API."""
    with recording("127.0.0.2") as store:
        yield store


@pytest.fixture(scope="module")
def driver(make: Make, recorder: Recorder) -> Iterator[Driver]:
    """A driver whose client sends to the recorder, shared by all tests of a module."""
    with make(base_url=recorder.base_url) as driver:
        yield driver
