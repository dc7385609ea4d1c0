"""Call a generated client without a network, and print what it sent and returned. Run as a program of its own.

Usage: python probe.py FOLDER PACKAGE HTTP_LIBRARY < trials.json

A trial is one call of a method with a prepared response: `tag`, `method`, `arguments`, `status`, `media_type` and
`body` (base64). The client of `scripts/regenerate` is used as any caller would: nothing here knows how it works. The
outcomes are printed as JSON, and `signatures` has the arguments of each method with whether they are required.
"""

import asyncio
import base64
import importlib
import inspect
import json
import sys
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

KEY = "key-of-the-probe"
BASE_URL = "http://127.0.0.1:9/base"


class Probe:
    """The synchronous and the asynchronous client of a package, whose requests are kept instead of sent."""

    def __init__(self, package: Any, models: Any, http: Any) -> None:
        self._models = models
        self._http = http
        self._sent: list[Any] = []
        self._answer: dict[str, Any] = {}
        transport = http.MockTransport(self._handle)
        options = {"api_key": KEY, "base_url": BASE_URL, "max_retries": 0}
        self._clients = [
            package.Client(http_client=http.Client(transport=transport), **options),
            package.AsyncClient(http_client=http.AsyncClient(transport=transport), **options),
        ]

    def _handle(self, request: Any) -> Any:
        self._sent.append(request)
        headers = {"content-type": self._answer["media_type"]} if self._answer["media_type"] else {}
        content = base64.b64decode(self._answer["body"])
        return self._http.Response(self._answer["status"], headers=headers, content=content)

    def outcomes(self, trial: dict[str, Any], runner: asyncio.Runner) -> list[dict[str, Any]]:
        """Return the outcome of a trial with each of the two clients."""
        return [self._outcome(client, trial, runner) for client in self._clients]

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

    def _outcome(self, client: Any, trial: dict[str, Any], runner: asyncio.Runner) -> dict[str, Any]:
        self._sent.clear()
        self._answer = trial
        outcome: dict[str, Any] = {"sent": None, "returned": None, "raised": None}
        try:
            arguments = {name: self._value(value) for name, value in trial["arguments"].items()}
            result = self._method(client, trial["tag"], trial["method"])(**arguments)
            result = runner.run(_awaited(result)) if inspect.isawaitable(result) else result
            outcome["returned"] = {"class": type(result).__name__, "value": _plain(result)}
        except Exception as error:  # noqa: BLE001 - whatever the client raises is the outcome
            outcome["raised"] = {
                "classes": [each.__name__ for each in type(error).__mro__],
                "message": str(error),
                "parsed_class": type(getattr(error, "parsed", None)).__name__,
                "parsed": _plain(getattr(error, "parsed", None)),
            }
        for request in self._sent:
            outcome["sent"] = {
                "method": request.method,
                "target": request.url.raw_path.decode(),
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": base64.b64encode(request.content).decode(),
            }
        return outcome

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
                return base64.b64decode(inner["head"]).ljust(inner["size"], b"\0")
            case "date":
                return date.fromisoformat(inner)
            case "date-time":
                return datetime.fromisoformat(inner)
            case "uuid":
                return UUID(inner)
        raise ValueError(kind)


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


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


def main() -> None:
    """Run the trials of the standard input."""
    folder, name, library = sys.argv[1:]
    sys.path.insert(0, folder)
    plan = json.load(sys.stdin)
    package, models, http = (importlib.import_module(each) for each in (name, f"{name}.models", library))
    with asyncio.Runner() as runner:
        probe = Probe(package, models, http)
        signatures: dict[str, Any] = {}
        for tag, method in plan["methods"]:
            try:
                signatures[f"{tag}.{method}"] = probe.signatures(tag, method)
            except AttributeError as error:
                signatures[f"{tag}.{method}"] = str(error)
        outcomes = [probe.outcomes(each, runner) for each in plan["trials"]]
    sys.stdout.write(json.dumps({"signatures": signatures, "outcomes": outcomes}))  # json.dump writes word by word


if __name__ == "__main__":
    main()
