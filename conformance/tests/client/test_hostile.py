"""Every call to a hostile server ends in time, with a response or with an error of the client with a safe message."""

import gzip
import json
from collections.abc import Iterator

import pytest
from client.driving import KEY, Driver, Make, outcome
from client.endings import GOOD, TIMEOUT, checked_outcome
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

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server((hear_request,)) as server:
        yield server


@pytest.fixture(scope="module")
def driver(make: Make, server: ScriptedServer) -> Iterator[Driver]:
    with make(base_url=server.base_url, max_retries=0, timeout=TIMEOUT, max_response_bytes=1 << 20) as driver:
        yield driver


# --- arbitrary bytes

_BODIES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([GOOD, b"{}", b"null", b'{"error": {"message": "no", "type": "t", "param": null, "code": null}}']),
    st.sampled_from(
        [b'{"error": "no"}', b'{"error": {"message": ["no"], "code": 7}}', b'{"error": null}', b"[[[[", b"NaN"]
    ),
    st.just(gzip.compress(GOOD)),
)
_HEADER_NAMES = st.sampled_from(
    [
        *("Content-Length", "Transfer-Encoding", "Content-Encoding", "Content-Type", "Location", "Retry-After"),
        *("Set-Cookie", "Connection", "X-Request-Id", "Date", "WWW-Authenticate", "Trailer", "Upgrade", "Link"),
    ]
)
_HEADER_VALUES = st.sampled_from(
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
    st.tuples(_HEADER_NAMES.map(str.encode) | st.binary(max_size=6), _HEADER_VALUES | st.binary(max_size=12)),
    max_size=5,
).map(lambda lines: b"".join(name + b": " + value + b"\r\n" for name, value in lines))


def _response(status: int, reason: bytes, headers: bytes, length: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %d %b\r\n%b%b\r\n%b" % (status, reason, headers, length.replace(b"<>", b"%d" % len(body)), body)


_RESPONSES = st.builds(
    _response,
    st.integers(100, 999),
    st.sampled_from([b"OK", b"", b"\xff\0", KEY.encode(), b"x" * 3000]),
    _HEADERS,
    st.sampled_from([b"Content-Length: <>\r\n", b"", b"Content-Length: <>0\r\n"]),
    _BODIES,
)
_ENDINGS: dict[str, tuple[Step, ...]] = {
    "closed": (),
    "reset": (reset,),
    "open until the client closes": (hear_the_end,),
    "followed by more bytes": (say(GOOD),),
}


@given(data=HTTPISH | _RESPONSES, ending=st.sampled_from(["closed"] * 6 + sorted(_ENDINGS)))
def test_arbitrary_bytes_give_a_response_or_an_error_of_the_client(
    driver: Driver, server: ScriptedServer, data: bytes, ending: str
) -> None:
    checked_outcome(driver, server, hear_request, say(data), *_ENDINGS[ending])


@given(data=st.binary(max_size=200))
def test_a_valid_head_with_an_arbitrary_body_gives_a_response_or_an_error_of_the_client(
    driver: Driver, server: ScriptedServer, data: bytes
) -> None:
    checked_outcome(driver, server, hear_request, say(answer(200, data, "Connection: close")))


@given(status=st.integers(200, 999), body=_BODIES, headers=_HEADERS)
def test_every_status_gives_a_response_or_an_error_of_the_client(
    driver: Driver, server: ScriptedServer, status: int, body: bytes, headers: bytes
) -> None:
    data = _response(status, b"Whatever", headers, b"Content-Length: <>\r\n", body)
    result = checked_outcome(driver, server, hear_request, say(data))
    if isinstance(result, APIStatusError):
        assert result.status_code == status
        assert status != 200
    if isinstance(result, ImagesResponse):
        assert 200 <= status <= 299


@given(
    cookie=st.binary(max_size=12) | st.sampled_from([b"a=\xff", b"a=b\x01", b"=", b"a=" + b"b" * 5000, b"a=\xc3\xa9"])
)
def test_an_arbitrary_cookie_does_not_make_the_next_call_fail(
    server: ScriptedServer, separate_driver: Driver, cookie: bytes
) -> None:
    """A client is used for many calls, so no response may leave a state that makes the later calls fail."""
    line = cookie.translate(None, b"\r\n\0").strip()
    data = answer(200, GOOD, "Connection: close", "Set-Cookie: <>").replace(b"<>", line)
    checked_outcome(separate_driver, server, hear_request, say(data), timeout=20)
    result = checked_outcome(
        separate_driver, server, hear_request, say(answer(200, GOOD, "Connection: close")), timeout=20
    )
    assert isinstance(result, ImagesResponse)


@pytest.fixture(scope="module")
def separate_driver(make: Make, server: ScriptedServer) -> Iterator[Driver]:
    """A driver with its own client, whose cookies do not affect other tests."""
    with make(base_url=server.base_url, max_retries=0, timeout=20) as driver:
        yield driver


# --- a valid response in different framings


@st.composite
def _framed(draw: st.DrawFn) -> tuple[list[bytes], bool]:
    """Draw the pieces of a valid response, and whether only closing the connection marks its end."""
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
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    headers = [header.swapcase() if draw(st.booleans()) else header for header in draw(st.permutations(headers))]
    data = b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"", body])
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    pieces = [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return pieces, framing == "close"


@given(framed_response=_framed())
def test_a_valid_response_in_any_framing_and_any_pieces_is_parsed(
    server: ScriptedServer, framed_response: tuple[list[bytes], bool], patient_driver: Driver
) -> None:
    pieces, _ = framed_response
    result = checked_outcome(patient_driver, server, hear_request, *(say(piece) for piece in pieces), timeout=20)
    assert isinstance(result, ImagesResponse)
    assert result.to_dict() == json.loads(GOOD)


@given(framed_response=_framed(), part=st.floats(0, 1, exclude_max=True), last=st.sampled_from([(), (reset,)]))
def test_a_truncated_response_raises_an_error_of_the_client(
    server: ScriptedServer,
    framed_response: tuple[list[bytes], bool],
    part: float,
    last: tuple[Step, ...],
    patient_driver: Driver,
) -> None:
    pieces, ends_by_close = framed_response
    data = b"".join(pieces)
    result = checked_outcome(
        patient_driver, server, hear_request, say(data[: int(part * len(data))]), *last, timeout=20
    )
    assert isinstance(result, ImageVariationsError)
    if not ends_by_close:
        assert type(result) is APIConnectionError


@pytest.fixture(scope="module")
def patient_driver(make: Make, server: ScriptedServer) -> Iterator[Driver]:
    """A driver with a timeout that is long enough never to expire."""
    with make(base_url=server.base_url, max_retries=0, timeout=20) as driver:
        yield driver


def test_informational_responses_before_the_final_response_are_ignored(
    patient_driver: Driver, server: ScriptedServer
) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    result = checked_outcome(
        patient_driver, server, hear_request, say(early + answer(200, GOOD, "Connection: close")), timeout=20
    )
    assert isinstance(result, ImagesResponse)


def test_a_response_before_the_end_of_a_large_request_is_read(make: Make, server: ScriptedServer) -> None:
    """For example, a proxy may refuse a large upload by its length and then close the connection."""
    server.scripts = [(hear(1000), say(answer(413, b"too large")), hear_the_end)]
    with make(base_url=server.base_url, max_retries=0, timeout=20, preflight=False) as driver:
        result = outcome(lambda: driver.call(image=image(3 << 20)))
    assert isinstance(result, APIStatusError)
    assert result.status_code == 413
