"""A client can be opened, shared, closed and reused in any order by many threads, tasks and event loops."""

import asyncio
import gc
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from client.driving import KEY, AsyncDriver, Driver, Make, SyncDriver, outcome
from client.endings import GOOD
from client.recorder import CannedResponse, Recorder, recording
from client.subject import MODULES, http
from client.uploads import Trickle, image
from hypothesis import given
from hypothesis import strategies as st
from image_variations import APIConnectionError, AsyncClient, Client, Image, ImagesResponse
from support.loopback import ScriptedServer, answer, hear_request, hear_the_end, hold, say, scripted_server

pytestmark = pytest.mark.slow

THREADS = 16


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A server for one test, because the tests count its connections."""
    with recording() as recorder:
        yield recorder


def call_succeeds(driver: Driver) -> bool:
    return isinstance(driver.call(image=image()), ImagesResponse)


# --- closing


def test_a_closed_client_holds_no_connection_and_can_be_used_again(make: Make, recorder: Recorder) -> None:
    driver = make(base_url=recorder.base_url)
    for round_number in (1, 2, 3):
        assert call_succeeds(driver)
        assert call_succeeds(driver)
        driver.close()
        assert recorder.wait_until_all_closed()
        assert recorder.connections == round_number


def test_closing_a_client_twice_or_before_its_first_use_is_allowed(make: Make, recorder: Recorder) -> None:
    driver = make(base_url=recorder.base_url)
    driver.close()
    driver.close()
    assert call_succeeds(driver)
    driver.close()
    driver.close()


def test_a_client_can_be_entered_as_a_context_repeatedly(make: Make, recorder: Recorder) -> None:
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


def test_a_closed_client_causes_no_resource_warning(make: Make, recorder: Recorder) -> None:
    """pytest turns warnings into errors, including those raised during garbage collection."""
    for _ in range(3):
        with make(base_url=recorder.base_url) as driver:
            call_succeeds(driver)
        del driver
        gc.collect()


def test_a_call_under_way_ends_at_once_in_an_error_when_the_client_is_closed() -> None:
    with scripted_server((hear_request, hold)) as server:
        client = Client(api_key=KEY, base_url=server.base_url)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(client.images.create_variation, image=image())
            _wait_for_a_request(server)
            client.close()
            with pytest.raises(APIConnectionError, match="the client was closed during the call"):
                call.result(10)
        assert len(server.heard) == 1


def test_an_asynchronous_call_under_way_ends_at_once_in_an_error_when_the_client_is_closed() -> None:
    async def run(server: ScriptedServer) -> None:
        client = AsyncClient(api_key=KEY, base_url=server.base_url)
        call = asyncio.ensure_future(client.images.create_variation(image=image()))
        await asyncio.to_thread(_wait_for_a_request, server)
        await client.close()
        with pytest.raises(APIConnectionError, match="the client was closed during the call"):
            await asyncio.wait_for(call, 10)

    with scripted_server((hear_request, hold)) as server:
        asyncio.run(run(server))
        assert len(server.heard) == 1


def _wait_for_a_request(server: ScriptedServer) -> None:
    """Wait until the server has received a whole request, at most 10 seconds."""
    for _ in range(1000):
        if server.heard and b"\r\n\r\n" in server.heard[0]:
            return
        time.sleep(0.01)


# --- threads


def test_the_first_use_by_many_threads_at_once_creates_one_http_client(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    http_clients = []
    http_client_class = http.Client

    class CountedClient(http_client_class):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            http_clients.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(http, "Client", CountedClient)
    for _ in range(10):
        http_clients.clear()
        barrier = threading.Barrier(THREADS)
        client = Client(api_key=KEY, base_url=recorder.base_url)

        def call(number: int, client: Client = client, barrier: threading.Barrier = barrier) -> int:
            barrier.wait(20)
            client.images.create_variation(image=image(200 + number), user=str(number))
            return number

        recorder.expect()
        with ThreadPoolExecutor(THREADS) as pool:
            assert sorted(pool.map(call, range(THREADS))) == list(range(THREADS))
        assert len(http_clients) == 1
        client.close()
        assert recorder.wait_until_all_closed()
        forms = {int(form["user"].content): form["image"].content for form in (it.parts() for it in recorder.received)}
        assert forms == {number: image(200 + number) for number in range(THREADS)}


def test_copies_made_by_many_threads_leave_no_connection_open_after_close(recorder: Recorder) -> None:
    with Client(api_key=KEY, base_url=recorder.base_url) as client:
        barrier = threading.Barrier(THREADS)

        def call(number: int) -> None:
            barrier.wait(20)
            client.with_options(timeout=20 + number).images.create_variation(image=image())

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(call, range(THREADS)))
    assert recorder.wait_until_all_closed()


def test_each_of_many_parallel_calls_gets_its_own_response(make: Make, recorder: Recorder) -> None:
    calls = 40
    links = [f"https://images.example/{number}" for number in range(calls)]
    bodies = [json.dumps({"created": 1, "data": [{"url": link}]}) for link in links]
    with make(base_url=recorder.base_url) as driver:
        recorder.expect(*(CannedResponse(200, body.encode()) for body in bodies))
        if isinstance(driver, AsyncDriver):
            client = driver.client

            async def all_at_once() -> list[ImagesResponse]:
                create_variation = client.images.create_variation
                return await asyncio.gather(
                    *(create_variation(image=image(), user=str(number)) for number in range(calls))
                )

            responses = driver.run(all_at_once())
        else:
            with ThreadPoolExecutor(calls) as pool:
                responses = list(pool.map(lambda number: driver.call(image=image(), user=str(number)), range(calls)))
    assert sorted(response.data[0].url or "" for response in responses) == sorted(links)
    users = sorted(received.parts()["user"].content for received in recorder.received)
    assert users == sorted(str(number).encode() for number in range(calls))


# --- event loops


# Ending an event loop without closing the client leaves connections open, and the garbage collector warns about them.
LEAVES_CONNECTIONS_OPEN = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@LEAVES_CONNECTIONS_OPEN
def test_a_client_can_be_used_in_one_event_loop_after_another(recorder: Recorder) -> None:
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)
    for _ in range(4):
        assert isinstance(asyncio.run(client.images.create_variation(image=image())), ImagesResponse)
    asyncio.run(client.close())
    assert isinstance(asyncio.run(client.images.create_variation(image=image())), ImagesResponse)
    asyncio.run(client.close())
    gc.collect()
    assert recorder.wait_until_all_closed(3)


@LEAVES_CONNECTIONS_OPEN
def test_a_client_of_an_ended_event_loop_can_be_copied_and_closed(recorder: Recorder) -> None:
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)
    asyncio.run(client.images.create_variation(image=image()))
    copied = client.with_options(timeout=9)
    assert isinstance(asyncio.run(copied.images.create_variation(image=image())), ImagesResponse)
    asyncio.run(copied.close())
    asyncio.run(client.close())
    gc.collect()
    assert recorder.wait_until_all_closed(3)


@LEAVES_CONNECTIONS_OPEN
def test_an_item_can_be_read_in_another_event_loop(recorder: Recorder) -> None:
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)
    body = json.dumps({"created": 1, "data": [{"url": f"{recorder.origin}/a.png"}]}).encode()
    recorder.expect(CannedResponse(200, body), CannedResponse(200, b"a file"))
    (item,) = asyncio.run(client.images.create_variation(image=image())).data
    assert asyncio.run(item.aread()) == b"a file"
    asyncio.run(client.close())
    gc.collect()
    assert recorder.wait_until_all_closed(3)


def test_a_call_does_not_block_the_other_tasks_of_its_event_loop(recorder: Recorder) -> None:
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)

    async def count_ticks_during_call() -> int:
        ticks, call = 0, asyncio.ensure_future(client.images.create_variation(image=image(4_000_000)))
        while not call.done():
            await asyncio.sleep(0)
            ticks += 1
        await call
        await client.close()
        return ticks

    assert asyncio.run(count_ticks_during_call()) > 5


# --- cancellation


async def _cancel_call(client: AsyncClient, after_seconds: float, **arguments: Any) -> bool:
    """Start a call, cancel it after some seconds, and return whether it raised CancelledError."""
    task = asyncio.ensure_future(client.images.create_variation(image=image(), **arguments))
    await asyncio.sleep(after_seconds)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


def test_a_cancelled_call_ends_promptly_and_the_client_remains_usable() -> None:
    holding = (hear_request, hear_the_end)
    succeeding = (hear_request, say(answer(200, GOOD, "Connection: close")))
    with scripted_server(holding, succeeding) as server:
        client = AsyncClient(api_key=KEY, base_url=server.base_url)

        async def run() -> ImagesResponse:
            assert await asyncio.wait_for(_cancel_call(client, 0.2), 5)
            response = await client.images.create_variation(image=image())
            await client.close()
            return response

        assert isinstance(asyncio.run(run()), ImagesResponse)
        assert len(server.heard) == 2


def test_a_call_whose_inner_task_alone_is_cancelled_is_cancelled() -> None:
    async def run(client: AsyncClient, server: ScriptedServer) -> None:
        call = asyncio.ensure_future(client.images.create_variation(image=image()))
        await asyncio.to_thread(_wait_for_a_request, server)
        for task in asyncio.all_tasks() - {call, asyncio.current_task()}:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 10)
        await client.close()

    with scripted_server((hear_request, hold)) as server:
        asyncio.run(run(AsyncClient(api_key=KEY, base_url=server.base_url), server))


@given(after_seconds=st.floats(0, 0.006), call_count=st.integers(1, 4))
def test_a_client_remains_usable_after_calls_were_cancelled_at_any_moment(
    shared: tuple[AsyncDriver, Recorder], after_seconds: float, call_count: int
) -> None:
    driver, recorder = shared

    async def run() -> ImagesResponse:
        calls = (_cancel_call(driver.client, after_seconds * (number + 1) / call_count) for number in range(call_count))
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


def test_a_cancelled_call_returns_its_connection_to_the_pool(recorder: Recorder) -> None:
    """The pool has two connections, and the calls are cancelled at many different moments."""

    async def run() -> None:
        async with http.AsyncClient(limits=http.Limits(max_connections=2)) as http_client:
            client = AsyncClient(api_key=KEY, base_url=recorder.base_url, http_client=http_client)
            for step in range(200):
                await asyncio.wait_for(_cancel_call(client, step / 40_000), 5)
            calls = (client.images.create_variation(image=image()) for _ in range(2))
            await asyncio.wait_for(asyncio.gather(*calls), 5)

    asyncio.run(run())


def test_the_wait_before_a_retry_can_be_cancelled(recorder: Recorder) -> None:
    recorder.expect(CannedResponse(429, b"{}", {"Retry-After": "50"}))
    client = AsyncClient(api_key=KEY, base_url=recorder.base_url)

    async def run() -> bool:
        cancelled = await asyncio.wait_for(_cancel_call(client, 0.3), 5)
        await client.close()
        return cancelled

    assert asyncio.run(run())
    recorder.only()


def test_a_timeout_of_the_caller_raises_the_callers_error() -> None:
    """`asyncio.timeout` raises TimeoutError, not APITimeoutError, because the timeout of the client has not expired."""
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


def test_cancelling_a_save_leaves_no_file(recorder: Recorder, tmp_path: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome"
    with scripted_server((hear_request, say(head), hold)) as server:
        client = AsyncClient(api_key=KEY, base_url=recorder.base_url)
        body = json.dumps({"created": 1, "data": [{"url": f"{server.origin}/a.png"}]}).encode()
        recorder.expect(CannedResponse(200, body))

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


# --- exhausted streams


def test_a_second_call_with_an_exhausted_stream_raises_an_error(make: Make, recorder: Recorder) -> None:
    """The stream must not be sent as an empty file."""
    stream = Trickle(image())
    with make(base_url=recorder.base_url) as driver:
        driver.call(image=stream)
        result = outcome(lambda: driver.call(image=stream))
    assert not isinstance(result, ImagesResponse)
    recorder.only()


def test_all_modules_under_test_belong_to_one_package() -> None:
    assert {name.split(".")[0] for name in MODULES} == {"image_variations"}
