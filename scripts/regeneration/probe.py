"""Import a generated client, call it without a network, and print what it sent and returned. Run as a program.

Usage: python -W error probe.py FOLDER PACKAGE HTTP_LIBRARY

The program imports every module of the package, where a warning is an error. It reads a line with the methods, each as
`[tag, name]`, and prints a line with the arguments of each and whether they are required. Then it reads a line for each
trial, until `null`, and when all are there, prints a line for each with the outcomes of both clients. Lines are JSON.

A trial is one call of a method with a prepared response: `tag`, `method`, `arguments`, `status`, `media_type` and
`body` (base64). Or it is a `value` of JSON that a `model` reads, which both clients do alike. The client of
`scripts/regenerate` is used as any caller would: nothing here knows how it works.
"""

import asyncio
import base64
import importlib
import inspect
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

KEY = "key-of-the-probe"
BASE_URL = "http://127.0.0.1:9/base"


def in_short(head: bytes, size: int) -> bytes:
    """Return how a file of `size` bytes that begins with `head`, and goes on with zeros, is written in outcomes."""
    return head + b"<%d bytes>" % size


class Probe:
    """The synchronous and the asynchronous client of a package, whose requests are kept instead of sent."""

    def __init__(self, package: Any, models: Any, http: Any) -> None:
        self._models = models
        self._response = http.Response
        self._sent: list[Any] = []
        self._answer: dict[str, Any] = {}
        self._files: dict[bytes, tuple[bytes, bytes]] = {}
        options = {"api_key": KEY, "base_url": BASE_URL, "max_retries": 0}
        # Requests are kept in the place of sending, since what the library does after that is not generated.
        synchronous, asynchronous = http.Client(), http.AsyncClient()
        synchronous.send, asynchronous.send = self._send, self._send_async
        self._clients = [
            package.Client(http_client=synchronous, **options),
            package.AsyncClient(http_client=asynchronous, **options),
        ]

    def _send(self, request: Any, **_: Any) -> Any:
        request.read()
        return self._kept(request)

    async def _send_async(self, request: Any, **_: Any) -> Any:
        await request.aread()
        return self._kept(request)

    def _kept(self, request: Any) -> Any:
        self._sent.append(request)
        headers = {"content-type": self._answer["media_type"]} if self._answer["media_type"] else {}
        content = base64.b64decode(self._answer["body"])
        return self._response(self._answer["status"], headers=headers, content=content, request=request)

    async def outcomes(self, trial: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the outcome of a trial with each of the two clients, or of what they share."""
        if "model" in trial:
            return [self._reading(trial["model"], trial["value"])]
        return [await self._outcome(client, trial) for client in self._clients]

    def signatures(self, tag: str, method: str) -> list[dict[str, bool]]:
        """Return the arguments of a method of each client, and whether they are required."""
        found = [inspect.signature(self._method(client, tag, method)) for client in self._clients]
        return [
            {name: parameter.default is parameter.empty for name, parameter in signature.parameters.items()}
            for signature in found
        ]

    def _method(self, client: Any, tag: str, method: str) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(getattr(client, tag), method)
        return function

    async def _outcome(self, client: Any, trial: dict[str, Any]) -> dict[str, Any]:
        self._sent.clear()
        self._files.clear()
        self._answer = trial
        outcome: dict[str, Any] = {"sent": None, "returned": None, "raised": None}
        try:
            arguments = {name: self._value(value) for name, value in trial["arguments"].items()}
            result = self._method(client, trial["tag"], trial["method"])(**arguments)
            result = await result if inspect.isawaitable(result) else result
            outcome["returned"] = _read(result)
        except Exception as error:  # noqa: BLE001 - whatever the client raises is the outcome
            outcome["raised"] = _raised(error)
        for request in self._sent:
            outcome["sent"] = {
                "method": request.method,
                "target": request.url.raw_path.decode(),
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": base64.b64encode(self._shortened(request.content)).decode(),
            }
        return outcome

    def _reading(self, model: str, value: Any) -> dict[str, Any]:
        try:
            result = getattr(self._models, model).from_dict(value)
        except Exception as error:  # noqa: BLE001 - whatever the model raises is the outcome
            return {"returned": None, "raised": _raised(error)}
        return {"returned": _read(result), "raised": None}

    def _shortened(self, content: bytes) -> bytes:
        """Return the content of a request with each file in short: files at a limit of the document can be large."""
        for file, (head, short) in sorted(self._files.items(), key=lambda each: -len(each[0])):
            # Quicker than `replace`, which prepares the search for a long text. One file can be the beginning of
            # another, so the longest comes first.
            start = content.find(head)
            while start >= 0:
                if content.startswith(file, start):
                    content = content[:start] + short + content[start + len(file) :]
                start = content.find(head, start + 1)
        return content

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict) or not value:
            return value
        [(kind, inner)] = value.items()
        match kind:
            case "model":
                name, members = inner
                return getattr(self._models, name)(**{name: self._value(each) for name, each in members.items()})
            case "file":
                head = base64.b64decode(inner["head"])
                file = head.ljust(inner["size"], b"\0")
                self._files[file] = head, in_short(head, inner["size"])
                return file
            case "date":
                return date.fromisoformat(inner)
            case "date-time":
                return datetime.fromisoformat(inner)
            case "uuid":
                return UUID(inner)
        raise ValueError(kind)


def _raised(error: Exception) -> dict[str, Any]:
    classes = [each.__name__ for each in type(error).__mro__]
    return {"classes": classes, "message": str(error), "parsed": _read(getattr(error, "parsed", None))}


def _read(value: Any) -> dict[str, Any]:
    """Return a value that was read, and the classes of the models in it by their place."""
    return {"value": _plain(value), "models": dict(_models_in(value, ()))}


def _models_in(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _models_in(item, (*path, str(index)))
    elif hasattr(value, "to_dict"):
        model: Any = type(value)
        yield ".".join(path), model.__name__
        for name in _attributes(model):
            yield from _models_in(getattr(value, name), (*path, name))


@cache
def _attributes(model: Any) -> list[str]:
    return list(inspect.signature(model).parameters)


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | float | bool | dict) else str(value)


async def main() -> None:
    """Hold the conversation that the module describes."""
    folder, name, library = sys.argv[1:]
    printed, sys.stdout = sys.stdout, sys.stderr  # a package that prints does not disturb the conversation
    sys.path.insert(0, folder)
    for path in sorted(Path(folder, name).rglob("*.py")):
        importlib.import_module(".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"))
    warnings.resetwarnings()
    package, models, http = (importlib.import_module(each) for each in (name, f"{name}.models", library))
    probe = Probe(package, models, http)
    signatures: list[Any] = []
    for tag, method in json.loads(sys.stdin.readline()):
        try:
            signatures.append(probe.signatures(tag, method))
        except AttributeError:
            signatures.append(None)
    print(json.dumps(signatures), file=printed, flush=True)
    for trial in list(iter(sys.stdin.readline, "null\n")):
        print(json.dumps(await probe.outcomes(json.loads(trial))), file=printed)


if __name__ == "__main__":
    asyncio.run(main())
