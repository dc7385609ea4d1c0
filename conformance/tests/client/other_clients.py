"""Clients generated from other contracts than ours."""

import asyncio
import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from regeneration.__main__ import run

CONTRACTS = Path(__file__).parents[1] / "contracts"


@contextmanager
def generated(contract: str, folder: Path) -> Iterator[ModuleType]:
    """Generate the client of a contract of tests/contracts in a folder, and yield the package, named after it."""
    assert run(CONTRACTS / f"{contract}.yaml", folder / contract, check=False) == 0
    sys.path.insert(0, str(folder))
    yield importlib.import_module(contract)
    sys.path.remove(str(folder))


class Caller:
    """A synchronous or asynchronous client of a package, with one way to call both."""

    def __init__(self, package: ModuleType, mode: str, base_url: str, runner: asyncio.Runner, api_key: str) -> None:
        kind = package.Client if mode == "sync" else package.AsyncClient
        self.client = kind(api_key=api_key, base_url=base_url)
        self._runner = runner

    def __call__(self, function: Callable[..., Any], **arguments: Any) -> Any:
        """Call a function of the client and return its result. Run the event loop if the result is awaitable."""
        result = function(**arguments)
        return self._runner.run(_await(result)) if inspect.isawaitable(result) else result


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
