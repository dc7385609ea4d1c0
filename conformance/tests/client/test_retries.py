"""Transient failures are retried with the same bytes, after the right wait, at most `max_retries` times."""

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
from client.recorder import CannedResponse, Recorder
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


class ModuleWithFakeSleep:
    """A replacement for a module that has another function `sleep`."""

    def __init__(self, module: ModuleType, sleep: Callable[[float], Any]) -> None:
        self._module = module
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@pytest.fixture(scope="module")
def waits() -> Iterator[list[float]]:
    """The durations in seconds of all waits of the client. The waits are recorded and skipped."""
    recorded: list[float] = []

    async def sleep(seconds: float) -> None:
        recorded.append(seconds)

    with pytest.MonkeyPatch.context() as patch:
        for name, library, fake_sleep in (("_sending", "time", recorded.append), ("_sending_async", "anyio", sleep)):
            module = MODULES[f"image_variations.{name}"]
            patch.setattr(module, library, ModuleWithFakeSleep(getattr(module, library), fake_sleep))
        yield recorded


@pytest.fixture(autouse=True)
def _clear_waits(waits: list[float]) -> None:
    waits.clear()


# --- what is retried

TRANSIENT_FAILURES: dict[str, tuple[Step, ...]] = {
    "500": (hear_request, say(answer(500, b"{}", "Connection: close"))),
    "429": (hear_request, say(answer(429, b"{}", "Connection: close", "Retry-After: 1"))),
    "reset during the request": (hear(3000), reset),
    "closed during the request": (hear(3000),),
    "closed before the request": (),
    "reset before the response": (hear_request, reset),
    "closed before the response": (hear_request,),
    "closed during the head": (hear_request, say(b"HTTP/1.1 200 OK\r\nContent-Le")),
    "closed during the body": (hear_request, say(answer(200, GOOD)[:-5])),
    "not HTTP": (hear_request, say(b"SSH-2.0-OpenSSH_9.9\r\n")),
}
SUCCESS = (hear_request, say(answer(200, GOOD, "Connection: close")))


def content_of(heard: bytes) -> bytes:
    """Return the image in the raw bytes of a request whose form has only the image."""
    head, _, body = heard.partition(b"\r\n\r\n")
    lines = [line.decode("latin-1").split(": ", 1) for line in head.split(b"\r\n")[1:]]
    headers = {name.lower(): value for name, value in lines}
    if headers.get("transfer-encoding") == "chunked":
        body = _decode_chunks(body)
    (part,) = multipart.decode(headers["content-type"], body)
    return part.content


def _decode_chunks(body: bytes) -> bytes:
    content = b""
    while size := int(body.partition(b"\r\n")[0], 16):
        start = body.index(b"\r\n") + 2
        content, body = content + body[start : start + size], body[start + size + 2 :]
    return content


@pytest.mark.slow
@pytest.mark.parametrize("failure", TRANSIENT_FAILURES)
def test_a_retry_after_a_transient_failure_sends_the_same_image(
    make: Make, failure: str, tmp_path: Path, waits: list[float]
) -> None:
    """This holds for every kind of argument, including streams that can be read only once."""
    with scripted_server(SUCCESS) as server, make(base_url=server.base_url, max_retries=2) as driver:
        for kind in KINDS:
            waits.clear()
            server.heard.clear()
            server.scripts = [TRANSIENT_FAILURES[failure], TRANSIENT_FAILURES[failure], SUCCESS]
            with ExitStack() as stack:
                argument = KINDS[kind](LARGE, tmp_path, stack).argument
                assert isinstance(driver.call(image=argument), ImagesResponse)
            assert len(server.heard) == 3
            assert len(waits) == 2
            assert content_of(bytes(server.heard[2])) == LARGE
            if failure in {"500", "429", "closed during the body"}:
                assert [content_of(bytes(heard)) for heard in server.heard] == [LARGE] * 3


@given(failures=st.lists(st.sampled_from(sorted(TRANSIENT_FAILURES)), max_size=4), max_retries=st.integers(0, 4))
def test_the_number_of_attempts_is_one_plus_the_retries_that_are_needed_and_allowed(
    driver_and_server: tuple[Driver, ScriptedServer], waits: list[float], failures: list[str], max_retries: int
) -> None:
    driver, server = driver_and_server
    waits.clear()
    server.heard.clear()
    server.scripts = [*(TRANSIENT_FAILURES[failure] for failure in failures), SUCCESS]
    result = outcome(lambda: driver.copy(max_retries=max_retries).call(image=image(5000)))
    attempts = min(max_retries, len(failures)) + 1
    assert len(server.heard) == attempts
    assert len(waits) == attempts - 1
    if len(failures) <= max_retries:
        assert isinstance(result, ImagesResponse)
    elif failures[max_retries] in {"500", "429"}:
        assert isinstance(result, APIStatusError)
        assert str(result.status_code) == failures[max_retries]
    else:
        assert type(result) is APIConnectionError


@pytest.fixture(scope="module")
def driver_and_server(make: Make) -> Iterator[tuple[Driver, ScriptedServer]]:
    """A driver and its server, which closes the connection after each response."""
    with scripted_server(SUCCESS) as server, make(base_url=server.base_url) as driver:
        yield driver, server


def test_two_retries_are_made_by_default(driver_and_server: tuple[Driver, ScriptedServer]) -> None:
    driver, server = driver_and_server
    server.heard.clear()
    server.scripts = [TRANSIENT_FAILURES["500"]]
    assert isinstance(outcome(lambda: driver.call(image=image())), APIStatusError)
    assert len(server.heard) == 3


@pytest.mark.parametrize("status", RETRIED)
def test_a_transient_error_status_is_retried(driver: Driver, recorder: Recorder, status: int) -> None:
    recorder.expect(CannedResponse(status))
    assert isinstance(driver.call(image=image()), ImagesResponse)
    first, second = recorder.received
    assert first.parts() == second.parts()
    assert first.header("authorization") == second.header("authorization")


@pytest.mark.parametrize("status", NOT_RETRIED)
def test_a_permanent_error_status_is_not_retried(driver: Driver, recorder: Recorder, status: int) -> None:
    recorder.expect(CannedResponse(status, b"" if status == 304 else b"{}"))
    with pytest.raises(APIStatusError) as caught:
        driver.call(image=image())
    assert caught.value.status_code == status
    recorder.only()


def test_a_timeout_is_not_retried(driver_and_server: tuple[Driver, ScriptedServer]) -> None:
    """The server may still be processing the request, so a retry could double the cost."""
    driver, server = driver_and_server
    server.heard.clear()
    server.scripts = [(hear_request, hold)]
    assert type(outcome(lambda: driver.call(image=image(), timeout=0.2))) is APITimeoutError
    assert len(server.heard) == 1


def test_a_refused_connection_is_retried(make: Make, waits: list[float]) -> None:
    with make(base_url="http://127.0.0.1:1/v1", max_retries=3) as driver:
        assert type(outcome(lambda: driver.call(image=image()))) is APIConnectionError
    assert len(waits) == 3


# --- the wait before a retry


def wait_before_retry(
    driver: Driver, recorder: Recorder, waits: list[float], retry_after: str, status: int = 429
) -> float | None:
    """Return the wait in seconds before the second attempt, or None if there was no second attempt."""
    waits.clear()
    recorder.expect(CannedResponse(status, b"{}", {"Retry-After": retry_after}))
    result = outcome(lambda: driver.copy(max_retries=1).call(image=image()))
    if waits:
        (wait,) = waits
        assert len(recorder.received) == 2
        assert isinstance(result, ImagesResponse)
        return wait
    assert isinstance(result, APIStatusError)
    recorder.only()
    return None


@given(status=st.sampled_from([408, 409, 429, 500, 503]), seconds=st.integers(1, 60))
def test_the_wait_is_at_least_the_seconds_of_retry_after_and_at_most_a_quarter_longer(
    driver: Driver, recorder: Recorder, waits: list[float], status: int, seconds: int
) -> None:
    wait = wait_before_retry(driver, recorder, waits, str(seconds), status)
    assert wait is not None
    assert seconds <= wait <= 1.25 * seconds


@given(seconds=st.integers(4, 58))
def test_the_wait_lasts_until_the_date_of_retry_after(
    driver: Driver, recorder: Recorder, waits: list[float], seconds: int
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    started = time.monotonic()
    wait = wait_before_retry(driver, recorder, waits, date)
    elapsed = time.monotonic() - started
    assert wait is not None
    # A date has no fractions of a second, and time passes between computing the date and the wait.
    assert seconds - 1 - elapsed <= wait <= 1.25 * seconds + 1


@given(seconds=st.integers(61, 10**30))
def test_a_response_with_retry_after_over_60_seconds_is_not_retried(
    driver: Driver, recorder: Recorder, waits: list[float], seconds: int
) -> None:
    assert wait_before_retry(driver, recorder, waits, str(seconds)) is None


@pytest.mark.parametrize(
    "form",
    [str, lambda _: "9" * 5000, lambda it: format_datetime(datetime.now(UTC) + timedelta(seconds=it))],
    ids=["seconds", "very many seconds", "date"],
)
def test_an_error_with_a_long_retry_after_is_not_retried_and_has_the_header(
    driver: Driver, recorder: Recorder, form: Any
) -> None:
    recorder.expect(CannedResponse(429, b"{}", {"Retry-After": form(100_000)}))
    with pytest.raises(image_variations.RateLimitError) as caught:
        driver.call(image=image())
    assert caught.value.headers["retry-after"]
    recorder.only()


UNUSABLE_RETRY_AFTERS = [
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
UNUSABLE_RETRY_AFTERS += [
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "Wed, 21 Oct 0000 07:28:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359 x",
]


@given(
    text=st.sampled_from(UNUSABLE_RETRY_AFTERS)
    | st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12)
)
def test_an_invalid_or_past_retry_after_is_ignored(
    driver: Driver, recorder: Recorder, waits: list[float], text: str
) -> None:
    wait = wait_before_retry(driver, recorder, waits, text.encode().decode("latin-1"))
    if wait is not None and not text.strip().isdecimal():
        assert 0 <= wait <= 0.5


def backoff(driver: Driver, recorder: Recorder, waits: list[float], attempts: int) -> list[float]:
    """Return the waits in seconds of a call that succeeds after `attempts` failures without Retry-After."""
    waits.clear()
    recorder.expect(*[CannedResponse(500)] * attempts)
    assert isinstance(driver.copy(max_retries=attempts).call(image=image()), ImagesResponse)
    return list(waits)


def test_waits_double_from_half_a_second_to_eight_seconds_with_jitter(
    driver: Driver, recorder: Recorder, waits: list[float]
) -> None:
    runs = [backoff(driver, recorder, waits, 8) for _ in range(10)]
    for index, longest in enumerate([0.5, 1, 2, 4, 8, 8, 8, 8]):
        drawn = [run[index] for run in runs]
        assert all(longest / 2 <= wait <= longest for wait in drawn)
        assert len(set(drawn)) > 1


def test_the_wait_does_not_exceed_eight_seconds_after_hundreds_of_attempts(
    driver: Driver, recorder: Recorder, waits: list[float]
) -> None:
    assert max(backoff(driver, recorder, waits, 300)) <= 8
