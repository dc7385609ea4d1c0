"""Whatever a server does, a call ends: with a value or with an error of ours, in time, and with a fit message."""

import gzip
import json
from collections.abc import Iterator

import pytest
from client.driving import KEY, Driver, Make, outcome
from client.endings import GOOD, TIMEOUT, ended
from client.uploads import image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import APIConnectionError, APIStatusError, ImagesResponse, ImageVariationsError
from support.loopback import (
    HTTPISH,
    ScriptedServer,
    Step,
    answer,
    hear,
    hear_request,
    hear_the_end,
    reset,
    say,
    scripted_server,
)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server((hear_request,)) as server:
        yield server


@pytest.fixture(scope="module")
def driver(make: Make, server: ScriptedServer) -> Iterator[Driver]:
    with make(base_url=server.base_url, max_retries=0, timeout=TIMEOUT, max_response_bytes=1 << 20) as driver:
        yield driver


# --- any bytes

_BODIES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([GOOD, b"{}", b"null", b'{"error": {"message": "no", "type": "t", "param": null, "code": null}}']),
    st.sampled_from(
        [b'{"error": "no"}', b'{"error": {"message": ["no"], "code": 7}}', b'{"error": null}', b"[[[[", b"NaN"]
    ),
    st.just(gzip.compress(GOOD)),
)
_NAMES = st.sampled_from(
    [
        *("Content-Length", "Transfer-Encoding", "Content-Encoding", "Content-Type", "Location", "Retry-After"),
        *("Set-Cookie", "Connection", "X-Request-Id", "Date", "WWW-Authenticate", "Trailer", "Upgrade", "Link"),
    ]
)
_SETTINGS = st.sampled_from(
    [
        *(b"0", b"3", b"-1", b"18446744073709551616", b"chunked", b"gzip", b"deflate", b"br", b"zstd", b"identity"),
        *(
            b"gzip, gzip",
            b"close",
            b"keep-alive",
            b"upgrade",
            b"/",
            b"http://[",
            b"application/json",
            b"text/html;charset=x",
        ),
        *(b"text/plain; charset=\xff", b"a=b; Max-Age=x", KEY.encode(), b"", b"Wed, 99 Foo 2020", b"9" * 5000),
    ]
)
_HEADERS = st.lists(
    st.tuples(_NAMES.map(str.encode) | st.binary(max_size=6), _SETTINGS | st.binary(max_size=12)), max_size=5
).map(lambda lines: b"".join(name + b": " + value + b"\r\n" for name, value in lines))


def _answer(status: int, reason: bytes, headers: bytes, length: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %d %b\r\n%b%b\r\n%b" % (status, reason, headers, length.replace(b"<>", b"%d" % len(body)), body)


_ANSWERS = st.builds(
    _answer,
    st.integers(100, 999),
    st.sampled_from([b"OK", b"", b"\xff\0", KEY.encode(), b"x" * 3000]),
    _HEADERS,
    st.sampled_from([b"Content-Length: <>\r\n", b"", b"Content-Length: <>0\r\n"]),
    _BODIES,
)
_ENDINGS: dict[str, tuple[Step, ...]] = {
    "closed": (),
    "reset": (reset,),
    "heard out": (hear_the_end,),
    "repeated": (say(GOOD),),
}


@given(data=HTTPISH | _ANSWERS, ending=st.sampled_from(["closed"] * 6 + sorted(_ENDINGS)))
def test_any_bytes_at_all_give_a_value_or_an_error_of_ours(
    driver: Driver, server: ScriptedServer, data: bytes, ending: str
) -> None:
    ended(driver, server, hear_request, say(data), *_ENDINGS[ending])


@given(data=st.binary(max_size=200))
def test_any_body_with_a_good_head_gives_a_value_or_an_error_of_ours(
    driver: Driver, server: ScriptedServer, data: bytes
) -> None:
    ended(driver, server, hear_request, say(answer(200, data, "Connection: close")))


@given(status=st.integers(200, 999), body=_BODIES, headers=_HEADERS)
def test_any_status_gives_a_value_or_an_error_of_ours(
    driver: Driver, server: ScriptedServer, status: int, body: bytes, headers: bytes
) -> None:
    data = _answer(status, b"Whatever", headers, b"Content-Length: <>\r\n", body)
    end = ended(driver, server, hear_request, say(data))
    if isinstance(end, APIStatusError):
        assert end.status_code == status
        assert status != 200
    if isinstance(end, ImagesResponse):
        assert 200 <= status <= 299


@given(
    cookie=st.binary(max_size=12) | st.sampled_from([b"a=\xff", b"a=b\x01", b"=", b"a=" + b"b" * 5000, b"a=\xc3\xa9"])
)
def test_no_cookie_of_a_server_gets_in_the_way_of_the_next_call(
    server: ScriptedServer, other: Driver, cookie: bytes
) -> None:
    """A client lives long, and what one answer left behind must not make all calls after it fail."""
    line = cookie.translate(None, b"\r\n\0").strip()
    data = answer(200, GOOD, "Connection: close", "Set-Cookie: <>").replace(b"<>", line)
    ended(other, server, hear_request, say(data), timeout=20)
    end = ended(other, server, hear_request, say(answer(200, GOOD, "Connection: close")), timeout=20)
    assert isinstance(end, ImagesResponse)


@pytest.fixture(scope="module")
def other(make: Make, server: ScriptedServer) -> Iterator[Driver]:
    """A client that no other test is to suffer from."""
    with make(base_url=server.base_url, max_retries=0, timeout=20) as driver:
        yield driver


# --- a good answer, in any of the ways it can come


@st.composite
def _framed(draw: st.DrawFn) -> tuple[list[bytes], bool]:
    """Draw the pieces in which a good answer comes, and whether its end is marked by the close alone."""
    body, headers = GOOD, [b"Content-Type: application/json", b"Connection: close"]
    if draw(st.booleans()):
        body = gzip.compress(body, mtime=0)
        headers.append(b"Content-Encoding: gzip")
    framing = draw(st.sampled_from(["length", "chunks", "close"]))
    if framing == "length":
        headers.append(b"Content-Length: %d" % len(body))
    if framing == "chunks":
        headers.append(b"Transfer-Encoding: chunked")
        size = draw(st.integers(1, len(body)))
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    headers = [header.swapcase() if draw(st.booleans()) else header for header in draw(st.permutations(headers))]
    data = b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"", body])
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    return [data[at:to] for at, to in zip([0, *cuts], [*cuts, len(data)], strict=True)], framing == "close"


@given(framed=_framed())
def test_a_good_answer_is_read_in_whatever_pieces_it_comes(
    server: ScriptedServer, framed: tuple[list[bytes], bool], patient: Driver
) -> None:
    pieces, _ = framed
    end = ended(patient, server, hear_request, *(say(piece) for piece in pieces), timeout=20)
    assert isinstance(end, ImagesResponse)
    assert end.to_dict() == json.loads(GOOD)


@given(framed=_framed(), part=st.floats(0, 1, exclude_max=True), last=st.sampled_from([(), (reset,)]))
def test_an_answer_that_is_cut_off_is_never_taken_for_a_whole_one(
    server: ScriptedServer, framed: tuple[list[bytes], bool], part: float, last: tuple[Step, ...], patient: Driver
) -> None:
    pieces, ends_by_close = framed
    data = b"".join(pieces)
    end = ended(patient, server, hear_request, say(data[: int(part * len(data))]), *last, timeout=20)
    assert isinstance(end, ImageVariationsError)
    if not ends_by_close:
        assert type(end) is APIConnectionError


@pytest.fixture(scope="module")
def patient(make: Make, server: ScriptedServer) -> Iterator[Driver]:
    """A client with time enough, for what must not run out of it."""
    with make(base_url=server.base_url, max_retries=0, timeout=20) as driver:
        yield driver


def test_informational_answers_before_the_real_one_are_passed_over(patient: Driver, server: ScriptedServer) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    end = ended(patient, server, hear_request, say(early + answer(200, GOOD, "Connection: close")), timeout=20)
    assert isinstance(end, ImagesResponse)


def test_an_answer_before_the_end_of_a_large_request_is_heard(make: Make, server: ScriptedServer) -> None:
    """As where a proxy refuses a large upload by its length, and closes once it has said so."""
    server.scripts = [(hear(1000), say(answer(413, b"too large")), hear_the_end)]
    with make(base_url=server.base_url, max_retries=0, timeout=20, preflight=False) as driver:
        end = outcome(lambda: driver.call(image=image(3 << 20)))
    assert isinstance(end, APIStatusError)
    assert end.status_code == 413
