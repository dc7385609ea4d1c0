"""What reading an item gives: the bytes of the image, whole, without the key going to whoever keeps it."""

import base64
import gzip
import re
import time
from typing import Any

import pytest
from client.driving import KEY, Driver, Make, MakeHttp, outcome
from client.endings import SLACK, TIMEOUT, drip, flood
from client.items import FILE, item_at, item_with, kept
from client.recorder import Recorder
from client.subject import image_variations
from hypothesis import given
from hypothesis import strategies as st
from image_variations import APITimeoutError, Image, ImageVariationsError
from support.loopback import Step, answer, hear_request, say, scripted_server

# --- base64


@given(content=st.binary(max_size=300))
def test_the_bytes_in_an_item_are_read(driver: Driver, recorder: Recorder, content: bytes) -> None:
    item = Image(b64_json=base64.b64encode(content).decode()) if content else None
    if item is not None:
        assert driver.read(item) == content
    item = item_with(driver, recorder, b64_json=base64.b64encode(content + b"x").decode())
    assert driver.read(item) == content + b"x"


_NEARLY = st.builds(
    lambda content, noise, at: (
        (text := base64.b64encode(content).decode())[: at % (len(text) + 1)] + noise + text[at % (len(text) + 1) :]
    ),
    st.binary(max_size=20),
    st.sampled_from(
        ["\n", " ", "=", "==", "-", "_", "\0", "é", "A", "%", "\ud800", "\r\n", "data:image/png;base64,", ""]
    ),
    st.integers(0, 100),
)


@given(text=_NEARLY.filter(bool) | st.text(min_size=1, max_size=12))
def test_base64_is_read_strictly(driver: Driver, text: str) -> None:
    end = outcome(lambda: driver.read(Image(b64_json=text)))
    if re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text) and text:
        assert end == base64.b64decode(text)
    elif text.startswith("data:"):
        assert isinstance(end, bytes | ImageVariationsError)
    else:
        assert isinstance(end, ImageVariationsError)
        assert "base64" in str(end)
        assert len(str(end)) < 300


def test_a_large_image_is_read_within_the_limit_and_not_beyond(driver: Driver) -> None:
    item = Image(b64_json=base64.b64encode(FILE).decode())
    assert driver.read(item, max_bytes=len(FILE)) == FILE
    with pytest.raises(ImageVariationsError):
        driver.read(item, max_bytes=len(FILE) - 1)
    for url in (f"data:image/png;base64,{item.b64_json}", "data:text/plain," + "a" * len(FILE)):
        item = Image(url=url)
        assert len(driver.read(item, max_bytes=len(FILE))) == len(FILE)
        with pytest.raises(ImageVariationsError):
            driver.read(item, max_bytes=len(FILE) - 1)


def test_an_item_with_both_needs_no_connection(driver: Driver) -> None:
    assert driver.read(Image(b64_json="YQ==", url="http://127.0.0.1:1/a.png")) == b"a"


@pytest.mark.parametrize("members", [{}, {"b64_json": ""}, {"url": ""}, {"revised_prompt": "x"}], ids=str)
def test_an_item_without_an_image_says_so(driver: Driver, recorder: Recorder, members: dict[str, Any]) -> None:
    for item in (Image(**members), item_with(driver, recorder, **members)):
        with pytest.raises(ImageVariationsError):
            driver.read(item)


# --- links


def test_the_file_behind_a_link_is_read(driver: Driver, recorder: Recorder, store: Recorder) -> None:
    assert driver.read(item_at(driver, recorder, store, kept())) == FILE
    assert store.only().method == "GET"
    assert store.only().target == "/a.png?signature=abc%2Fdef"


def test_a_link_is_followed_without_anything_that_is_the_apis(make: Make, recorder: Recorder, store: Recorder) -> None:
    options = {"default_headers": {"X-Api-Key": KEY, "Cookie": f"a={KEY}"}, "default_query": {"key": KEY}}
    with make(base_url=recorder.base_url, **options) as driver:
        for same_host in (False, True):
            keeper = recorder if same_host else store
            item = item_at(driver, recorder, keeper, kept())
            keeper.expect(kept())
            assert driver.read(item) == FILE
            received = keeper.only()
            assert received.header("authorization") is None
            assert KEY not in str(received)
            assert received.body == b""


def test_the_headers_of_a_callers_own_http_client_go_nowhere_else(
    make: Make, make_http: MakeHttp, recorder: Recorder, store: Recorder
) -> None:
    theirs = make_http(headers={"Authorization": f"Bearer {KEY}"}, auth=("me", KEY), params={"key": KEY})
    with make(base_url=recorder.base_url, http_client=theirs) as driver:
        assert driver.read(item_at(driver, recorder, store, kept())) == FILE
    assert KEY not in str(store.only())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_a_link_is_followed_without_the_key(
    driver: Driver, recorder: Recorder, store: Recorder, status: int
) -> None:
    item = item_at(driver, recorder, store, kept(b"", status, {"Location": f"{recorder.origin}/b.png"}))
    recorder.expect(kept())
    assert driver.read(item) == FILE
    received = recorder.only()
    assert (received.method, received.target) == ("GET", "/b.png")
    assert received.header("authorization") is None
    assert KEY not in str(received) + str(store.only())


def test_a_relative_redirect_of_a_link_is_followed(driver: Driver, recorder: Recorder, store: Recorder) -> None:
    item = item_at(driver, recorder, store, kept(b"", 302, {"Location": "/b.png"}), kept())
    assert driver.read(item) == FILE
    assert [received.target for received in store.received] == ["/a.png?signature=abc%2Fdef", "/b.png"]


def test_redirects_without_an_end_are_given_up(driver: Driver, recorder: Recorder, store: Recorder) -> None:
    again = kept(b"", 302, {"Location": "/a.png"})
    with pytest.raises(ImageVariationsError):
        driver.read(item_at(driver, recorder, store, *[again] * 100))
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


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_to_what_is_not_http_is_an_error_of_ours(
    driver: Driver, recorder: Recorder, store: Recorder, location: str
) -> None:
    again = kept(b"", 302, {"Location": location})
    with pytest.raises(ImageVariationsError) as caught:
        driver.copy(max_retries=0).read(item_at(driver, recorder, store, again, kept(status=404)))
    assert "httpx" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *(
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
def test_a_link_that_is_not_http_is_refused(driver: Driver, recorder: Recorder, url: str) -> None:
    once = driver.copy(max_retries=0)
    with pytest.raises(ImageVariationsError) as caught:
        once.read(item_with(once, recorder, url=url))
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
def test_a_link_that_holds_the_image_is_read_or_refused(
    driver: Driver, recorder: Recorder, url: str, content: bytes | None
) -> None:
    end = outcome(lambda: driver.read(item_with(driver, recorder, url=url)))
    if isinstance(end, ImageVariationsError):
        assert len(str(end)) < 300
    else:
        assert end == content


# --- what can go wrong with a link


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, "PermissionDeniedError"), (404, "NotFoundError"), (410, "APIStatusError"), (500, "InternalServerError")],
)
def test_a_link_that_is_dead_raises_by_its_status(
    driver: Driver, recorder: Recorder, store: Recorder, status: int, kind: str
) -> None:
    once = driver.copy(max_retries=0)
    with pytest.raises(image_variations.APIStatusError) as caught:
        once.read(item_at(once, recorder, store, *[kept(b"<Error>gone</Error>", status)] * 3))
    assert type(caught.value).__name__ == kind
    assert caught.value.status_code == status
    assert "signature" not in str(caught.value)


def test_a_file_of_just_the_limit_is_read_and_one_byte_more_is_not(
    driver: Driver, recorder: Recorder, store: Recorder
) -> None:
    assert driver.read(item_at(driver, recorder, store, kept()), max_bytes=len(FILE)) == FILE
    with pytest.raises(ImageVariationsError):
        driver.read(item_at(driver, recorder, store, kept()), max_bytes=len(FILE) - 1)


def test_what_is_sent_compressed_is_limited_too(driver: Driver, recorder: Recorder, store: Recorder) -> None:
    packed = {"Content-Encoding": "gzip"}
    assert driver.read(item_at(driver, recorder, store, kept(gzip.compress(FILE), headers=packed))) == FILE
    bomb = kept(gzip.compress(bytes(8 << 20)), headers=packed)
    with pytest.raises(ImageVariationsError):
        driver.read(item_at(driver, recorder, store, bomb), max_bytes=1 << 20)


BAD: dict[str, tuple[tuple[Step, ...], dict[str, Any]]] = {
    "endless": ((hear_request, say(b"HTTP/1.1 200 OK\r\n\r\n"), flood(bytes(1 << 16))), {"max_bytes": 1 << 20}),
    "cut off": ((hear_request, say(answer(200, FILE)[:-1])), {}),
    "no HTTP": ((hear_request, say(b"\0\0\0")), {}),
    "nothing": ((hear_request,), {}),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_keeper_of_files_is_an_error_of_ours(make: Make, recorder: Recorder, bad: str) -> None:
    script, arguments = BAD[bad]
    with scripted_server(script) as server, make(base_url=recorder.base_url, max_retries=0, timeout=20) as driver:
        item = item_with(driver, recorder, url=f"{server.origin}/a.png")
        began = time.monotonic()
        with pytest.raises(ImageVariationsError):
            driver.read(item, **arguments)
        assert time.monotonic() - began < SLACK


def test_a_file_that_drips_is_given_up_in_time(make: Make, recorder: Recorder) -> None:
    script = (hear_request, say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), drip(b" "))
    with scripted_server(script) as server, make(base_url=recorder.base_url, max_retries=0, timeout=TIMEOUT) as driver:
        item = item_with(driver, recorder, url=f"{server.origin}/a.png")
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            driver.read(item)
        assert time.monotonic() - began < TIMEOUT + SLACK


def test_a_link_can_be_read_after_its_client_was_closed(make: Make, recorder: Recorder, store: Recorder) -> None:
    with make(base_url=recorder.base_url) as driver:
        item = item_at(driver, recorder, store, kept(), kept())
        driver.close()
        assert driver.read(item) == FILE
