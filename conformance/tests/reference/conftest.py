from collections.abc import Iterator

import httpx
import pytest
from image_variations_conformance.reference.app.service import API_KEY, Service
from image_variations_conformance.reference.app.serving import Running, running
from reference.prober import Prober, Switch


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    with running(Service()) as server:
        yield server


@pytest.fixture(scope="session")
def prober() -> Iterator[Prober]:
    switch = Switch()
    with running(switch) as server:
        yield Prober(switch, server)


@pytest.fixture(scope="session")
def client(server: Running) -> Iterator[httpx.Client]:
    """A client with the base URL and the API key of the server."""
    with httpx.Client(base_url=server.base_url, headers={"Authorization": f"Bearer {API_KEY}"}) as client:
        yield client
