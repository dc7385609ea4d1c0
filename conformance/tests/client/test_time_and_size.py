"""No server can make a call last longer than its timeout, or use more memory than its limit allows."""

import gzip
import json
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from client.driving import Driver, Make, MakeHttp
from client.endings import GOOD, SLACK, TIMEOUT, checked_outcome, drip, flood
from client.subject import http
from client.uploads import image
from image_variations import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    ImagesResponse,
)
from support.loopback import ZLIB, ScriptedServer, Step, answer, hear_request, hold, say, scripted_server, wait, zeros

pytestmark = pytest.mark.slow

LIMIT = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server((hear_request,)) as server:
        yield server


@pytest.fixture(scope="module")
def driver(make: Make, server: ScriptedServer) -> Iterator[Driver]:
    with make(base_url=server.base_url, max_retries=0, timeout=TIMEOUT, max_response_bytes=LIMIT) as driver:
        yield driver


# --- slow and endless responses

_HEAD = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_LONG = _HEAD + b"Content-Length: 1000000\r\n\r\n"
# Far more than LIMIT, so that the response is never read completely.
_ENDLESS = _HEAD + b"Content-Length: 1000000000\r\n\r\n"
_SLOW_PARTS: dict[str, tuple[bytes, bytes]] = {
    "status line": (b"HTTP/1.1 200 ", b"K"),
    "header value": (_HEAD + b"X-Drip: ", b"x"),
    "headers": (_HEAD, b"X-Drip: x\r\n"),
    "informational responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body with a length": (_LONG, b" "),
    "body until the close": (_HEAD + b"\r\n", b" "),
    "chunks": (_CHUNKED, b"1\r\n \r\n"),
    "chunk size": (_CHUNKED, b"0"),
    "trailers": (_CHUNKED + b"0\r\n", b"X-Drip: x\r\n"),
    "body of an error": (_LONG.replace(b"200", b"400"), b" "),
    "body of a redirect": (_LONG.replace(b"200", b"302"), b" "),
    "gzip": (_LONG.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + gzip.compress(b"")[:10], b"\0"),
}


@pytest.mark.parametrize("part", _SLOW_PARTS)
def test_a_response_that_never_completes_raises_an_error_in_time(
    driver: Driver, server: ScriptedServer, part: str
) -> None:
    """Bytes keep arriving, so a timeout per read would never expire: the timeout must apply to the whole attempt."""
    start, repeated = _SLOW_PARTS[part]
    result = checked_outcome(driver, server, hear_request, say(start), drip(repeated))
    # An invalid response may raise an earlier error, and the status of an error response is known before its body.
    alternatives: dict[str, type[APIError]] = {
        "gzip": APIResponseValidationError,
        "chunk size": APIConnectionError,
        "body of an error": APIStatusError,
        "body of a redirect": APIStatusError,
    }
    assert isinstance(result, APITimeoutError | alternatives.get(part, APITimeoutError))


@pytest.mark.parametrize("part", _SLOW_PARTS)
def test_an_endless_response_is_given_up_in_time_and_with_little_memory(
    driver: Driver, server: ScriptedServer, part: str
) -> None:
    start, repeated = _SLOW_PARTS[part]
    peak = _peak_memory(lambda: checked_outcome(driver, server, hear_request, say(start), flood(repeated * 4000)))
    assert peak < 64 << 20


@pytest.mark.parametrize(
    "script",
    [(hold,), (hear_request, hold), (hear_request, say(_HEAD), hold)],
    ids=["before the request", "before the response", "after the status line"],
)
def test_a_server_that_stops_sending_causes_a_timeout_error_in_time(
    driver: Driver, server: ScriptedServer, script: tuple[Step, ...]
) -> None:
    result = checked_outcome(driver, server, *script)
    assert type(result) is APITimeoutError


def _peak_memory(action: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# --- connecting and sending


def test_a_connection_that_is_never_accepted_raises_a_timeout_error_in_time(make: Make) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # These connections fill the queue of the listener, so that the kernel lets the next one wait.
        for _ in range(4):
            client_socket = stack.enter_context(socket.socket())
            client_socket.setblocking(False)
            client_socket.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        with make(base_url=f"http://127.0.0.1:{port}/v1", max_retries=0, timeout=TIMEOUT) as driver:
            started = time.monotonic()
            with pytest.raises(APITimeoutError):
                driver.call(image=image())
            assert time.monotonic() - started < TIMEOUT + SLACK


def test_a_request_that_the_server_does_not_read_raises_a_timeout_error_in_time(
    driver: Driver, server: ScriptedServer
) -> None:
    """The request is larger than all socket buffers, so that sending it blocks."""
    server.scripts = [(hold,)]
    started = time.monotonic()
    with pytest.raises(APITimeoutError):
        driver.copy(preflight=False).call(image=image(32 << 20))
    assert time.monotonic() - started < TIMEOUT + SLACK


def test_a_request_that_the_server_reads_too_slowly_raises_a_timeout_error_in_time(
    driver: Driver, server: ScriptedServer
) -> None:
    def read_slowly(peer: Any) -> None:
        while not peer.stopping.wait(0.01) and peer.socket.recv(1 << 15):
            pass

    server.scripts = [(read_slowly,)]
    started = time.monotonic()
    with pytest.raises(APITimeoutError):
        driver.copy(preflight=False).call(image=image(64 << 20))
    assert time.monotonic() - started < TIMEOUT + SLACK


# --- which timeout applies


def delayed_response(seconds: float) -> tuple[Step, ...]:
    """Return the script that sends a valid response some seconds after the request."""
    return hear_request, wait(seconds), say(answer(200, GOOD, "Connection: close"))


def test_the_timeout_of_a_call_overrides_that_of_the_client(driver: Driver, server: ScriptedServer) -> None:
    server.scripts = [delayed_response(3 * TIMEOUT)]
    assert isinstance(driver.call(image=image(), timeout=20), ImagesResponse)
    assert isinstance(driver.call(image=image(), timeout=None), ImagesResponse)
    with pytest.raises(APITimeoutError):
        driver.call(image=image())
    with pytest.raises(APITimeoutError):
        driver.copy(timeout=20).call(image=image(), timeout=TIMEOUT)
    assert isinstance(driver.copy(timeout=None).call(image=image()), ImagesResponse)


def test_each_attempt_has_the_whole_timeout(driver: Driver, server: ScriptedServer) -> None:
    """Two delayed responses, each within the timeout, which together take longer than the timeout."""
    server.heard.clear()
    failing = (hear_request, wait(0.7), say(answer(500, b"", "Connection: close", "Retry-After: 0")))
    server.scripts = [failing, delayed_response(0.7)]
    assert isinstance(driver.copy(timeout=1.2, max_retries=1).call(image=image()), ImagesResponse)


def test_the_timeout_applies_to_the_body_with_an_http_client_of_the_caller(
    make: Make, make_http: MakeHttp, server: ScriptedServer
) -> None:
    with make(base_url=server.base_url, max_retries=0, timeout=TIMEOUT, http_client=make_http()) as driver:
        result = checked_outcome(driver, server, hear_request, say(_LONG), drip(b" "))
    assert type(result) is APITimeoutError


@pytest.mark.parametrize("failure", ["too large", "too slow", "invalid gzip", "too large error", "protocol switch"])
def test_a_failed_call_returns_its_connection_to_the_pool(
    make: Make, make_http: MakeHttp, server: ScriptedServer, failure: str
) -> None:
    """The pool allows one connection, so the second call succeeds only after the first has returned it."""
    scripts: dict[str, tuple[Step, ...]] = {
        "too large": (say(_ENDLESS), flood(bytes(1 << 16))),
        "too slow": (say(_LONG), drip(b" ")),
        "invalid gzip": (say(answer(200, b"no gzip", "Content-Encoding: gzip")), hold),
        "protocol switch": (say(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), hold),
        "too large error": (say(_ENDLESS.replace(b"200", b"400")), flood(bytes(1 << 16))),
    }
    http_client = make_http(limits=http.Limits(max_connections=1))
    options = {"max_retries": 0, "timeout": TIMEOUT, "max_response_bytes": LIMIT, "http_client": http_client}
    with make(base_url=server.base_url, **options) as driver:
        for _ in range(2):
            assert not isinstance(checked_outcome(driver, server, hear_request, *scripts[failure]), ImagesResponse)
            server.scripts = [(hear_request, say(answer(200, GOOD, "Connection: close")))]
            assert isinstance(driver.call(image=image(), timeout=10), ImagesResponse)


# --- size limits


def test_a_response_of_exactly_the_limit_is_read_and_a_larger_one_is_refused(
    driver: Driver, server: ScriptedServer
) -> None:
    patient_driver = driver.copy(timeout=20)
    for extra in (0, 1):
        body = GOOD + b" " * (LIMIT - len(GOOD) + extra)
        for data in (answer(200, body, "Connection: close"), b"HTTP/1.1 200 OK\r\n\r\n" + body):
            result = checked_outcome(patient_driver, server, hear_request, say(data), timeout=20)
            assert type(result) is (APIResponseValidationError if extra else ImagesResponse)


def test_a_response_with_a_content_length_over_the_limit_is_refused_at_once(
    driver: Driver, server: ScriptedServer
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
    result = checked_outcome(
        driver.copy(timeout=20), server, hear_request, say(head + b" " * LIMIT * 2), hold, timeout=0
    )
    assert type(result) is APIResponseValidationError


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: zeros(1 << 28),
    "deflate": lambda: zeros(1 << 28, ZLIB),
    "gzip, gzip": lambda: gzip.compress(zeros(1 << 28)),
}


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("encoding", BOMBS)
def test_a_compression_bomb_is_refused_with_little_memory(
    driver: Driver, server: ScriptedServer, encoding: str, status: int
) -> None:
    body = BOMBS[encoding]()
    script = (hear_request, say(answer(status, body, f"Content-Encoding: {encoding}", "Connection: close")))
    patient_driver = driver.copy(timeout=20)
    results: list[Any] = []
    peak = _peak_memory(lambda: results.append(checked_outcome(patient_driver, server, *script, timeout=20)))
    assert isinstance(
        results[0], APIResponseValidationError if status == 200 else APIStatusError | APIResponseValidationError
    )
    assert peak < 32 << 20


def test_a_compressed_response_within_the_limit_after_decompression_is_read(
    driver: Driver, server: ScriptedServer
) -> None:
    value = {"created": 1, "data": [{"url": "x"}], "more": "a" * (LIMIT - 100)}
    body = gzip.compress(json.dumps(value).encode())
    data = answer(200, body, "Content-Encoding: gzip", "Connection: close")
    result = checked_outcome(driver.copy(timeout=20), server, hear_request, say(data), timeout=20)
    assert isinstance(result, ImagesResponse)
    assert result.to_dict() == value


def test_the_content_of_an_error_is_its_first_64_kib(driver: Driver, server: ScriptedServer) -> None:
    body = bytes(range(256)) * 1000
    result = checked_outcome(driver, server, hear_request, say(answer(400, body, "Connection: close")))
    assert isinstance(result, APIStatusError)
    assert result.content == body[: 1 << 16]


def _many(items: bytes, count: int) -> bytes:
    return b'{"created":1,"data":[' + b",".join([items] * count) + b"]}"


# JSON of which each byte takes many bytes of memory once it is decoded.
STRUCTURES = {
    "objects": b"{}",
    "arrays": b"[]",
    "items": b'{"url":"x"}',
    "numbers": b"1.5",
    "members": b'{"a":{},"b":[]}',
}


@pytest.mark.parametrize("items", STRUCTURES.values(), ids=STRUCTURES)
def test_a_response_of_very_many_values_is_refused_before_they_are_built(
    make: Make, server: ScriptedServer, items: bytes
) -> None:
    text = _many(items, (50 << 20) // (len(items) + 1))
    body = gzip.compress(text, 1)
    script = (hear_request, say(answer(200, body, "Content-Encoding: gzip", "Connection: close")))
    results: list[Any] = []
    with make(base_url=server.base_url, max_retries=0, timeout=60) as driver:
        peak = _peak_memory(lambda: results.append(checked_outcome(driver, server, *script, timeout=60)))
    assert "it has more than 262144 values" in str(results[0])
    assert peak < 3 * len(text)


def test_a_response_of_as_many_values_as_are_decoded_takes_little_memory(make: Make, server: ScriptedServer) -> None:
    body = _many(b'{"url":"x"}', 100_000)
    script = (hear_request, say(answer(200, body, "Connection: close")))
    results: list[Any] = []
    with make(base_url=server.base_url, max_retries=0, timeout=60) as driver:
        peak = _peak_memory(lambda: results.append(checked_outcome(driver, server, *script, timeout=60)))
    assert len(results[0].data) == 100_000
    assert peak < 160 << 20
