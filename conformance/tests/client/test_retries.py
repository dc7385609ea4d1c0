"""What may pass is tried again, with the same bytes, after the right wait, and not once more than asked for."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from client.driving import Driver, Make, outcome
from client.endings import GOOD
from client.recorder import Answer, Recorder
from client.subject import MODULES, image_variations
from client.uploads import KINDS, image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import APIConnectionError, APIStatusError, APITimeoutError, ImagesResponse
from image_variations_conformance.wire import multipart
from support.loopback import ScriptedServer, Step, answer, hear, hear_request, hold, reset, say, scripted_server

LARGE = image(600_000)
RETRIED = [408, 409, 429, 500, 502, 503, 504, 520, 599, 999]
NOT_RETRIED = [301, 304, 400, 401, 403, 404, 405, 410, 413, 415, 418, 422, 451]


class Sleepless:
    """Stands in for a module whose `sleep` is to be heard of and not waited for."""

    def __init__(self, module: ModuleType, sleep: Callable[[float], Any]) -> None:
        self._module = module
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@pytest.fixture(scope="module")
def waits() -> Iterator[list[float]]:
    """The seconds of all waits, none of which takes any time."""
    heard: list[float] = []

    async def sleep(seconds: float) -> None:
        heard.append(seconds)

    with pytest.MonkeyPatch.context() as patch:
        for name, library, stand_in in (("_sending", "time", heard.append), ("_sending_async", "anyio", sleep)):
            module = MODULES[f"image_variations.{name}"]
            patch.setattr(module, library, Sleepless(getattr(module, library), stand_in))
        yield heard


@pytest.fixture(autouse=True)
def _no_waits_yet(waits: list[float]) -> None:
    waits.clear()


# --- what is tried again

PASSING: dict[str, tuple[Step, ...]] = {
    "500": (hear_request, say(answer(500, b"{}", "Connection: close"))),
    "429": (hear_request, say(answer(429, b"{}", "Connection: close", "Retry-After: 1"))),
    "reset in the request": (hear(3000), reset),
    "closed in the request": (hear(3000),),
    "closed before the request": (),
    "reset before the answer": (hear_request, reset),
    "closed before the answer": (hear_request,),
    "closed in the head": (hear_request, say(b"HTTP/1.1 200 OK\r\nContent-Le")),
    "closed in the body": (hear_request, say(answer(200, GOOD)[:-5])),
    "no HTTP": (hear_request, say(b"SSH-2.0-OpenSSH_9.9\r\n")),
}
SUCCESS = (hear_request, say(answer(200, GOOD, "Connection: close")))


def content_of(heard: bytes) -> bytes:
    """Return the content of the image in a request as it came over the wire."""
    head, _, body = heard.partition(b"\r\n\r\n")
    lines = [line.decode("latin-1").split(": ", 1) for line in head.split(b"\r\n")[1:]]
    headers = {name.lower(): value for name, value in lines}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    (part,) = multipart.decode(headers["content-type"], body)
    return part.content


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while size := int(body.partition(b"\r\n")[0], 16):
        start = body.index(b"\r\n") + 2
        whole, body = whole + body[start : start + size], body[start + size + 2 :]
    return whole


@pytest.mark.parametrize("failure", PASSING)
def test_after_a_failure_that_may_pass_the_same_image_is_sent_again(
    make: Make, failure: str, tmp_path: Path, waits: list[float]
) -> None:
    """For every kind of argument, a stream that can be read but once among them."""
    with scripted_server(SUCCESS) as server, make(base_url=server.base_url, max_retries=2) as driver:
        for kind in KINDS:
            waits.clear()
            server.heard.clear()
            server.scripts = [PASSING[failure], PASSING[failure], SUCCESS]
            with ExitStack() as stack:
                what = KINDS[kind](LARGE, tmp_path, stack)
                assert isinstance(driver.call(image=what.argument), ImagesResponse)
            assert len(server.heard) == 3
            assert len(waits) == 2
            assert content_of(bytes(server.heard[2])) == LARGE
            if failure in {"500", "429", "closed in the body"}:
                assert [content_of(bytes(heard)) for heard in server.heard] == [LARGE] * 3


@given(failures=st.lists(st.sampled_from(sorted(PASSING)), max_size=4), max_retries=st.integers(0, 4))
def test_the_number_of_attempts_is_exact(
    quiet: tuple[Driver, ScriptedServer], waits: list[float], failures: list[str], max_retries: int
) -> None:
    driver, server = quiet
    waits.clear()
    server.heard.clear()
    server.scripts = [*(PASSING[failure] for failure in failures), SUCCESS]
    end = outcome(lambda: driver.copy(max_retries=max_retries).call(image=image(5000)))
    attempts = min(max_retries, len(failures)) + 1
    assert len(server.heard) == attempts
    assert len(waits) == attempts - 1
    if len(failures) <= max_retries:
        assert isinstance(end, ImagesResponse)
    elif failures[max_retries] in {"500", "429"}:
        assert isinstance(end, APIStatusError)
        assert str(end.status_code) == failures[max_retries]
    else:
        assert type(end) is APIConnectionError


@pytest.fixture(scope="module")
def quiet(make: Make) -> Iterator[tuple[Driver, ScriptedServer]]:
    """A client and its server, which closes after each answer."""
    with scripted_server(SUCCESS) as server, make(base_url=server.base_url) as driver:
        yield driver, server


def test_two_more_attempts_are_made_where_nothing_is_said(quiet: tuple[Driver, ScriptedServer]) -> None:
    driver, server = quiet
    server.heard.clear()
    server.scripts = [PASSING["500"]]
    assert isinstance(outcome(lambda: driver.call(image=image())), APIStatusError)
    assert len(server.heard) == 3


@pytest.mark.parametrize("status", RETRIED)
def test_a_status_that_may_pass_is_tried_again(driver: Driver, recorder: Recorder, status: int) -> None:
    recorder.expect(Answer(status))
    assert isinstance(driver.call(image=image()), ImagesResponse)
    first, second = recorder.received
    assert first.parts() == second.parts()
    assert first.header("authorization") == second.header("authorization")


@pytest.mark.parametrize("status", NOT_RETRIED)
def test_a_status_that_will_not_pass_is_not_tried_again(driver: Driver, recorder: Recorder, status: int) -> None:
    recorder.expect(Answer(status, b"" if status == 304 else b"{}"))
    with pytest.raises(APIStatusError) as caught:
        driver.call(image=image())
    assert caught.value.status_code == status
    recorder.only()


def test_a_timeout_is_not_tried_again(quiet: tuple[Driver, ScriptedServer]) -> None:
    """The server may still be at work on the first; a second would cost as much again."""
    driver, server = quiet
    server.heard.clear()
    server.scripts = [(hear_request, hold)]
    assert type(outcome(lambda: driver.call(image=image(), timeout=0.2))) is APITimeoutError
    assert len(server.heard) == 1


def test_a_connection_that_is_refused_is_tried_again(make: Make, waits: list[float]) -> None:
    with make(base_url="http://127.0.0.1:1/v1", max_retries=3) as driver:
        assert type(outcome(lambda: driver.call(image=image()))) is APIConnectionError
    assert len(waits) == 3


# --- how long is waited


def waited(driver: Driver, recorder: Recorder, waits: list[float], retry_after: str, status: int = 429) -> float | None:
    """Return the wait before the second attempt; None where there was no second."""
    waits.clear()
    recorder.expect(Answer(status, b"{}", {"Retry-After": retry_after}))
    end = outcome(lambda: driver.copy(max_retries=1).call(image=image()))
    if waits:
        (wait,) = waits
        assert len(recorder.received) == 2
        assert isinstance(end, ImagesResponse)
        return wait
    assert isinstance(end, APIStatusError)
    recorder.only()
    return None


@given(status=st.sampled_from([408, 409, 429, 500, 503]), seconds=st.integers(1, 60))
def test_the_seconds_that_the_server_asks_for_are_waited(
    driver: Driver, recorder: Recorder, waits: list[float], status: int, seconds: int
) -> None:
    wait = waited(driver, recorder, waits, str(seconds), status)
    assert wait is not None
    assert seconds <= wait <= 1.25 * seconds


@given(seconds=st.integers(4, 58))
def test_the_date_that_the_server_asks_for_is_waited_for(
    driver: Driver, recorder: Recorder, waits: list[float], seconds: int
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    began = time.monotonic()
    wait = waited(driver, recorder, waits, date)
    passed = time.monotonic() - began
    assert wait is not None
    # A date has no fractions of a second, and this machine may pause in between.
    assert seconds - 1 - passed <= wait <= 1.25 * seconds + 1


@given(seconds=st.integers(61, 10**30))
def test_a_wait_that_is_too_long_is_left_to_the_caller(
    driver: Driver, recorder: Recorder, waits: list[float], seconds: int
) -> None:
    assert waited(driver, recorder, waits, str(seconds)) is None


@pytest.mark.parametrize(
    "form", [str, lambda _: "9" * 5000, lambda it: format_datetime(datetime.now(UTC) + timedelta(seconds=it))]
)
def test_an_error_that_asks_for_a_long_wait_says_for_how_long(driver: Driver, recorder: Recorder, form: Any) -> None:
    recorder.expect(Answer(429, b"{}", {"Retry-After": form(100_000)}))
    with pytest.raises(image_variations.RateLimitError) as caught:
        driver.call(image=image())
    assert caught.value.headers["retry-after"]
    recorder.only()


NONSENSE = [
    "",
    "soon",
    "-1",
    "-99999",
    "nan",
    "inf",
    "1e999",
    "0x10",
    "1,5",
    "\u00b2",
    "Wed, 99 Foo 2020 25:61:61 GMT",
    "0",
]
NONSENSE += ["Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 0000 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359 x"]


@given(text=st.sampled_from(NONSENSE) | st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12))
def test_a_wait_that_makes_no_sense_is_none_at_all(
    driver: Driver, recorder: Recorder, waits: list[float], text: str
) -> None:
    wait = waited(driver, recorder, waits, text.encode().decode("latin-1"))
    if wait is not None and not text.strip().isdecimal():
        assert 0 <= wait <= 0.5


def backoff(driver: Driver, recorder: Recorder, waits: list[float], attempts: int) -> list[float]:
    """Return the waits before so many attempts, all of which but the last fail and do not say how long to wait."""
    waits.clear()
    recorder.expect(*[Answer(500)] * attempts)
    assert isinstance(driver.copy(max_retries=attempts).call(image=image()), ImagesResponse)
    return list(waits)


def test_waits_double_from_half_a_second_to_eight_with_some_jitter(
    driver: Driver, recorder: Recorder, waits: list[float]
) -> None:
    runs = [backoff(driver, recorder, waits, 8) for _ in range(10)]
    for index, longest in enumerate([0.5, 1, 2, 4, 8, 8, 8, 8]):
        drawn = [run[index] for run in runs]
        assert all(longest / 2 <= wait <= longest for wait in drawn)
        assert len(set(drawn)) > 1


def test_hundreds_of_attempts_do_not_make_the_wait_any_longer(
    driver: Driver, recorder: Recorder, waits: list[float]
) -> None:
    assert max(backoff(driver, recorder, waits, 300)) <= 8
