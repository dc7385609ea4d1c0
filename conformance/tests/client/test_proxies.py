"""Proxies of the environment: which are used, within the timeout of the call, and with encryption in encryption."""

import importlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from client.driving import Make, outcome
from client.endings import GOOD, TIMEOUT, checked_outcome, drip
from client.recorder import Recorder
from client.subject import MODULES, http
from client.uploads import image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import APITimeoutError, ImageVariationsError
from support.certificates import self_signed, server_side
from support.loopback import answer, answering, hear_request, say, scripted_server

_ABSENT_PROXY = "http://127.0.0.1:9"
_DRIPPED_HEADERS = (hear_request, say(b"HTTP/1.1 200 OK\r\n"), drip(b"X-Drip: x\r\n"))
# The base URL and the environment; {server} is the origin of the scripted server.
_PROXIED = {
    "by HTTP_PROXY": ("http://api.example/v1", {"HTTP_PROXY": "{server}"}),
    "by HTTP_PROXY with a user": ("http://api.example/v1", {"HTTP_PROXY": "http://me:secret@{host}"}),
    "by ALL_PROXY": ("http://api.example/v1", {"ALL_PROXY": "{host}"}),
    "in a tunnel": ("https://api.example/v1", {"HTTPS_PROXY": "{server}"}),
    "past NO_PROXY": ("{server}/v1", {"HTTP_PROXY": _ABSENT_PROXY, "NO_PROXY": "example.com,127.0.0.1"}),
    "past NO_PROXY for all": ("{server}/v1", {"ALL_PROXY": _ABSENT_PROXY, "NO_PROXY": "*"}),
    "past a proxy for https": ("{server}/v1", {"HTTPS_PROXY": _ABSENT_PROXY}),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", _PROXIED)
def test_the_timeout_limits_the_whole_attempt_with_proxies_in_the_environment(
    make: Make, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    base_url, environment = _PROXIED[way]
    with scripted_server(_DRIPPED_HEADERS) as server:
        names = {"server": server.origin, "host": f"127.0.0.1:{server.port}"}
        for name, value in environment.items():
            monkeypatch.setenv(name, value.format(**names))
        with make(base_url=base_url.format(**names), max_retries=0, timeout=TIMEOUT) as driver:
            result = checked_outcome(driver, server, *_DRIPPED_HEADERS)
    assert type(result) is APITimeoutError
    assert len(server.heard) == 1


_HOSTS = st.sampled_from(
    [
        *("*", "", "localhost", "LOCALHOST", "127.0.0.1", "10.0.0.0/8", "::1", "fe80::1", "example.com"),
        *(".example.com", "http://one.example", "all://two.example:8080", "three.example:80", " spaced.example "),
    ]
)
_URLS = st.sampled_from(["", "proxy.example:3128", "http://proxy.example", "https://proxy.example:1", "socks5://p:1"])


@given(st.fixed_dictionaries(dict.fromkeys(("http", "https", "all"), _URLS)), st.lists(_HOSTS, max_size=4))
def test_proxies_are_read_from_the_environment_as_the_http_library_reads_them(
    urls: dict[str, str], hosts: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, url in urls.items():
            patch.setenv(f"{name}_proxy", url)
        patch.setenv("no_proxy", ",".join(hosts))
        expected = importlib.import_module(f"{http.__name__}._utils").get_environment_proxies()
        found = MODULES["image_variations._proxies"].environment_proxies()
    assert {pattern: proxy if proxy is None else proxy.url for pattern, proxy in found.items()} == {
        pattern: url if url is None else http.URL(url) for pattern, url in expected.items()
    }


@pytest.mark.parametrize("host", ["[::1]", "::1", "::1/128", "[::1],127.0.0.1", "local host", "fe80::1%lo"])
def test_a_call_works_with_any_address_in_no_proxy(
    make: Make, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("NO_PROXY", host)
    recorder.expect()
    with make(base_url=recorder.base_url, max_retries=0) as driver:
        driver.call(image=image())


def test_an_address_of_version_6_in_no_proxy_is_connected_to_without_the_proxy(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", _ABSENT_PROXY)
    for written in ("::1", "[::1]", "::1/128"):
        monkeypatch.setenv("NO_PROXY", f"example.com,{written}")
        with (
            scripted_server(*answering(answer(200, GOOD)), host="::1") as server,
            make(base_url=f"http://[::1]:{server.port}/v1", max_retries=0) as driver,
        ):
            driver.call(image=image())


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("NO_PROXY", "localhost,foo:bar", "'foo:bar'"),
        ("NO_PROXY", "é.example", "'é.example'"),
        ("HTTP_PROXY", "http://proxy:port", "'http://proxy:port'"),
        ("HTTPS_PROXY", "ftp://proxy", "'ftp://proxy'"),
        ("ALL_PROXY", "http://me:secret@127.0.0.1:75036", "'127.0.0.1:75036'"),
        ("ALL_PROXY", "http://", "'http://'"),
    ],
)
def test_a_proxy_variable_that_cannot_be_read_is_named_with_its_value_but_not_its_password(
    make: Make, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, shown: str
) -> None:
    monkeypatch.setenv(variable, value)
    with make(base_url=recorder.base_url, max_retries=0) as driver:
        error = outcome(lambda: driver.call(image=image()))
    assert isinstance(error, ImageVariationsError)
    assert variable in str(error)
    assert shown in str(error)
    assert "secret" not in str(error)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def _tunnel(tls: ssl.SSLContext) -> Iterator[int]:
    """Run a proxy with TLS that opens one tunnel to where the client asks for, and yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with tls.wrap_socket(connection, server_side=True) as near:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += near.recv(1 << 16)
                port = re.match(rb"CONNECT 127\.0\.0\.1:(\d+) ", head)
                assert port is not None
                with socket.create_connection(("127.0.0.1", int(port[1]))) as far:
                    near.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                    upward = threading.Thread(target=_copy, args=(near, far))
                    upward.start()
                    _copy(far, near)
                    upward.join(20)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(20)


def test_a_large_file_is_sent_encrypted_to_a_server_behind_a_proxy_with_tls(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The connection to the server is encrypted within the encrypted connection to the proxy."""
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    content = image(3_000_000)
    tls = server_side(certificate)
    with scripted_server(*answering(answer(200, GOOD)), tls=tls) as server, _tunnel(tls) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{port}")
        with make(base_url=f"https://127.0.0.1:{server.port}/v1", max_retries=0, timeout=30) as driver:
            assert driver.call(image=content).data
    assert content in bytes(server.heard[0])


@pytest.mark.slow
def test_the_timeout_limits_an_encrypted_handshake_within_the_encrypted_connection_to_a_proxy(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    start_of_a_record = b"\x16\x03\x03\x02\x00"
    script = (hear_request, say(b"HTTP/1.1 200 Connected\r\n\r\n"), say(start_of_a_record), drip(b"\0"))
    with scripted_server(script, tls=server_side(certificate)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        with make(base_url="https://api.example/v1", max_retries=0, timeout=TIMEOUT) as driver:
            assert type(checked_outcome(driver, proxy, *script)) is APITimeoutError
