"""The client sends over aiohttp too, by the `http_client` of the extra `[aiohttp]`, and tells the same of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from client.driving import KEY
from client.recorder import Answer, Recorder
from client.subject import http, image_variations
from httpx_aiohttp import HttpxAiohttpClient
from image_variations_conformance.media import png
from PIL import Image

T = TypeVar("T")

PNG = png.encode(Image.new("RGB", (2, 2)))

pytestmark = pytest.mark.skipif(http.__name__ != "httpx", reason="httpx-aiohttp is for httpx, and for nothing else")


def over_aiohttp(base_url: str, call: Callable[[image_variations.AsyncClient], Awaitable[T]]) -> T:
    """What the call comes to, with a client that makes no more than one retry."""

    async def run() -> T:
        async with HttpxAiohttpClient() as theirs:
            client = image_variations.AsyncClient(api_key=KEY, base_url=base_url, http_client=theirs, max_retries=1)
            return await call(client)

    return asyncio.run(run())


def test_a_call_arrives_as_it_does_over_httpx(recorder: Recorder) -> None:
    recorder.expect()
    answer = over_aiohttp(recorder.base_url, lambda client: client.images.create_variation(image=PNG, n=2))
    assert answer.data[0].url == "https://images.example/a.png"
    parts = recorder.only().parts()
    assert {name: part.content for name, part in parts.items()} == {"image": PNG, "n": b"2"}
    assert recorder.only().header("authorization") == f"Bearer {KEY}"


def test_the_same_image_is_sent_again(recorder: Recorder) -> None:
    recorder.expect(Answer(500, b"", {"Retry-After": "0"}), Answer())
    over_aiohttp(recorder.base_url, lambda client: client.images.create_variation(image=PNG))
    first, second = (received.parts() for received in recorder.received)
    assert first == second
    assert first["image"].content == PNG


def test_an_error_is_one_of_ours(recorder: Recorder) -> None:
    recorder.expect(Answer(400, b'{"error": {"message": "No."}}'))
    with pytest.raises(image_variations.BadRequestError, match="400: No"):
        over_aiohttp(recorder.base_url, lambda client: client.images.create_variation(image=PNG))
    with pytest.raises(image_variations.APIConnectionError):
        over_aiohttp("http://127.0.0.1:1/v1", lambda client: client.images.create_variation(image=PNG))
