"""The same work done with each subject, in the way its documentation shows.

Each method creates a client and returns the function that is timed. The function of a call returns `created` of the
response. The subjects are imported in the methods, because each environment has only one of them.
"""

import base64
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

_KEY = "sk-bench"
_PATH = "/images/variations"
_NOWHERE = "http://127.0.0.1:9"


class Subject(Protocol):
    """A library that can call the operation."""

    def call(self, url: str, image: bytes, response_format: str) -> Callable[[], int]:
        """Return a function that makes one call with n=1 and the given `response_format`."""

    def upload(self, url: str) -> Callable[[Path], int]:
        """Return a function that sends the file at a path, streamed if the subject can do that."""

    def decode(self, body: bytes, image: bytes) -> Callable[[], list[bytes]]:
        """Return a function that makes one call, gets the response `body` from memory, and returns the images."""

    def concurrent_call(self, url: str, image: bytes) -> Callable[[], Awaitable[int]]:
        """Return a coroutine function that makes one call."""


class Httpx:
    """httpx without a client library: post a form, read JSON."""

    def call(self, url: str, image: bytes, response_format: str) -> Callable[[], int]:
        """Return a function that posts the form."""
        client = import_module("httpx").Client()

        def run() -> int:
            reply = client.post(url + _PATH, headers=_auth(), files=_form(image), data=_fields(response_format))
            return int(reply.json()["created"])

        return run

    def upload(self, url: str) -> Callable[[Path], int]:
        """Return a function that posts an open file, which httpx streams."""
        client = import_module("httpx").Client(timeout=60)

        def run(path: Path) -> int:
            with path.open("rb") as file:
                reply = client.post(url + _PATH, headers=_auth(), files=_form(file), data=_fields("url"))
            return int(reply.json()["created"])

        return run

    def decode(self, body: bytes, image: bytes) -> Callable[[], list[bytes]]:
        """Return a function that decodes with json and base64."""
        client = import_module("httpx").Client(transport=_from_memory("httpx", body))

        def run() -> list[bytes]:
            reply = client.post(_NOWHERE + _PATH, headers=_auth(), files=_form(image), data=_fields("b64_json")).json()
            return [base64.b64decode(item["b64_json"]) for item in reply["data"]]

        return run

    def concurrent_call(self, url: str, image: bytes) -> Callable[[], Awaitable[int]]:
        """Return a coroutine function that posts the form."""
        client = import_module("httpx").AsyncClient()

        async def run() -> int:
            reply = await client.post(url + _PATH, headers=_auth(), files=_form(image), data=_fields("url"))
            return int(reply.json()["created"])

        return run


class Client:
    """The generated client."""

    def call(self, url: str, image: bytes, response_format: str) -> Callable[[], int]:
        """Return a function that calls the method of the operation."""
        client = import_module("image_variations").Client(api_key=_KEY, base_url=url)
        return lambda: int(client.images.create_variation(image=image, n=1, response_format=response_format).created)

    def upload(self, url: str) -> Callable[[Path], int]:
        """Return a function that sends a path. Without `preflight=False` the client refuses so large a file."""
        client = import_module("image_variations").Client(api_key=_KEY, base_url=url, preflight=False)
        return lambda path: int(client.images.create_variation(image=path, n=1, response_format="url").created)

    def decode(self, body: bytes, image: bytes) -> Callable[[], list[bytes]]:
        """Return a function that decodes with `read()` of the items."""
        http_client = import_module("httpx").Client(transport=_from_memory("httpx", body))
        package = import_module("image_variations")
        client = package.Client(api_key=_KEY, base_url=_NOWHERE, http_client=http_client)

        def run() -> list[bytes]:
            reply = client.images.create_variation(image=image, n=1, response_format="b64_json")
            return [item.read() for item in reply.data]

        return run

    def concurrent_call(self, url: str, image: bytes) -> Callable[[], Awaitable[int]]:
        """Return a coroutine function that calls the method of the operation."""
        client = import_module("image_variations").AsyncClient(api_key=_KEY, base_url=url)

        async def run() -> int:
            return int((await client.images.create_variation(image=image, n=1, response_format="url")).created)

        return run


class OpenAi:
    """The openai SDK."""

    def call(self, url: str, image: bytes, response_format: str) -> Callable[[], int]:
        """Return a function that calls the method of the operation."""
        client = import_module("openai").OpenAI(api_key=_KEY, base_url=url)
        return lambda: int(client.images.create_variation(image=image, n=1, response_format=response_format).created)

    def upload(self, url: str) -> Callable[[Path], int]:
        """Return a function that sends an open file; the SDK would read a path into memory."""
        client = import_module("openai").OpenAI(api_key=_KEY, base_url=url)

        def run(path: Path) -> int:
            with path.open("rb") as file:
                return int(client.images.create_variation(image=file, n=1, response_format="url").created)

        return run

    def decode(self, body: bytes, image: bytes) -> Callable[[], list[bytes]]:
        """Return a function that decodes with base64; the SDK returns the text."""
        http_client = import_module("httpx2").Client(transport=_from_memory("httpx2", body))
        client = import_module("openai").OpenAI(api_key=_KEY, base_url=_NOWHERE, http_client=http_client)

        def run() -> list[bytes]:
            reply = client.images.create_variation(image=image, n=1, response_format="b64_json")
            return [base64.b64decode(item.b64_json) for item in reply.data]

        return run

    def concurrent_call(self, url: str, image: bytes) -> Callable[[], Awaitable[int]]:
        """Return a coroutine function that calls the method of the operation."""
        client = import_module("openai").AsyncOpenAI(api_key=_KEY, base_url=url)

        async def run() -> int:
            return int((await client.images.create_variation(image=image, n=1, response_format="url")).created)

        return run


SUBJECTS: dict[str, Subject] = {"httpx": Httpx(), "client": Client(), "client[speed]": Client(), "openai": OpenAi()}


def _auth() -> dict[str, str]:
    return {"Authorization": f"Bearer {_KEY}"}


def _form(image: object) -> dict[str, tuple[str, object, str]]:
    return {"image": ("image.png", image, "image/png")}


def _fields(response_format: str) -> dict[str, str]:
    return {"n": "1", "response_format": response_format}


def _from_memory(library: str, body: bytes) -> Any:
    """Return a transport of httpx, or of httpx2, which openai uses, whose response is always `body`."""
    httpx = import_module(library)
    headers = {"Content-Type": "application/json"}
    return httpx.MockTransport(lambda _: httpx.Response(200, content=body, headers=headers))
