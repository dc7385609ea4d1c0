"""How a program uses each subject, for the probes of what it does: as its documentation has it, and with its defaults.

Where `subjects` does the same work with each at its best, a user here gives `image` and the options to the subject as
they are, so that what the subject makes of them shows.
"""

from importlib import import_module
from typing import Any, Protocol

KEY = "sk-probe-5e1f"
"""The key of every client; it must not turn up where it does not belong."""

_PATH = "/images/variations"


class User(Protocol):
    """A program that calls the operation. An answer and a client are of whatever class the subject has for them."""

    def client(self, url: str, timeout: float | None, retries: int | None) -> Any:
        """Return a client; None leaves an option to the subject, and a subject without the option is spared it."""

    def call(self, client: Any, image: object, n: int, response_format: str) -> Any:
        """Make one call and return the answer."""

    def members(self, answer: Any) -> Any:
        """Return the answer as dicts and lists."""

    def items(self, answer: Any) -> list[Any]:
        """Return the items of `data`, as the subject gives them."""

    def errors(self) -> type[Exception]:
        """Return the class that the subject's own errors have in common."""

    def status(self, error: Exception) -> int | None:
        """Return the HTTP status that one of the subject's own errors carries."""


class Httpx:
    """A form posted by httpx, its status checked, JSON read."""

    def client(self, url: str, timeout: float | None, retries: int | None) -> Any:
        """Give the client the key as a header, and the URL."""
        del retries
        options = {} if timeout is None else {"timeout": timeout}
        return import_module("httpx").Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, **options)

    def call(self, client: Any, image: object, n: int, response_format: str) -> Any:
        """Post a form."""
        reply = client.post(_PATH, files={"image": image}, data={"n": str(n), "response_format": response_format})
        return reply.raise_for_status().json()

    def members(self, answer: Any) -> Any:
        """Return what JSON gave."""
        return answer

    def items(self, answer: Any) -> list[Any]:
        """Return what JSON gave."""
        return list(answer["data"])

    def errors(self) -> type[Exception]:
        """Return the root of its tree."""
        return _error_class("httpx", "HTTPError")

    def status(self, error: Exception) -> int | None:
        """Return the status of the response that the error carries."""
        return _int(getattr(getattr(error, "response", None), "status_code", None))


class OpenAi:
    """OpenAI's own SDK."""

    package = "openai"
    client_class = "OpenAI"
    error_class = "OpenAIError"

    def client(self, url: str, timeout: float | None, retries: int | None) -> Any:
        """Make a client with those options that are given."""
        options = {"timeout": timeout, "max_retries": retries}
        given = {name: value for name, value in options.items() if value is not None}
        return getattr(import_module(self.package), self.client_class)(api_key=KEY, base_url=url, **given)

    def call(self, client: Any, image: object, n: int, response_format: str) -> Any:
        """Call the method of the operation."""
        return client.images.create_variation(image=image, n=n, response_format=response_format)

    def members(self, answer: Any) -> Any:
        """Return what the model gives."""
        return answer.model_dump()

    def items(self, answer: Any) -> list[Any]:
        """Return the models of the items."""
        return list(answer.data)

    def errors(self) -> type[Exception]:
        """Return the root of its tree."""
        return _error_class(self.package, self.error_class)

    def status(self, error: Exception) -> int | None:
        """Return the status that the error carries."""
        return _int(getattr(error, "status_code", None))


class Client(OpenAi):
    """The generated client. It is called as the SDK of OpenAI is."""

    package = "image_variations"
    client_class = "Client"
    error_class = "ImageVariationsError"

    def members(self, answer: Any) -> Any:
        """Return what the model gives."""
        return answer.to_dict()


class OpenApiGenerator:
    """The client that openapi-generator makes of the same contract."""

    def client(self, url: str, timeout: float | None, retries: int | None) -> Any:
        """Give the configuration the key and the URL. The time limit is an option of each call."""
        del retries
        package = import_module("openapi_client")
        api = package.ImagesApi(package.ApiClient(package.Configuration(host=url, access_token=KEY)))
        return _WithTimeout(api, timeout)

    def call(self, client: Any, image: object, n: int, response_format: str) -> Any:
        """Call the method of the operation."""
        return client.api.create_image_variation(
            image=image, n=n, response_format=response_format, _request_timeout=client.timeout
        )

    def members(self, answer: Any) -> Any:
        """Return what the model gives."""
        return answer.to_dict()

    def items(self, answer: Any) -> list[Any]:
        """Return the models of the items."""
        return list(answer.data)

    def errors(self) -> type[Exception]:
        """Return the root of its tree."""
        return _error_class("openapi_client", "OpenApiException")

    def status(self, error: Exception) -> int | None:
        """Return the status that the error carries."""
        return _int(getattr(error, "status", None))


class _WithTimeout:
    """An API object with the time limit for its calls; its repr is that of the object."""

    def __init__(self, api: Any, timeout: float | None) -> None:
        self.api, self.timeout = api, timeout

    def __repr__(self) -> str:
        return repr(self.api)


USERS: dict[str, User] = {
    "httpx": Httpx(),
    "client": Client(),
    "openai": OpenAi(),
    "openapi-generator": OpenApiGenerator(),
}


def _error_class(package: str, name: str) -> type[Exception]:
    found: object = getattr(import_module(package), name)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        raise TypeError(f"{package}.{name} is no class of errors")
    return found


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None
