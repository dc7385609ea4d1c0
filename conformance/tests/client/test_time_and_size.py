"""No server can keep a call longer than its timeout, nor make it hold more than its limit."""

import gzip
import json
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from client.driving import Driver, Make, MakeHttp
from client.endings import GOOD, SLACK, TIMEOUT, drip, ended, flood
from client.subject import http
from client.uploads import image
from image_variations import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    ImagesResponse,
)
from support.loopback import ScriptedServer, Step, answer, hear_request, hold, say, scripted_server, wait

LIMIT = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server((hear_request,)) as server:
        yield server


@pytest.fixture(scope="module")
def driver(make: Make, server: ScriptedServer) -> Iterator[Driver]:
    with make(base_url=server.base_url, max_retries=0, timeout=TIMEOUT, max_response_bytes=LIMIT) as driver:
        yield driver


# --- slow and endless

_HEAD = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_LONG = _HEAD + b"Content-Length: 1000000\r\n\r\n"
# Far more than LIMIT, so that the answer is never read to its end.
_ENDLESS = _HEAD + b"Content-Length: 1000000000\r\n\r\n"
_DRIPS: dict[str, tuple[bytes, bytes]] = {
    "status line": (b"HTTP/1.1 200 ", b"K"),
    "header value": (_HEAD + b"X-Drip: ", b"x"),
    "headers": (_HEAD, b"X-Drip: x\r\n"),
    "informational answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body with a length": (_LONG, b" "),
    "body until the close": (_HEAD + b"\r\n", b" "),
    "chunks": (_CHUNKED, b"1\r\n \r\n"),
    "size of a chunk": (_CHUNKED, b"0"),
    "trailers": (_CHUNKED + b"0\r\n", b"X-Drip: x\r\n"),
    "body of an error": (_LONG.replace(b"200", b"400"), b" "),
    "body of a redirect": (_LONG.replace(b"200", b"302"), b" "),
    "gzip": (_LONG.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + gzip.compress(b"")[:10], b"\0"),
}


@pytest.mark.parametrize("part", _DRIPS)
def test_an_answer_that_drips_ends_in_time(driver: Driver, server: ScriptedServer, part: str) -> None:
    """Each byte comes in time, all of them never: it is the whole attempt that the timeout is for."""
    begin, repeated = _DRIPS[part]
    end = ended(driver, server, hear_request, say(begin), drip(repeated))
    # What makes no sense may be given up earlier.
    sooner = {"gzip": APIResponseValidationError, "size of a chunk": APIConnectionError}
    assert isinstance(end, APITimeoutError | sooner.get(part, APITimeoutError))


@pytest.mark.parametrize("endless", _DRIPS)
def test_an_answer_without_an_end_ends_in_time_and_in_little_memory(
    driver: Driver, server: ScriptedServer, endless: str
) -> None:
    begin, repeated = _DRIPS[endless]
    peak = _peak_of(lambda: ended(driver, server, hear_request, say(begin), flood(repeated * 4000)))
    assert peak < 64 << 20


@pytest.mark.parametrize("silence", [(hold,), (hear_request, hold), (hear_request, say(_HEAD), hold)], ids=range(3))
def test_a_server_that_says_nothing_more_is_given_up_in_time(
    driver: Driver, server: ScriptedServer, silence: tuple[Step, ...]
) -> None:
    end = ended(driver, server, *silence)
    assert type(end) is APITimeoutError


def _peak_of(action: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# --- each part of an attempt


def test_a_connection_that_is_not_taken_is_given_up_in_time(make: Make) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # more than the queue of the listener takes; the kernel then lets a new one wait
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        with make(base_url=f"http://127.0.0.1:{port}/v1", max_retries=0, timeout=TIMEOUT) as driver:
            began = time.monotonic()
            with pytest.raises(APITimeoutError):
                driver.call(image=image())
            assert time.monotonic() - began < TIMEOUT + SLACK


def test_a_request_that_is_not_read_is_given_up_in_time(driver: Driver, server: ScriptedServer) -> None:
    """More than all the buffers between them hold, so that it is the sending that has to end."""
    server.scripts = [(hold,)]
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        driver.copy(preflight=False).call(image=image(32 << 20))
    assert time.monotonic() - began < TIMEOUT + SLACK


def test_a_request_that_is_read_in_drips_is_given_up_in_time(driver: Driver, server: ScriptedServer) -> None:
    def sip(peer: Any) -> None:
        while not peer.stopping.wait(0.01) and peer.socket.recv(1 << 15):
            pass

    server.scripts = [(sip,)]
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        driver.copy(preflight=False).call(image=image(64 << 20))
    assert time.monotonic() - began < TIMEOUT + SLACK


# --- which timeout counts


def late(seconds: float) -> tuple[Step, ...]:
    """Answer after so long."""
    return hear_request, wait(seconds), say(answer(200, GOOD, "Connection: close"))


def test_the_timeout_of_a_call_comes_before_that_of_the_client(driver: Driver, server: ScriptedServer) -> None:
    server.scripts = [late(3 * TIMEOUT)]
    assert isinstance(driver.call(image=image(), timeout=20), ImagesResponse)
    assert isinstance(driver.call(image=image(), timeout=None), ImagesResponse)
    with pytest.raises(APITimeoutError):
        driver.call(image=image())
    with pytest.raises(APITimeoutError):
        driver.copy(timeout=20).call(image=image(), timeout=TIMEOUT)
    assert isinstance(driver.copy(timeout=None).call(image=image()), ImagesResponse)


def test_each_attempt_has_the_whole_timeout(driver: Driver, server: ScriptedServer) -> None:
    """Two late answers, each within the timeout and both together beyond it."""
    server.heard.clear()
    failing = (hear_request, wait(0.7), say(answer(500, b"", "Connection: close", "Retry-After: 0")))
    server.scripts = [failing, late(0.7)]
    assert isinstance(driver.copy(timeout=1.2, max_retries=1).call(image=image()), ImagesResponse)


def test_the_timeout_holds_for_the_body_on_connections_of_the_callers(
    make: Make, make_http: MakeHttp, server: ScriptedServer
) -> None:
    with make(base_url=server.base_url, max_retries=0, timeout=TIMEOUT, http_client=make_http()) as driver:
        end = ended(driver, server, hear_request, say(_LONG), drip(b" "))
    assert type(end) is APITimeoutError


@pytest.mark.parametrize("bad", ["too much", "late", "broken compression", "too much of an error", "another protocol"])
def test_a_call_that_ends_badly_gives_its_connection_back(
    make: Make, make_http: MakeHttp, server: ScriptedServer, bad: str
) -> None:
    """Where there is one connection at most, a second call has to wait for it."""
    scripts: dict[str, tuple[Step, ...]] = {
        "too much": (say(_ENDLESS), flood(bytes(1 << 16))),
        "late": (say(_LONG), drip(b" ")),
        "broken compression": (say(answer(200, b"no gzip", "Content-Encoding: gzip")), hold),
        "another protocol": (say(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), hold),
        "too much of an error": (say(_ENDLESS.replace(b"200", b"400")), flood(bytes(1 << 16))),
    }
    theirs = make_http(limits=http.Limits(max_connections=1))
    options = {"max_retries": 0, "timeout": TIMEOUT, "max_response_bytes": LIMIT, "http_client": theirs}
    with make(base_url=server.base_url, **options) as driver:
        for _ in range(2):
            assert not isinstance(ended(driver, server, hear_request, *scripts[bad]), ImagesResponse)
            server.scripts = [(hear_request, say(answer(200, GOOD, "Connection: close")))]
            assert isinstance(driver.call(image=image(), timeout=10), ImagesResponse)


# --- how much


def test_an_answer_of_just_the_limit_is_read_and_one_byte_more_is_not(driver: Driver, server: ScriptedServer) -> None:
    patient = driver.copy(timeout=20)
    for extra in (0, 1):
        body = GOOD + b" " * (LIMIT - len(GOOD) + extra)
        for data in (answer(200, body, "Connection: close"), b"HTTP/1.1 200 OK\r\n\r\n" + body):
            end = ended(patient, server, hear_request, say(data), timeout=20)
            assert type(end) is (APIResponseValidationError if extra else ImagesResponse)


def test_an_answer_that_announces_too_much_is_not_waited_for(driver: Driver, server: ScriptedServer) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
    end = ended(driver.copy(timeout=20), server, hear_request, say(head + b" " * LIMIT * 2), hold, timeout=0)
    assert type(end) is APIResponseValidationError


def _bombs() -> dict[str, tuple[str, bytes]]:
    megabyte = bytes(1 << 20)

    def deflated(megabytes: int, format_bits: int) -> bytes:
        packer = zlib.compressobj(9, zlib.DEFLATED, format_bits)
        return b"".join([*(packer.compress(megabyte) for _ in range(megabytes)), packer.flush()])

    return {
        "gzip": ("gzip", deflated(256, 31)),
        "deflate": ("deflate", deflated(256, 15)),
        "gzip in gzip": ("gzip, gzip", gzip.compress(deflated(256, 31))),
    }


BOMBS = _bombs()


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_compression_bomb_is_refused_before_it_fills_the_memory(
    driver: Driver, server: ScriptedServer, bomb: str, status: int
) -> None:
    encoding, body = BOMBS[bomb]
    script = (hear_request, say(answer(status, body, f"Content-Encoding: {encoding}", "Connection: close")))
    patient = driver.copy(timeout=20)
    end: list[Any] = []
    peak = _peak_of(lambda: end.append(ended(patient, server, *script, timeout=20)))
    assert isinstance(
        end[0], APIResponseValidationError if status == 200 else APIStatusError | APIResponseValidationError
    )
    assert peak < 32 << 20


def test_the_limit_counts_what_is_read_not_what_is_sent(driver: Driver, server: ScriptedServer) -> None:
    value = {"created": 1, "data": [{"url": "x"}], "more": "a" * (LIMIT - 100)}
    body = gzip.compress(json.dumps(value).encode())
    data = answer(200, body, "Content-Encoding: gzip", "Connection: close")
    end = ended(driver.copy(timeout=20), server, hear_request, say(data), timeout=20)
    assert isinstance(end, ImagesResponse)
    assert end.to_dict() == value


def test_the_content_of_an_error_is_its_first_64_kib(driver: Driver, server: ScriptedServer) -> None:
    body = bytes(range(256)) * 1000
    end = ended(driver, server, hear_request, say(answer(400, body, "Connection: close")))
    assert isinstance(end, APIStatusError)
    assert end.content == body[: 1 << 16]
