"""Every attempt of a call sends the bytes that its file had when the call began, or the call ends in an error.

The server changes the file while it receives a request, or after it.
"""

import asyncio
import gzip
import io
import os
import re
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from client.driving import AsyncDriver, Make
from client.endings import GOOD, check_message
from client.recorder import Recorder
from client.uploads import image
from image_variations import ImagesResponse, InvalidRequestError
from support.loopback import Peer, ScriptedServer, Step, answer, hear, hear_request, say, scripted_server

SMALL = image(3000)
LARGE = image(16 << 20)  # more than the buffers of both sockets hold
BUSY = answer(503, b"{}", "Connection: close", "Retry-After: 0")
SUCCESS = answer(200, GOOD, "Connection: close")


def open_file(path: Path) -> Any:
    return path.open("rb")


def unbuffered_file(path: Path) -> Any:
    return path.open("rb", buffering=0)


def writable_file(path: Path) -> Any:
    return path.open("r+b")


def in_memory(path: Path) -> Any:
    return io.BytesIO(path.read_bytes())


def spooled(path: Path) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(path.read_bytes())
    return file


def temporary_file(path: Path) -> Any:
    """Return a NamedTemporaryFile with the inode of `path`, as if it had made the file."""
    file = tempfile.NamedTemporaryFile(dir=path.parent)  # noqa: SIM115 - the caller closes it
    file.write(path.read_bytes())
    file.flush()
    path.unlink()
    path.hardlink_to(file.name)
    return file


FILES: list[Callable[[Path], Any]] = [open_file, unbuffered_file, writable_file, temporary_file]
BUFFERS: list[Callable[[Path], Any]] = [in_memory, spooled]


def given(path: Path, opened: Callable[[Path], Any] | None) -> AbstractContextManager[Any]:
    """Return the argument of a call: the path itself, or the file that `opened` returns."""
    return nullcontext(path) if opened is None else opened(path)


def shrink(path: Path) -> None:
    os.truncate(path, 1000)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(5000))


def overwrite(path: Path) -> None:
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content[::-1])


def touch(path: Path) -> None:
    os.utime(path, (1, 1))


def delete(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(image(500))
    other.replace(path)


def then(change: Callable[[], object]) -> Step:
    """Return the step that makes a change."""

    def play(_: Peer) -> None:
        change()

    return play


def bodies(server: ScriptedServer) -> list[tuple[int, bytes]]:
    """Return the declared length and the body of each request."""
    requests = [bytes(heard).partition(b"\r\n\r\n") for heard in server.heard]
    return [(int(re.findall(rb"(?i)content-length: (\d+)", head)[0]), body) for head, _, body in requests]


def contents(server: ScriptedServer) -> list[bytes]:
    """Return the file in the body of each request. Fails if a body does not have the declared length."""
    files = []
    for length, body in bodies(server):
        assert len(body) == length
        boundary = body.partition(b"\r\n")[0]
        (part,) = body.removesuffix(boundary + b"--\r\n").removeprefix(boundary + b"\r\n").split(boundary)
        files.append(part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"))
    return files


def refusal(make: Make, server: ScriptedServer, argument: Any) -> str:
    """Return the message of the error that a call with this image ends in."""
    with make(base_url=server.base_url, preflight=False, timeout=20) as driver:
        with pytest.raises(InvalidRequestError) as caught:
            driver.call(image=argument)
        assert caught.value.param == "image"
        check_message(caught.value)
        assert isinstance(driver.call(image=SMALL), ImagesResponse)
    return str(caught.value)


# --- between two attempts


@pytest.mark.parametrize("change", [shrink, empty, grow, overwrite, touch])
@pytest.mark.parametrize("opened", [None, *FILES])
def test_a_file_that_is_written_to_before_a_retry_is_refused_and_not_sent_again(
    make: Make, tmp_path: Path, opened: Callable[[Path], Any] | None, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(SMALL)
    first = (hear_request, then(lambda: change(path)), say(BUSY))
    with scripted_server(first, (hear_request, say(SUCCESS))) as server:
        with given(path, opened) as file:
            message = refusal(make, server, file)
        assert contents(server) == [SMALL, SMALL]  # the second one is of the next call
    assert message == "image has changed during the call: it was written to before a retry."


@pytest.mark.parametrize("change", [delete, replace])
@pytest.mark.parametrize("opened", [None, *FILES])
def test_a_file_that_is_deleted_or_replaced_is_sent_as_it_was(
    make: Make, tmp_path: Path, opened: Callable[[Path], Any] | None, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(SMALL)
    first = (hear_request, then(lambda: change(path)), say(BUSY))
    with scripted_server(first, (hear_request, say(SUCCESS))) as server, make(base_url=server.base_url) as driver:
        with given(path, opened) as file:
            driver.call(image=file)
        assert contents(server) == [SMALL, SMALL]


@pytest.mark.parametrize("opened", BUFFERS)
def test_a_buffer_that_grows_before_a_retry_is_sent_as_it_was_and_one_that_shrinks_is_refused(
    make: Make, tmp_path: Path, opened: Callable[[Path], Any]
) -> None:
    (tmp_path / "a.png").write_bytes(SMALL)

    def append() -> None:
        growing.seek(0, os.SEEK_END)
        growing.write(bytes(5000))

    first = (hear_request, then(append), say(BUSY))
    with (
        opened(tmp_path / "a.png") as growing,
        scripted_server(first, (hear_request, say(SUCCESS))) as server,
        make(base_url=server.base_url) as driver,
    ):
        driver.call(image=growing)
        assert contents(server) == [SMALL, SMALL]
    first = (hear_request, then(lambda: shrinking.truncate(1000)), say(BUSY))
    with (
        opened(tmp_path / "a.png") as shrinking,
        scripted_server(first, (hear_request,), (hear_request, say(SUCCESS))) as server,
    ):
        message = refusal(make, server, shrinking)
    assert message == "image has changed during the call: it had 3000 bytes, and has 1000 now."


@pytest.mark.parametrize("opened", [*FILES, *BUFFERS])
def test_a_file_that_the_caller_closes_before_a_retry_is_refused(
    make: Make, tmp_path: Path, opened: Callable[[Path], Any]
) -> None:
    (tmp_path / "a.png").write_bytes(SMALL)
    with opened(tmp_path / "a.png") as file:
        first = (hear_request, then(file.close), say(BUSY))
        with scripted_server(first, (hear_request, say(SUCCESS))) as server:
            assert "closed file" in refusal(make, server, file)


# --- during an attempt


@pytest.mark.slow
@pytest.mark.parametrize("opened", [None, *FILES])
def test_what_is_appended_to_a_file_while_it_is_sent_is_not_sent(
    make: Make, tmp_path: Path, opened: Callable[[Path], Any] | None
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(LARGE)
    script = (hear(3000), then(lambda: grow(path)), hear_request, say(SUCCESS))
    with (
        scripted_server(script) as server,
        make(base_url=server.base_url, preflight=False) as driver,
    ):
        with given(path, opened) as file:
            driver.call(image=file)
        assert contents(server) == [LARGE]


def refusal_while_it_is_sent(
    make: Make, path: Path, opened: Callable[[Path], Any] | None, change: Callable[[Path], None]
) -> str:
    """Change a file while it is sent, require that the request stays incomplete, and return the message."""
    script = (hear(3000), then(lambda: change(path)), hear_request)
    with scripted_server(script, (hear_request, say(SUCCESS))) as server:
        with given(path, opened) as file:
            message = refusal(make, server, file)
        (length, body), _ = bodies(server)
        assert len(body) < length
    return message


@pytest.mark.parametrize("opened", [None, *FILES])
def test_a_file_that_is_overwritten_while_it_is_sent_is_refused_and_the_request_stays_incomplete(
    make: Make, tmp_path: Path, opened: Callable[[Path], Any] | None
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(LARGE)
    message = refusal_while_it_is_sent(make, path, opened, overwrite)
    assert message == "image has changed during the call: it was written to while it was sent."


@pytest.mark.parametrize("opened", [None, *FILES, gzip.open])
def test_a_file_that_shrinks_while_it_is_sent_is_refused_and_the_request_stays_incomplete(
    make: Make, tmp_path: Path, opened: Callable[[Path], Any] | None
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(gzip.compress(LARGE, 0) if opened is gzip.open else LARGE)
    message = refusal_while_it_is_sent(make, path, opened, shrink)
    assert message.startswith(
        "image cannot be read: Compressed file ended" if opened is gzip.open else "image has changed during the call"
    )


@pytest.mark.parametrize("opened", [*FILES, *BUFFERS])
def test_a_file_that_is_closed_while_it_is_sent_is_refused(
    make: Make, tmp_path: Path, opened: Callable[[Path], Any]
) -> None:
    (tmp_path / "a.png").write_bytes(LARGE)
    with opened(tmp_path / "a.png") as file:
        script = (hear(3000), then(file.close), hear_request)
        with scripted_server(script, (hear_request, say(SUCCESS))) as server:
            # The system may close the descriptor before Python knows.
            assert re.search("closed file|Bad file descriptor", refusal(make, server, file))


@pytest.mark.parametrize("opened", [*FILES, *BUFFERS])
def test_calls_of_one_event_loop_can_send_the_same_file_at_the_same_time(
    make: Make, recorder: Recorder, tmp_path: Path, opened: Callable[[Path], Any]
) -> None:
    (tmp_path / "a.png").write_bytes(image(2_000_000))
    recorder.expect()
    with opened(tmp_path / "a.png") as file, make(base_url=recorder.base_url) as driver:
        if not isinstance(driver, AsyncDriver):
            driver.call(image=file)
            return
        client = driver.client

        async def all_at_once() -> list[ImagesResponse]:
            return await asyncio.gather(*(client.images.create_variation(image=file) for _ in range(5)))

        driver.run(all_at_once())
    assert [received.parts()["image"].content for received in recorder.received] == [image(2_000_000)] * 5
