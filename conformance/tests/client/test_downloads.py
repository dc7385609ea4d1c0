"""Reading an item returns all bytes of the image and never sends the key to the server that stores it."""

import base64
import gzip
import re
import time
from typing import Any

import pytest
from client.driving import KEY, Driver, Make, MakeHttp, outcome
from client.endings import SLACK, TIMEOUT, drip, flood
from client.items import FILE, file_response, item_at, item_with
from client.recorder import Recorder
from client.subject import image_variations
from hypothesis import given
from hypothesis import strategies as st
from image_variations import APITimeoutError, Image, ImageVariationsError
from support.loopback import Step, answer, hear_request, say, scripted_server

# --- base64


@given(content=st.binary(max_size=300))
def test_base64_in_an_item_is_decoded(driver: Driver, recorder: Recorder, content: bytes) -> None:
    item = Image(b64_json=base64.b64encode(content).decode()) if content else None
    if item is not None:
        assert driver.read(item) == content
    item = item_with(driver, recorder, b64_json=base64.b64encode(content + b"x").decode())
    assert driver.read(item) == content + b"x"


_NEARLY = st.builds(
    lambda content, noise, index: (
        (text := base64.b64encode(content).decode())[: index % (len(text) + 1)]
        + noise
        + text[index % (len(text) + 1) :]
    ),
    st.binary(max_size=20),
    st.sampled_from(
        ["\n", " ", "=", "==", "-", "_", "\0", "é", "A", "%", "\ud800", "\r\n", "data:image/png;base64,", ""]
    ),
    st.integers(0, 100),
)


@given(text=_NEARLY.filter(bool) | st.text(min_size=1, max_size=12))
def test_base64_is_decoded_strictly(driver: Driver, text: str) -> None:
    result = outcome(lambda: driver.read(Image(b64_json=text)))
    if re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text) and text:
        assert result == base64.b64decode(text)
    elif text.startswith("data:"):
        assert isinstance(result, bytes | ImageVariationsError)
    else:
        assert isinstance(result, ImageVariationsError)
        assert "base64" in str(result)
        assert len(str(result)) < 300


def test_an_embedded_image_is_read_up_to_max_bytes_and_refused_beyond(driver: Driver) -> None:
    item = Image(b64_json=base64.b64encode(FILE).decode())
    assert driver.read(item, max_bytes=len(FILE)) == FILE
    with pytest.raises(ImageVariationsError):
        driver.read(item, max_bytes=len(FILE) - 1)
    for url in (f"data:image/png;base64,{item.b64_json}", "data:text/plain," + "a" * len(FILE)):
        item = Image(url=url)
        assert len(driver.read(item, max_bytes=len(FILE))) == len(FILE)
        with pytest.raises(ImageVariationsError):
            driver.read(item, max_bytes=len(FILE) - 1)


def test_an_item_with_base64_and_a_link_is_read_without_a_connection(driver: Driver) -> None:
    assert driver.read(Image(b64_json="YQ==", url="http://127.0.0.1:1/a.png")) == b"a"


@pytest.mark.parametrize("members", [{}, {"b64_json": ""}, {"url": ""}, {"revised_prompt": "x"}], ids=str)
def test_reading_an_item_without_an_image_raises_an_error(
    driver: Driver, recorder: Recorder, members: dict[str, Any]
) -> None:
    for item in (Image(**members), item_with(driver, recorder, **members)):
        with pytest.raises(ImageVariationsError):
            driver.read(item)


# --- links


def test_a_link_is_fetched_with_get(driver: Driver, recorder: Recorder, store: Recorder) -> None:
    assert driver.read(item_at(driver, recorder, store, file_response())) == FILE
    assert store.only().method == "GET"
    assert store.only().target == "/a.png?signature=abc%2Fdef"


def test_a_link_is_fetched_without_the_key_headers_and_query_of_the_api(
    make: Make, recorder: Recorder, store: Recorder
) -> None:
    options = {"default_headers": {"X-Api-Key": KEY, "Cookie": f"a={KEY}"}, "default_query": {"key": KEY}}
    with make(base_url=recorder.base_url, **options) as driver:
        for same_host in (False, True):
            file_server = recorder if same_host else store
            item = item_at(driver, recorder, file_server, file_response())
            file_server.expect(file_response())
            assert driver.read(item) == FILE
            received = file_server.only()
            assert received.header("authorization") is None
            assert KEY not in str(received)
            assert received.body == b""


def test_headers_auth_and_query_of_the_callers_http_client_are_not_sent_to_the_store(
    make: Make, make_http: MakeHttp, recorder: Recorder, store: Recorder
) -> None:
    http_client = make_http(headers={"Authorization": f"Bearer {KEY}"}, auth=("me", KEY), params={"key": KEY})
    with make(base_url=recorder.base_url, http_client=http_client) as driver:
        assert driver.read(item_at(driver, recorder, store, file_response())) == FILE
    assert KEY not in str(store.only())


def test_max_bytes_of_zero_allows_an_empty_file_alone(driver: Driver, recorder: Recorder, store: Recorder) -> None:
    assert driver.read(item_at(driver, recorder, store, file_response(b"")), max_bytes=0) == b""
    with pytest.raises(image_variations.APIResponseValidationError):
        driver.read(item_at(driver, recorder, store, file_response(b"a")), max_bytes=0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_a_link_is_followed_without_the_key(
    driver: Driver, recorder: Recorder, store: Recorder, status: int
) -> None:
    item = item_at(driver, recorder, store, file_response(b"", status, {"Location": f"{recorder.origin}/b.png"}))
    recorder.expect(file_response())
    assert driver.read(item) == FILE
    received = recorder.only()
    assert (received.method, received.target) == ("GET", "/b.png")
    assert received.header("authorization") is None
    assert KEY not in str(received) + str(store.only())


def test_a_relative_redirect_of_a_link_is_followed(driver: Driver, recorder: Recorder, store: Recorder) -> None:
    item = item_at(driver, recorder, store, file_response(b"", 302, {"Location": "/b.png"}), file_response())
    assert driver.read(item) == FILE
    assert [received.target for received in store.received] == ["/a.png?signature=abc%2Fdef", "/b.png"]


def test_endless_redirects_of_a_link_raise_an_error(driver: Driver, recorder: Recorder, store: Recorder) -> None:
    redirect = file_response(b"", 302, {"Location": "/a.png"})
    with pytest.raises(ImageVariationsError):
        driver.read(item_at(driver, recorder, store, *[redirect] * 100))
    assert len(store.received) < 30


LOCATIONS = [
    "file:///etc/passwd",
    "ftp://127.0.0.1/a",
    "data:,a",
    "javascript:1",
    "http://",
    "http://[",
    "//",
    "http://\xff",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:x/",
    "\\",
    " ",
    "x" * 5000,
]


@pytest.mark.slow
@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_of_a_link_to_an_invalid_location_raises_an_error_of_the_client(
    driver: Driver, recorder: Recorder, store: Recorder, location: str
) -> None:
    redirect = file_response(b"", 302, {"Location": location})
    with pytest.raises(ImageVariationsError) as caught:
        driver.copy(max_retries=0).read(item_at(driver, recorder, store, redirect, file_response(status=404)))
    assert "httpx" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "data:,\ud800",
            "file:///etc/hostname",
            "/etc/hostname",
            "a.png",
            "ftp://127.0.0.1/a.png",
            "http://",
            "http:///a",
            "https://",
            "//a",
        ),
        *(
            "http://[/",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1:x/",
            "javascript:1",
            " ",
            "\0",
            "http://\ud800/",
            "http://127.0.0.1 /",
        ),
        *("FILE:///etc/hostname", "http+unix://%2Ftmp%2Fx/a", "blob:http://127.0.0.1/a", "mailto:a@b", "x" * 100_000),
    ],
)
def test_a_link_that_is_not_a_valid_http_url_is_refused(driver: Driver, recorder: Recorder, url: str) -> None:
    no_retries = driver.copy(max_retries=0)
    with pytest.raises(ImageVariationsError) as caught:
        no_retries.read(item_with(no_retries, recorder, url=url))
    assert "httpx" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert recorder.received == []


@pytest.mark.parametrize(
    ("url", "content"),
    [
        ("data:image/png;base64," + base64.b64encode(FILE).decode(), FILE),
        ("data:image/png;base64,%59%51%3D%3D", b"a"),
        ("data:;base64,YQ==", b"a"),
        ("data:image/png,%89PNG%00", b"\x89PNG\0"),
        ("data:image/png;base64,Y Q", None),
        ("data:image/png;base64,", b""),
        ("data:", b""),
        ("data:image/png", b""),
    ],
    ids=range(8),
)
def test_a_data_url_is_decoded_or_refused_with_a_short_message(
    driver: Driver, recorder: Recorder, url: str, content: bytes | None
) -> None:
    result = outcome(lambda: driver.read(item_with(driver, recorder, url=url)))
    if isinstance(result, ImageVariationsError):
        assert len(str(result)) < 300
    else:
        assert result == content


# --- failures of links


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, "PermissionDeniedError"), (404, "NotFoundError"), (410, "APIStatusError"), (500, "InternalServerError")],
)
def test_a_link_with_an_error_status_raises_the_error_of_its_status(
    driver: Driver, recorder: Recorder, store: Recorder, status: int, kind: str
) -> None:
    no_retries = driver.copy(max_retries=0)
    with pytest.raises(image_variations.APIStatusError) as caught:
        no_retries.read(item_at(no_retries, recorder, store, *[file_response(b"<Error>gone</Error>", status)] * 3))
    assert type(caught.value).__name__ == kind
    assert caught.value.status_code == status
    assert "signature" not in str(caught.value)


def test_a_file_of_exactly_max_bytes_is_read_and_a_larger_one_is_refused(
    driver: Driver, recorder: Recorder, store: Recorder
) -> None:
    assert driver.read(item_at(driver, recorder, store, file_response()), max_bytes=len(FILE)) == FILE
    with pytest.raises(ImageVariationsError):
        driver.read(item_at(driver, recorder, store, file_response()), max_bytes=len(FILE) - 1)


def test_max_bytes_applies_to_a_compressed_file_after_decompression(
    driver: Driver, recorder: Recorder, store: Recorder
) -> None:
    gzip_headers = {"Content-Encoding": "gzip"}
    assert (
        driver.read(item_at(driver, recorder, store, file_response(gzip.compress(FILE), headers=gzip_headers))) == FILE
    )
    bomb = file_response(gzip.compress(bytes(8 << 20)), headers=gzip_headers)
    with pytest.raises(ImageVariationsError):
        driver.read(item_at(driver, recorder, store, bomb), max_bytes=1 << 20)


FAULTY_SERVERS: dict[str, tuple[tuple[Step, ...], dict[str, Any]]] = {
    "endless": ((hear_request, say(b"HTTP/1.1 200 OK\r\n\r\n"), flood(bytes(1 << 16))), {"max_bytes": 1 << 20}),
    "truncated": ((hear_request, say(answer(200, FILE)[:-1])), {}),
    "not HTTP": ((hear_request, say(b"\0\0\0")), {}),
    "no response": ((hear_request,), {}),
}


@pytest.mark.parametrize("fault", FAULTY_SERVERS)
def test_a_faulty_file_server_causes_an_error_of_the_client_in_time(make: Make, recorder: Recorder, fault: str) -> None:
    script, arguments = FAULTY_SERVERS[fault]
    with scripted_server(script) as server, make(base_url=recorder.base_url, max_retries=0, timeout=20) as driver:
        item = item_with(driver, recorder, url=f"{server.origin}/a.png")
        started = time.monotonic()
        with pytest.raises(ImageVariationsError):
            driver.read(item, **arguments)
        assert time.monotonic() - started < SLACK


def test_a_file_that_arrives_too_slowly_raises_a_timeout_error_in_time(make: Make, recorder: Recorder) -> None:
    script = (hear_request, say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), drip(b" "))
    with scripted_server(script) as server, make(base_url=recorder.base_url, max_retries=0, timeout=TIMEOUT) as driver:
        item = item_with(driver, recorder, url=f"{server.origin}/a.png")
        started = time.monotonic()
        with pytest.raises(APITimeoutError):
            driver.read(item)
        assert time.monotonic() - started < TIMEOUT + SLACK


def test_a_link_can_be_read_after_its_client_was_closed(make: Make, recorder: Recorder, store: Recorder) -> None:
    with make(base_url=recorder.base_url) as driver:
        item = item_at(driver, recorder, store, file_response(), file_response())
        driver.close()
        assert driver.read(item) == FILE
