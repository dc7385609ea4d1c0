"""The client works the same over aiohttp, with the `http_client` of the extra `[aiohttp]`."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from client.driving import KEY
from client.recorder import CannedResponse, Recorder
from client.subject import http, image_variations
from httpx_aiohttp import HttpxAiohttpClient
from image_variations_conformance.media import png
from PIL import Image
from support.loopback import Peer, hear, hear_request, hear_the_end, say, scripted_server

T = TypeVar("T")

PNG = png.encode(Image.new("RGB", (2, 2)))

pytestmark = pytest.mark.skipif(http.__name__ != "httpx", reason="httpx-aiohttp works only with httpx")


def over_aiohttp(base_url: str, call: Callable[[image_variations.AsyncClient], Awaitable[T]]) -> T:
    """Make a call with a client over aiohttp that retries at most once, and return the result."""

    async def run() -> T:
        async with HttpxAiohttpClient() as http_client:
            client = image_variations.AsyncClient(
                api_key=KEY, base_url=base_url, http_client=http_client, max_retries=1
            )
            return await call(client)

    return asyncio.run(run())


def test_a_call_over_aiohttp_sends_the_same_form_and_key(recorder: Recorder) -> None:
    recorder.expect()
    response = over_aiohttp(recorder.base_url, lambda client: client.images.create_variation(image=PNG, n=2))
    assert response.data[0].url == "https://images.example/a.png"
    parts = recorder.only().parts()
    assert {name: part.content for name, part in parts.items()} == {"image": PNG, "n": b"2"}
    assert recorder.only().header("authorization") == f"Bearer {KEY}"


def test_a_retry_over_aiohttp_sends_the_same_image(recorder: Recorder) -> None:
    recorder.expect(CannedResponse(500, b"", {"Retry-After": "0"}), CannedResponse())
    over_aiohttp(recorder.base_url, lambda client: client.images.create_variation(image=PNG))
    first, second = (received.parts() for received in recorder.received)
    assert first == second
    assert first["image"].content == PNG


def test_error_responses_and_connection_errors_over_aiohttp_raise_the_errors_of_the_client(recorder: Recorder) -> None:
    recorder.expect(CannedResponse(400, b'{"error": {"message": "No."}}'))
    with pytest.raises(image_variations.BadRequestError, match="400: No"):
        over_aiohttp(recorder.base_url, lambda client: client.images.create_variation(image=PNG))
    with pytest.raises(image_variations.APIConnectionError):
        over_aiohttp("http://127.0.0.1:1/v1", lambda client: client.images.create_variation(image=PNG))


def chain_of(error: BaseException) -> str:
    """Return the reprs of an error and of all errors that it came from."""
    earlier = error.__cause__ or error.__context__
    return repr(error) + (chain_of(earlier) if earlier else "")


def failed_call(base_url: str, given: bytes | Path) -> image_variations.ImageVariationsError:
    with pytest.raises(image_variations.ImageVariationsError) as caught:
        over_aiohttp(base_url, lambda client: client.with_options(preflight=False).images.create_variation(image=given))
    assert KEY not in chain_of(caught.value)
    return caught.value


@pytest.mark.parametrize("response", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n"])
def test_a_response_over_aiohttp_that_is_not_http_raises_a_connection_error_without_the_key(response: bytes) -> None:
    with scripted_server((hear_request, say(response))) as server:
        error = failed_call(server.base_url, PNG)
    assert type(error) is image_variations.APIConnectionError


def test_a_refused_or_broken_connection_over_aiohttp_is_no_timeout() -> None:
    for base_url in ("http://127.0.0.1:1/v1", "http://no-such-host.invalid/v1"):
        assert "the connection failed" in str(failed_call(base_url, PNG))
    with scripted_server((hear_request,)) as server:
        error = failed_call(server.base_url, PNG)
    assert type(error) is image_variations.APIConnectionError


def test_a_file_that_changes_while_it_is_sent_over_aiohttp_raises_the_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG + bytes(30_000_000))

    def shrink(_: Peer) -> None:
        os.truncate(path, 1_000_000)

    with scripted_server((hear(100_000), shrink, hear_the_end)) as server:
        error = failed_call(server.base_url, path)
        assert len(server.heard) == 1  # no retry
    assert isinstance(error, image_variations.InvalidRequestError)
    assert "has changed during the call: it had " in str(error)
