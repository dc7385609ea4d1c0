"""Drivers of the synchronous and the asynchronous client with one interface, so that each test covers both."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from client.subject import image_variations
from image_variations import AsyncClient, Client, Image, ImagesResponse, Response
from image_variations.api.images import create_image_variation
from image_variations.models import CreateImageVariationRequest

T = TypeVar("T")

KEY = "sk-test-0123456789abcdefghijklmnopqrstuvwxyz"
MODES = ("sync", "async")


class Driver(AbstractContextManager["Driver"]):
    """A client and the ways to call it. The client is closed at the end of the context."""

    client: Client | AsyncClient

    def call(self, **arguments: Any) -> ImagesResponse:
        """Call the method `images.create_variation` of the client."""
        raise NotImplementedError

    def plain(self, **fields: Any) -> ImagesResponse:
        """Call the function `sync` or `asyncio` of the operation."""
        raise NotImplementedError

    def detailed(self, **fields: Any) -> Response[ImagesResponse]:
        """Call the function `sync_detailed` or `asyncio_detailed` of the operation."""
        raise NotImplementedError

    def raw(self, **arguments: Any) -> Response[ImagesResponse]:
        """Call the method `images.with_raw_response.create_variation` of the client."""
        raise NotImplementedError

    def read(self, item: Image, **arguments: Any) -> bytes:
        """Return the bytes of the image of an item."""
        raise NotImplementedError

    def save(self, item: Image, path: Any) -> Path:
        """Save the image of an item and return the path."""
        raise NotImplementedError

    def copy(self, **options: Any) -> Self:
        """Return the driver of a copy of the client with other options."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the client."""
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.close()


class SyncDriver(Driver):
    """The driver of the synchronous client."""

    def __init__(self, client: Client) -> None:
        self.client: Client = client

    def call(self, **arguments: Any) -> ImagesResponse:
        return self.client.images.create_variation(**arguments)

    def plain(self, **fields: Any) -> ImagesResponse:
        return create_image_variation.sync(client=self.client, body=CreateImageVariationRequest(**fields))

    def detailed(self, **fields: Any) -> Response[ImagesResponse]:
        return create_image_variation.sync_detailed(client=self.client, body=CreateImageVariationRequest(**fields))

    def raw(self, **arguments: Any) -> Response[ImagesResponse]:
        return self.client.images.with_raw_response.create_variation(**arguments)

    def read(self, item: Image, **arguments: Any) -> bytes:
        return item.read(**arguments)

    def save(self, item: Image, path: Any) -> Path:
        return item.save(path)

    def copy(self, **options: Any) -> Self:
        return type(self)(self.client.with_options(**options))

    def close(self) -> None:
        self.client.close()


class AsyncDriver(Driver):
    """The driver of the asynchronous client. It runs all coroutines in one event loop."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self.client: AsyncClient = client
        self._runner = runner

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the event loop of this driver."""
        return self._runner.run(coroutine)

    def call(self, **arguments: Any) -> ImagesResponse:
        return self.run(self.client.images.create_variation(**arguments))

    def plain(self, **fields: Any) -> ImagesResponse:
        return self.run(create_image_variation.asyncio(client=self.client, body=CreateImageVariationRequest(**fields)))

    def detailed(self, **fields: Any) -> Response[ImagesResponse]:
        return self.run(
            create_image_variation.asyncio_detailed(client=self.client, body=CreateImageVariationRequest(**fields))
        )

    def raw(self, **arguments: Any) -> Response[ImagesResponse]:
        return self.run(self.client.images.with_raw_response.create_variation(**arguments))

    def read(self, item: Image, **arguments: Any) -> bytes:
        return self.run(item.aread(**arguments))

    def save(self, item: Image, path: Any) -> Path:
        return self.run(item.asave(path))

    def copy(self, **options: Any) -> Self:
        return type(self)(self.client.with_options(**options), self._runner)

    def close(self) -> None:
        self.run(self.client.close())


Make = Callable[..., Driver]
MakeHttp = Callable[..., Any]


def maker(mode: str, runner: asyncio.Runner) -> Make:
    """Return a function that makes drivers of a mode from options of the client. Its default `api_key` is KEY."""

    def make(**options: Any) -> Driver:
        options = {"api_key": KEY, **options}
        if mode == "sync":
            return SyncDriver(Client(**options))
        return AsyncDriver(AsyncClient(**options), runner)

    return make


def outcome(call: Callable[[], T]) -> T | image_variations.ImageVariationsError:
    """Return what the call returns, or the ImageVariationsError that it raises. Other exceptions propagate."""
    try:
        return call()
    except image_variations.ImageVariationsError as error:
        return error
