"""A file that is slow to read blocks neither the other tasks of an event loop nor the timeout of an `AsyncClient`."""

import asyncio
import io
import os
import threading
from typing import Any

import pytest
from client.driving import KEY
from client.endings import SLACK, TIMEOUT
from client.recorder import Recorder, recording
from client.uploads import image
from image_variations import APITimeoutError, AsyncClient

CONTENT = image(1 << 20)


class Held(io.BytesIO):
    """A file in which a byte is held back until `released` is set."""

    def __init__(self, content: bytes, held: int) -> None:
        super().__init__(content)
        self._held = held
        self.asked, self.released = threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._held:
            self.asked.set()
            if not self.released.wait(20):
                raise OSError("the event loop is blocked")
        return super().read(size)


def with_client(base_url: str, timeout: float, **arguments: Any) -> Any:
    async def call() -> Any:
        async with AsyncClient(api_key=KEY, base_url=base_url, timeout=timeout, max_retries=0) as client:
            return await client.images.create_variation(**arguments)

    return call()


@pytest.mark.parametrize("held", [0, len(CONTENT) // 2], ids=["at the start", "in the middle"])
def test_the_other_tasks_run_while_a_file_is_read(recorder: Recorder, held: int) -> None:
    file = Held(CONTENT, held)

    async def release() -> None:
        while not file.asked.is_set():
            await asyncio.sleep(0.01)
        file.released.set()

    async def run() -> None:
        await asyncio.gather(with_client(recorder.base_url, 20, image=file), release())

    recorder.expect()
    asyncio.run(run())
    assert recorder.only().parts()["image"].content == CONTENT


@pytest.mark.parametrize("held", [0, len(CONTENT) // 2], ids=["at the start", "in the middle"])
def test_a_file_that_is_not_read_within_the_timeout_ends_the_call(held: int) -> None:
    file = Held(CONTENT, held)

    async def run() -> None:
        with recording() as recorder:
            try:
                with pytest.raises(APITimeoutError):
                    await asyncio.wait_for(with_client(recorder.base_url, TIMEOUT, image=file), TIMEOUT + SLACK)
            finally:
                file.released.set()

    asyncio.run(run())


def test_a_task_of_the_same_event_loop_can_write_the_pipe_that_is_sent(recorder: Recorder) -> None:
    read_end, write_end = os.pipe()

    async def write() -> None:
        await asyncio.sleep(0.05)
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(image())

    async def run(pipe: io.BufferedReader) -> None:
        await asyncio.gather(with_client(recorder.base_url, 20, image=pipe), write())

    recorder.expect()
    with os.fdopen(read_end, "rb") as pipe:
        asyncio.run(run(pipe))
    assert recorder.only().parts()["image"].content == image()
