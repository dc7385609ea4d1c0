"""The client works the same over aiohttp, with the `http_client` of the extra `[aiohttp]`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from client.driving import KEY
from client.recorder import CannedResponse, Recorder
from client.subject import http, image_variations
from httpx_aiohttp import HttpxAiohttpClient
from image_variations_conformance.media import png
from PIL import Image

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
