"""Links of responses to private addresses are fetched only where the API has such an address, or if that is allowed.

The public API is played by a proxy on loopback, which receives the requests for hosts that no name server knows.
"""

import json
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

import pytest
from client.driving import Driver, Make, outcome
from client.endings import check_message
from client.items import FILE, file_response, item_at, item_with
from client.recorder import Recorder
from client.subject import MODULES
from client.uploads import image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import APIConnectionError
from image_variations_conformance.sources.addresses import PUBLIC, reach
from support.loopback import ScriptedServer, answer, say_by_path, scripted_server

API = "http://api.example/v1"


def response_with(link: str) -> bytes:
    return answer(200, json.dumps({"created": 1, "data": [{"url": link}]}).encode(), "Connection: close")


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A proxy for all hosts but those of this machine."""
    with scripted_server(()) as server:
        monkeypatch.setenv("HTTP_PROXY", server.origin)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,127.0.0.2")
        yield server


def item_of(driver: Driver, public: ScriptedServer, link: str, redirect: bytes = b"") -> object:
    """Return what reading the item of a response of the public API gives."""
    answers = {f"{API}/images/variations": response_with(link), "http://images.example/a.png": redirect}
    public.scripts = [(say_by_path(answers, answer(404)),)]
    item = driver.call(image=image()).data[0]
    return outcome(lambda: driver.read(item))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "0", "169.254.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"],
)
def test_a_public_api_that_links_to_a_private_address_is_not_followed(
    make: Make, public: ScriptedServer, store: Recorder, host: str
) -> None:
    store.expect(file_response())
    port = urlsplit(store.origin).port
    with make(base_url=API, max_retries=0) as driver:
        error = item_of(driver, public, f"http://{host}:{port}/a.png")
    assert type(error) is APIConnectionError
    check_message(error)
    assert "allow_private_links=True" in str(error)
    assert store.received == []


def test_a_redirect_of_a_public_link_to_a_private_address_is_not_followed(
    make: Make, public: ScriptedServer, store: Recorder
) -> None:
    store.expect(file_response())
    redirect = answer(302, b"", f"Location: {store.origin}/a.png", "Connection: close")
    with make(base_url=API, max_retries=0) as driver:
        error = item_of(driver, public, "http://images.example/a.png", redirect)
    assert "private address" in str(error)
    assert store.received == []


def test_a_private_link_of_a_public_api_is_followed_if_that_is_allowed(
    make: Make, public: ScriptedServer, store: Recorder
) -> None:
    store.expect(file_response())
    with make(base_url=API, max_retries=0, allow_private_links=True) as driver:
        assert item_of(driver, public, f"{store.origin}/a.png") == FILE


def test_a_private_link_of_a_private_api_is_not_followed_if_that_is_forbidden(
    driver: Driver, recorder: Recorder, store: Recorder
) -> None:
    strict = driver.copy(allow_private_links=False)
    error = outcome(lambda: strict.read(item_at(strict, recorder, store, file_response())))
    assert "private address" in str(error)


@pytest.mark.parametrize("host", ["faß.example", "xn--fa-hia.example", "xn--1-zhc.example"])
def test_a_name_beyond_ascii_is_looked_up_as_it_is_connected_to(
    driver: Driver, recorder: Recorder, store: Recorder, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    look_up = socket.getaddrinfo

    def names(asked: str | bytes, *arguments: Any, **options: Any) -> Any:
        """Answer for a name server that knows the names below as private, and that of IDNA 2003 as public."""
        name = asked if isinstance(asked, bytes) else asked.encode("idna")  # as Python itself encodes a name
        address = {b"fass.example": "8.8.8.8", b"xn--fa-hia.example": "127.0.0.2", b"xn--1-zhc.example": "127.0.0.2"}
        return look_up(address.get(name, asked), *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", names)
    strict = driver.copy(allow_private_links=False)
    store.expect(file_response())
    error = outcome(
        lambda: strict.read(item_with(strict, recorder, url=f"http://{host}:{urlsplit(store.origin).port}/"))
    )
    assert "private address" in str(error)
    assert store.received == []


@given(st.ip_addresses() | st.ip_addresses(network="::ffff:0:0/96") | st.ip_addresses(network="2002::/16"))
def test_no_address_is_public_that_the_suite_holds_for_private(address: IPv4Address | IPv6Address) -> None:
    if MODULES["image_variations._links"]._is_public(address):
        assert reach(str(address)) == PUBLIC


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert MODULES["image_variations._links"]._is_public(ip_address(address))
