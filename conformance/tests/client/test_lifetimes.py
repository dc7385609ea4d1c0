"""A client is opened, shared, closed and used again in any order, by many threads, tasks and event loops."""

import asyncio
import gc
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from client.driving import KEY, AsyncDriver, Driver, Make, SyncDriver, outcome
from client.endings import GOOD
from client.recorder import Answer, Recorder, recording
from client.subject import MODULES, http
from client.uploads import Trickle, image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import AsyncClient, Client, Image, ImagesResponse
from support.loopback import answer, hear_request, hear_the_end, hold, say, scripted_server

THREADS = 16


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A server of the test's own: its connections are counted."""
    with recording() as recorder:
        yield recorder


def works(driver: Driver) -> bool:
    return isinstance(driver.call(image=image()), ImagesResponse)


# --- closing


def test_a_closed_client_holds_no_connection_and_can_be_used_again(make: Make, recorder: Recorder) -> None:
    driver = make(base_url=recorder.base_url)
    for round_number in (1, 2, 3):
        assert works(driver)
        assert works(driver)
        driver.close()
        assert recorder.wait_until_all_closed()
        assert recorder.connections == round_number


def test_closing_twice_or_unused_is_no_error(make: Make, recorder: Recorder) -> None:
    driver = make(base_url=recorder.base_url)
    driver.close()
    driver.close()
    assert works(driver)
    driver.close()
    driver.close()


def test_a_client_is_a_context_again_and_again(make: Make, recorder: Recorder) -> None:
    driver = make(base_url=recorder.base_url)

    async def enter(client: AsyncClient) -> None:
        async with client as entered:
            assert entered is client
            await entered.images.create_variation(image=image())

    for _ in range(2):
        if isinstance(driver, AsyncDriver):
            driver.run(enter(driver.client))
        else:
            assert isinstance(driver, SyncDriver)
            with driver.client as entered:
                assert entered is driver.client
                entered.images.create_variation(image=image())
        assert recorder.wait_until_all_closed()
    driver.close()


def test_nothing_warns_of_a_client_that_was_closed(make: Make, recorder: Recorder) -> None:
    """Warnings are errors here, those that come when objects are collected too."""
    for _ in range(3):
        with make(base_url=recorder.base_url) as driver:
            works(driver)
        del driver
        gc.collect()


# --- threads


def test_the_first_use_by_many_threads_at_once_makes_one_pool(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    real = http.Client

    class Counted(real):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            made.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(http, "Client", Counted)
    for _ in range(10):
        made.clear()
        barrier = threading.Barrier(THREADS)
        client = Client(api_key=KEY, base_url=recorder.base_url)

        def call(number: int, client: Client = client, barrier: threading.Barrier = barrier) -> int:
            barrier.wait(20)
            client.images.create_variation(image=image(200 + number), user=str(number))
            return number

        recorder.expect()
        with ThreadPoolExecutor(THREADS) as pool:
            assert sorted(pool.map(call, range(THREADS))) == list(range(THREADS))
        assert len(made) == 1
        client.close()
        assert recorder.wait_until_all_closed()
        forms = {int(form["user"].content): form["image"].content for form in (it.parts() for it in recorder.received)}
        assert forms == {number: image(200 + number) for number in range(THREADS)}


def test_copies_made_by_many_threads_share_one_pool(recorder: Recorder) -> None:
    with Client(api_key=KEY, base_url=recorder.base_url) as client:
        barrier = threading.Barrier(THREADS)

        def call(number: int) -> None:
            barrier.wait(20)
            client.with_options(timeout=20 + number).images.create_variation(image=image())

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(call, range(THREADS)))
    assert recorder.wait_until_all_closed()


def test_each_call_among_many_gets_its_own_answer(make: Make, recorder: Recorder) -> None:
    calls = 40
    bodies = [json.dumps({"created": 1, "data": [{"url": f"https://images.example/{it}"}]}) for it in range(calls)]
    with make(base_url=recorder.base_url) as driver:
        recorder.expect(*(Answer(200, body.encode()) for body in bodies))
        if isinstance(driver, AsyncDriver):
            client = driver.client

            async def all_at_once() -> list[ImagesResponse]:
                one = client.images.create_variation
                return await asyncio.gather(*(one(image=image(), user=str(it)) for it in range(calls)))

            answers = driver.run(all_at_once())
        else:
            with ThreadPoolExecutor(calls) as pool:
                answers = list(pool.map(lambda it: driver.call(image=image(), user=str(it)), range(calls)))
    assert sorted(it.data[0].url or "" for it in answers) == sorted(
        f"https://images.example/{it}" for it in range(calls)
    )
    assert sorted(it.parts()["user"].content for it in recorder.received) == sorted(
        str(it).encode() for it in range(calls)
    )


# --- event loops


# Who ends an event loop with the client open in it leaves connections to the garbage collector, which says so.
LEFT_OPEN = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@LEFT_OPEN
def test_one_client_serves_one_event_loop_after_another(recorder: Recorder) -> None:
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)
    for _ in range(4):
        assert isinstance(asyncio.run(client.images.create_variation(image=image())), ImagesResponse)
    asyncio.run(client.close())
    assert isinstance(asyncio.run(client.images.create_variation(image=image())), ImagesResponse)
    asyncio.run(client.close())
    gc.collect()
    assert recorder.wait_until_all_closed(3)


@LEFT_OPEN
def test_a_client_of_an_event_loop_that_ended_is_copied_and_closed(recorder: Recorder) -> None:
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)
    asyncio.run(client.images.create_variation(image=image()))
    copied = client.with_options(timeout=9)
    assert isinstance(asyncio.run(copied.images.create_variation(image=image())), ImagesResponse)
    asyncio.run(copied.close())
    asyncio.run(client.close())
    gc.collect()
    assert recorder.wait_until_all_closed(3)


@LEFT_OPEN
def test_an_item_is_read_in_another_event_loop(recorder: Recorder) -> None:
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)
    body = json.dumps({"created": 1, "data": [{"url": f"{recorder.origin}/a.png"}]}).encode()
    recorder.expect(Answer(200, body), Answer(200, b"a file"))
    (item,) = asyncio.run(client.images.create_variation(image=image())).data
    assert asyncio.run(item.aread()) == b"a file"
    asyncio.run(client.close())
    gc.collect()
    assert recorder.wait_until_all_closed(3)


def test_other_tasks_go_on_while_a_file_is_read_and_an_answer_is_waited_for(recorder: Recorder) -> None:
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)

    async def beside() -> int:
        ticks, call = 0, asyncio.ensure_future(client.images.create_variation(image=image(4_000_000)))
        while not call.done():
            await asyncio.sleep(0)
            ticks += 1
        await call
        await client.close()
        return ticks

    assert asyncio.run(beside()) > 5


# --- cancelling


async def _cancelled(client: AsyncClient, after_seconds: float, **arguments: Any) -> bool:
    """Cancel a call after a while, and tell whether it was still under way."""
    task = asyncio.ensure_future(client.images.create_variation(image=image(), **arguments))
    await asyncio.sleep(after_seconds)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


def test_a_call_that_is_cancelled_ends_at_once_and_gives_its_connection_up() -> None:
    held = (hear_request, hear_the_end)
    good = (hear_request, say(answer(200, GOOD, "Connection: close")))
    with scripted_server(held, good) as server:
        client = AsyncClient(api_key=KEY, base_url=server.base_url)

        async def run() -> ImagesResponse:
            assert await asyncio.wait_for(_cancelled(client, 0.2), 5)
            answer = await client.images.create_variation(image=image())
            await client.close()
            return answer

        assert isinstance(asyncio.run(run()), ImagesResponse)
        assert len(server.heard) == 2


@given(after_seconds=st.floats(0, 0.006), many=st.integers(1, 4))
def test_a_client_is_usable_after_calls_were_cancelled_anywhere(
    shared: tuple[AsyncDriver, Recorder], after_seconds: float, many: int
) -> None:
    driver, recorder = shared

    async def run() -> ImagesResponse:
        calls = (_cancelled(driver.client, after_seconds * (number + 1) / many) for number in range(many))
        await asyncio.wait_for(asyncio.gather(*calls), 10)
        recorder.expect()
        return await asyncio.wait_for(driver.client.images.create_variation(image=image()), 10)

    assert isinstance(driver.run(run()), ImagesResponse)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[AsyncDriver, Recorder]]:
    with recording() as recorder, asyncio.Runner() as runner:
        driver = AsyncDriver(AsyncClient(api_key=KEY, base_url=recorder.base_url), runner)
        yield driver, recorder
        driver.close()


def test_a_call_that_is_cancelled_gives_its_place_among_the_connections_back(recorder: Recorder) -> None:
    """Of the two places that there are, not one is lost, at whatever moment the calls are cancelled."""

    async def run() -> None:
        async with http.AsyncClient(limits=http.Limits(max_connections=2)) as theirs:
            client = AsyncClient(api_key=KEY, base_url=recorder.base_url, http_client=theirs)
            for step in range(200):
                await asyncio.wait_for(_cancelled(client, step / 40_000), 5)
            answers = (client.images.create_variation(image=image()) for _ in range(2))
            await asyncio.wait_for(asyncio.gather(*answers), 5)

    asyncio.run(run())


def test_a_wait_before_another_attempt_is_cancelled_too(recorder: Recorder) -> None:
    recorder.expect(Answer(429, b"{}", {"Retry-After": "50"}))
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)

    async def run() -> bool:
        cancelled = await asyncio.wait_for(_cancelled(client, 0.3), 5)
        await client.close()
        return cancelled

    assert asyncio.run(run())
    recorder.only()


def test_a_callers_own_limit_is_not_taken_for_ours() -> None:
    """`asyncio.timeout` raises its own error, where ours has not run out."""
    with scripted_server((hear_request, hold)) as server:
        client = AsyncClient(api_key=KEY, base_url=server.base_url)

        async def run() -> None:
            try:
                async with asyncio.timeout(0.2):
                    await client.images.create_variation(image=image())
            finally:
                await client.close()

        with pytest.raises(TimeoutError) as caught:
            asyncio.run(run())
        assert type(caught.value) is TimeoutError


def test_an_image_that_is_saved_by_a_cancelled_task_leaves_no_file(recorder: Recorder, tmp_path: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome"
    with scripted_server((hear_request, say(head), hold)) as server:
        client = AsyncClient(api_key=KEY, base_url=recorder.base_url)
        body = json.dumps({"created": 1, "data": [{"url": f"{server.origin}/a.png"}]}).encode()
        recorder.expect(Answer(200, body))

        async def run() -> Image:
            (item,) = (await client.images.create_variation(image=image())).data
            task = asyncio.ensure_future(item.asave(tmp_path / "a.png"))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.close()
            return item

        asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


# --- files that are shared


def test_a_stream_that_was_read_up_is_an_empty_one_the_next_time(make: Make, recorder: Recorder) -> None:
    """It is not sent a second time as an empty file without a word."""
    stream = Trickle(image())
    with make(base_url=recorder.base_url) as driver:
        driver.call(image=stream)
        end = outcome(lambda: driver.call(image=stream))
    assert not isinstance(end, ImagesResponse)
    recorder.only()


def test_the_modules_are_all_of_one_package() -> None:
    assert {name.split(".")[0] for name in MODULES} == {"image_variations"}
