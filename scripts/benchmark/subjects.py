"""How each subject does the same work, written as its own documentation has it.

Each subject is a class with the same methods. A method prepares, with a client of its own, and returns what is timed.
A call returns `created` of the answer. Nothing here is imported before it is needed: importing is measured too.
"""

import base64
import io
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

_KEY = "sk-bench"
_JSON = {"Content-Type": "application/json"}


class Subject(Protocol):
    """A way to call the operation."""

    def call(self, url: str, image: bytes, answer: str) -> Callable[[], int]:
        """One image in, one out; `answer` is what `response_format` is to be. Return what makes one call."""

    def upload(self, url: str) -> Callable[[Path], int]:
        """Return what sends the file at a path, without reading it into memory where the subject can do so."""

    def decode(self, body: bytes, image: bytes) -> Callable[[], list[bytes]]:
        """Return what makes one call that is answered with `body` from memory, and reads the images out of it."""

    def concurrent_call(self, url: str, image: bytes) -> Callable[[], Awaitable[int]]:
        """Return what makes one asynchronous call. Raises NotImplementedError where the subject has none."""


class Httpx:
    """httpx or its continuation by itself: a form posted, JSON read."""

    def __init__(self, library: str) -> None:
        self._library = library

    def call(self, url: str, image: bytes, answer: str) -> Callable[[], int]:
        """Make calls with one client."""
        return self._calls(import_module(self._library).Client(), url, image, answer)

    def upload(self, url: str) -> Callable[[Path], int]:
        """Send an open file, which httpx streams."""
        client = import_module(self._library).Client(timeout=60)

        def run(path: Path) -> int:
            with path.open("rb") as file:
                return created(client.post(url + _PATH, headers=_auth(), files=_form(file), data=_fields("url")).json())

        return run

    def decode(self, body: bytes, image: bytes) -> Callable[[], list[bytes]]:
        """Read the images with json and base64."""
        client = import_module(self._library).Client(transport=_from_memory(self._library, body))

        def run() -> list[bytes]:
            reply = client.post(_NOWHERE + _PATH, headers=_auth(), files=_form(image), data=_fields("b64_json")).json()
            return [base64.b64decode(item["b64_json"]) for item in reply["data"]]

        return run

    def concurrent_call(self, url: str, image: bytes) -> Callable[[], Awaitable[int]]:
        """Make calls with one asynchronous client."""
        client = import_module(self._library).AsyncClient()

        async def run() -> int:
            reply = await client.post(url + _PATH, headers=_auth(), files=_form(image), data=_fields("url"))
            return created(reply.json())

        return run

    def _calls(self, client: Any, url: str, image: bytes, answer: str) -> Callable[[], int]:
        def run() -> int:
            reply = client.post(url + _PATH, headers=_auth(), files=_form(image), data=_fields(answer))
            return created(reply.json())

        return run


class Client:
    """The generated client, over whichever HTTP library its package was generated for."""

    def __init__(self, library: str = "httpx", *, over_aiohttp: bool = False) -> None:
        self._library, self._over_aiohttp = library, over_aiohttp

    def call(self, url: str, image: bytes, answer: str) -> Callable[[], int]:
        """Make calls with one client."""
        client = import_module("image_variations").Client(api_key=_KEY, base_url=url)
        return lambda: int(client.images.create_variation(image=image, n=1, response_format=answer).created)

    def upload(self, url: str) -> Callable[[Path], int]:
        """Send a file by its path. It is too large for the contract, so nothing is checked before."""
        client = import_module("image_variations").Client(api_key=_KEY, base_url=url, preflight=False)
        return lambda path: int(client.images.create_variation(image=path, n=1, response_format="url").created)

    def decode(self, body: bytes, image: bytes) -> Callable[[], list[bytes]]:
        """Read the images as the client gives them."""
        http_client = import_module(self._library).Client(transport=_from_memory(self._library, body))
        package = import_module("image_variations")
        client = package.Client(api_key=_KEY, base_url=_NOWHERE, http_client=http_client)

        def run() -> list[bytes]:
            reply = client.images.create_variation(image=image, n=1, response_format="b64_json")
            return [item.read() for item in reply.data]

        return run

    def concurrent_call(self, url: str, image: bytes) -> Callable[[], Awaitable[int]]:
        """Make calls with one asynchronous client."""
        http_client = import_module("httpx_aiohttp").HttpxAiohttpClient() if self._over_aiohttp else None
        client = import_module("image_variations").AsyncClient(api_key=_KEY, base_url=url, http_client=http_client)

        async def run() -> int:
            return int((await client.images.create_variation(image=image, n=1, response_format="url")).created)

        return run


class OpenAi:
    """OpenAI's own SDK."""

    def call(self, url: str, image: bytes, answer: str) -> Callable[[], int]:
        """Make calls with one client."""
        client = import_module("openai").OpenAI(api_key=_KEY, base_url=url)
        return lambda: int(client.images.create_variation(image=image, n=1, response_format=answer).created)

    def upload(self, url: str) -> Callable[[Path], int]:
        """Send an open file: one given by its path is read into memory first."""
        client = import_module("openai").OpenAI(api_key=_KEY, base_url=url)

        def run(path: Path) -> int:
            with path.open("rb") as file:
                return int(client.images.create_variation(image=file, n=1, response_format="url").created)

        return run

    def decode(self, body: bytes, image: bytes) -> Callable[[], list[bytes]]:
        """Read the images with base64: the SDK leaves them as text."""
        http_client = import_module("httpx2").Client(transport=_from_memory("httpx2", body))
        client = import_module("openai").OpenAI(api_key=_KEY, base_url=_NOWHERE, http_client=http_client)

        def run() -> list[bytes]:
            reply = client.images.create_variation(image=image, n=1, response_format="b64_json")
            return [base64.b64decode(item.b64_json) for item in reply.data]

        return run

    def concurrent_call(self, url: str, image: bytes) -> Callable[[], Awaitable[int]]:
        """Make calls with one asynchronous client."""
        client = import_module("openai").AsyncOpenAI(api_key=_KEY, base_url=url)

        async def run() -> int:
            return int((await client.images.create_variation(image=image, n=1, response_format="url")).created)

        return run


class OpenApiGenerator:
    """The client that openapi-generator makes of the same contract, as it comes."""

    def call(self, url: str, image: bytes, answer: str) -> Callable[[], int]:
        """Make calls with one client."""
        api = self._api(url)
        return lambda: int(api.create_image_variation(image=("image.png", image), n=1, response_format=answer).created)

    def upload(self, url: str) -> Callable[[Path], int]:
        """Send a file by its path, which the client reads into memory."""
        api = self._api(url)
        return lambda path: int(api.create_image_variation(image=str(path), n=1, response_format="url").created)

    def decode(self, body: bytes, image: bytes) -> Callable[[], list[bytes]]:
        """Read the images with base64: the client leaves them as text."""
        api = self._api(_NOWHERE)
        api.api_client.rest_client.pool_manager = _Pool(body)

        def run() -> list[bytes]:
            reply = api.create_image_variation(image=("image.png", image), n=1, response_format="b64_json")
            return [base64.b64decode(item.b64_json) for item in reply.data]

        return run

    def concurrent_call(self, url: str, image: bytes) -> Callable[[], Awaitable[int]]:
        """Refuse: what is generated by default is synchronous."""
        raise NotImplementedError("synchronous only")

    def _api(self, url: str) -> Any:
        package = import_module("openapi_client")
        settings = package.Configuration(host=url, access_token=_KEY)
        return package.ImagesApi(package.ApiClient(settings))


class _Pool:
    """Stands for urllib3's pool of connections, and answers from memory."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._response = import_module("urllib3").HTTPResponse

    def request(self, *_: object, **__: object) -> Any:
        return self._response(io.BytesIO(self._body), status=200, headers=_JSON, preload_content=False)


SUBJECTS: dict[str, Subject] = {
    "httpx": Httpx("httpx"),
    "httpx2": Httpx("httpx2"),
    "client": Client(),
    "client[speed]": Client(),
    "client on httpx2": Client("httpx2"),
    "client on aiohttp": Client(over_aiohttp=True),
    "openai": OpenAi(),
    "openapi-generator": OpenApiGenerator(),
}

_PATH = "/images/variations"
_NOWHERE = "http://127.0.0.1:9"


def _auth() -> dict[str, str]:
    return {"Authorization": f"Bearer {_KEY}"}


def _form(image: object) -> dict[str, tuple[str, object, str]]:
    return {"image": ("image.png", image, "image/png")}


def _fields(answer: str) -> dict[str, str]:
    return {"n": "1", "response_format": answer}


def _from_memory(library: str, body: bytes) -> Any:
    httpx = import_module(library)
    return httpx.MockTransport(lambda _: httpx.Response(200, content=body, headers=_JSON))


def created(reply: dict[str, Any]) -> int:
    """Return `created` of an answer that was read as JSON."""
    return int(reply["created"])
