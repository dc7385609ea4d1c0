"""The message of a connection error says what was asked for where, without what can be secret in a URL."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from client.driving import KEY, Driver, Make, MakeHttp
from client.endings import SLACK, TIMEOUT, check_message
from client.items import item_with
from client.recorder import CannedResponse, Recorder
from client.subject import http
from client.uploads import image
from image_variations import APIConnectionError, APITimeoutError, ImageVariationsError
from support.loopback import hear_request, hold, reset, say, scripted_server

TARGET = "POST /v1/images/variations at 127.0.0.1:"
SECRETS = ("s3cret", KEY)
QUERY = {"token": "s3cret"}


def failure(call: Callable[..., Any], **arguments: Any) -> APIConnectionError:
    """Return the connection error that a call raises. It contains no secret."""
    with pytest.raises(APIConnectionError) as caught:
        call(**arguments)
    check_message(caught.value)
    assert not [secret for secret in SECRETS if secret in repr(caught.value)]
    return caught.value


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


def test_a_refused_connection_names_method_path_host_and_port(make: Make, closed_port: int) -> None:
    base_url = f"http://127.0.0.1:{closed_port}/v1"
    with make(base_url=base_url, max_retries=0, default_query=QUERY) as driver:
        error = failure(driver.call, image=image(), extra_query=QUERY)
    assert str(error).startswith(f"{TARGET}{closed_port}: the connection failed: ")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ((hear_request, reset), "the connection failed: "),
        ((hear_request,), "the server broke HTTP: "),
        ((hear_request, say(b"SSH-2.0-OpenSSH_9.9\r\n")), "the server broke HTTP: "),
        ((hear_request, say(f"HTTP/1.1 {KEY}\r\n\r\n".encode())), "the server broke HTTP: "),
        ((hear_request, hold), "the server did not answer within 0.5 seconds."),
        (
            (hear_request, say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), hold),
            "the server did not answer within",
        ),
    ],
    ids=["reset", "closed", "not HTTP", "key", "silent", "silent in the body"],
)
def test_a_broken_connection_names_method_path_host_and_port(make: Make, script: Any, reason: str) -> None:
    with (
        scripted_server(script) as server,
        make(base_url=server.base_url, max_retries=0, timeout=0.5, default_query=QUERY) as driver,
    ):
        error = failure(driver.call, image=image())
    assert str(error).startswith(f"{TARGET}{server.port}: {reason}")
    assert isinstance(error, APITimeoutError) == ("answer" in reason)


@pytest.mark.parametrize(
    ("base_url", "place"),
    [
        ("http://api.example", "POST /images/variations at api.example:80"),
        ("https://api.example/v1", "POST /v1/images/variations at api.example:443"),
        ("HTTPS://API.example:8443/v1", "POST /v1/images/variations at api.example:8443"),
        ("http://[::1]/v1", "POST /v1/images/variations at [::1]:80"),
        ("http://[::1]:99/v1", "POST /v1/images/variations at [::1]:99"),
        (f"http://api.example/{KEY}", "POST /[api key]/images/variations at api.example:80"),
    ],
)
@pytest.mark.parametrize("has_request", [True, False])
def test_the_place_of_a_failure_has_the_port_of_the_scheme_and_no_key(
    make: Make, make_http: MakeHttp, base_url: str, place: str, *, has_request: bool
) -> None:
    def fail(_: Any) -> Any:
        raise http.ConnectError("no route to host") if has_request else TimeoutError

    transport = http.MockTransport(fail)
    with make(base_url=base_url, max_retries=0, http_client=make_http(transport=transport)) as driver:
        error = failure(driver.call, image=image(), extra_query=QUERY)
    assert str(error).startswith(f"{place}: ")


def test_a_connection_that_is_not_made_in_time_names_the_limit_of_connecting(make: Make, make_http: MakeHttp) -> None:
    def fail(_: Any) -> Any:
        raise http.ConnectTimeout("")

    with make(max_retries=0, http_client=make_http(transport=http.MockTransport(fail))) as driver:
        error = failure(driver.call, image=image())
        assert str(error) == f"{TARGET}8000: there was no connection within 10 seconds."
        error = failure(driver.call, image=image(), timeout=3)
        assert str(error) == f"{TARGET}8000: there was no connection within 3 seconds."


@pytest.mark.parametrize("host", ["a..b", "a" * 64, ".a"])
def test_a_host_that_cannot_be_looked_up_is_an_error_that_mentions_the_host(make: Make, host: str) -> None:
    with make(base_url=f"http://{host}/v1", max_retries=0) as driver, pytest.raises(ImageVariationsError) as caught:
        driver.call(image=image())
    assert "host" in str(caught.value) or host in str(caught.value)


def test_missing_certificates_of_the_environment_are_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    with make(base_url="https://127.0.0.1:1/v1") as driver, pytest.raises(ImageVariationsError, match="SSL_CERT_FILE"):
        driver.call(image=image())


# --- downloads


@pytest.mark.parametrize("kind", ["refused", "reset", "silent"])
def test_a_failed_download_names_the_host_of_the_link_and_nothing_else_of_it(
    make: Make, recorder: Recorder, closed_port: int, kind: str
) -> None:
    with (
        scripted_server((hear_request, reset if kind == "reset" else hold)) as server,
        make(base_url=recorder.base_url, max_retries=0, timeout=0.5) as driver,
    ):
        port = closed_port if kind == "refused" else server.port
        item = item_with(driver, recorder, url=f"http://me:s3cret@127.0.0.1:{port}/s3cret?signature=s3cret")
        error = failure(lambda: driver.read(item))
    assert str(error).startswith(f"Download from 127.0.0.1:{port}: the ")


def test_a_download_that_fails_after_a_redirect_names_the_host_of_the_redirect(
    make: Make, recorder: Recorder, closed_port: int
) -> None:
    with make(base_url=recorder.base_url, max_retries=0) as driver:
        item = item_with(driver, recorder, url=f"{recorder.origin}/s3cret")
        location = f"http://127.0.0.1:{closed_port}/s3cret?signature=s3cret"
        recorder.expect(CannedResponse(302, b"", {"Location": location}))
        error = failure(lambda: driver.read(item))
    assert str(error).startswith(f"Download from 127.0.0.1:{closed_port}: the connection failed: ")


@pytest.mark.parametrize(
    "url",
    [
        *("http://", "http://[", "http://s3cret@", "http://\0/s3cret"),
        *("http://a..b/s3cret", "http://xn--/s3cret", "http://é..example/s3cret"),
    ],
)
def test_a_link_that_is_no_url_is_not_repeated(driver: Driver, recorder: Recorder, url: str) -> None:
    error = failure(lambda: driver.read(item_with(driver, recorder, url=url)))
    assert str(error).startswith("Download")
    assert json.dumps(str(error)).isascii()


@pytest.mark.parametrize("port", [65_536, 75_036, 99_999])
def test_a_link_with_a_port_that_does_not_exist_is_not_fetched_from_another_port(
    driver: Driver, recorder: Recorder, port: int
) -> None:
    error = failure(lambda: driver.read(item_with(driver, recorder, url=f"http://127.0.0.1:{port}/s3cret")))
    assert "cannot be fetched" in str(error)


@pytest.mark.slow
def test_the_timeout_limits_connecting_to_all_addresses_of_a_host_together(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def with_many_addresses(*arguments: Any, **options: Any) -> Any:
        return look_up(*arguments, **options) * 40

    monkeypatch.setattr(socket, "getaddrinfo", with_many_addresses)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(3):  # as many as the system holds for a server that accepts none
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        with make(base_url=f"http://127.0.0.1:{full.getsockname()[1]}/v1", max_retries=0, timeout=TIMEOUT) as driver:
            started = time.monotonic()
            error = failure(driver.call, image=image())
    assert isinstance(error, APITimeoutError)
    assert time.monotonic() - started < TIMEOUT + SLACK


def test_a_host_is_connected_to_at_its_second_address_where_the_first_one_refuses(
    make: Make, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def with_two_addresses(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in {"api.example", b"api.example"}:
            return look_up(host, *arguments, **options)
        return look_up("127.0.0.3", *arguments, **options) + look_up("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", with_two_addresses)
    recorder.expect()
    port = recorder.origin.rpartition(":")[2]
    with make(base_url=f"http://api.example:{port}/v1", max_retries=0) as driver:
        assert driver.call(image=image()).data
