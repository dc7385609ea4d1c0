"""The server of a command: one that is running, perhaps still starting, or an app that is served for the run."""

from __future__ import annotations

import inspect
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click
from attrs import evolve

from ..engine.liveness import KeyRefused, Unreachable
from ..reference.app.service import BASE_PATH
from ..reference.app.serving import ServingError, running
from ..sources.transport import Transport
from ..wire.exchange import Request
from ..wire.target import Target
from .arguments import KEY_VARIABLES
from .errors import CommandError

_ASGI_ARGUMENTS, _WSGI_ARGUMENTS = 3, 2
_LOOPBACK = "http://127.0.0.1"
_PAUSE_SECONDS = 0.2
_STARTING = frozenset({502, 503, 504})
"""What a gateway answers while the server behind it starts."""


def url_of(urls: Sequence[str], app_name: str | None, *, reference: bool | None = None) -> str:
    """Return the base URL of the target, with a host of our own for a server that is still to be started.

    `reference` is None for a command without that option. Raises click.UsageError.
    """
    if len(urls) > 1:
        raise click.UsageError(f"expected one URL, got {len(urls)} arguments")
    kinds = {"a URL": bool(urls) and app_name is None, "--app": app_name is not None, "--reference": bool(reference)}
    given = [kind for kind, is_given in kinds.items() if is_given]
    if len(given) != 1 or (reference and urls):
        got = "neither" if not given else "both" if reference and urls else " and ".join(given)
        expected = "a URL or --app" if reference is None else "a URL, --app or --reference"
        raise click.UsageError(f"expected either {expected}, got {got}")
    if kinds["a URL"]:
        return urls[0]
    path = urls[0] if urls else BASE_PATH
    if not path.startswith("/"):
        raise click.UsageError("with --app, URL is the path before /images/variations, such as /v1")
    return f"{_LOOPBACK}{path}"


def at_origin(target: Target, origin: str) -> Target:
    """Return the target of `url_of` with the origin of the server that was started for it."""
    return evolve(target, base_url=target.base_url.replace(_LOOPBACK, origin, 1))


@contextmanager
def talking_to(target: Target, key_source: str) -> Iterator[None]:
    """Say what to do where a server cannot be reached or refuses the API key. Raises CommandError."""
    try:
        yield
    except Unreachable as error:
        raise CommandError(f"{target.base_url} cannot be reached: {error}") from error
    except KeyRefused as error:
        raise CommandError(
            f"Stopped after {error.requests} requests: each was answered 401{error.quoted}. Give the API key with "
            f"--api-key, {' or '.join(KEY_VARIABLES)}. This run had {key_source}."
        ) from error


@contextmanager
def served(name: str) -> Iterator[str]:
    """Serve an ASGI app, or that of a factory, on loopback; `name` is MODULE:ATTRIBUTE. Yields its origin.

    Raises CommandError.
    """
    app = _loaded(name)
    try:
        with running(app) as server:
            yield server.origin
    except ServingError as error:
        raise CommandError(f"--app {name}: {error}") from error


def _loaded(name: str) -> Any:
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise CommandError(f"--app: expected MODULE:ATTRIBUTE, such as shop.main:app, got {name!r}")
    # As with `python -m`, modules of the working folder can be imported.
    sys.path.insert(0, "")
    try:
        found: Any = import_module(module_name)
        for step in attribute.split("."):
            found = getattr(found, step)
        return _made(found, name)
    except CommandError:
        raise
    except (Exception, SystemExit) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = (
            "" if frame.filename == __file__ or "importlib" in frame.filename else f" ({frame.filename}:{frame.lineno})"
        )
        raise CommandError(f"--app {name} cannot be imported: {type(error).__name__}: {error}{where}") from error


def _made(found: Any, name: str) -> Any:
    """Return the app that an attribute is, or that it makes."""
    if _takes(found, _ASGI_ARGUMENTS) and not inspect.isclass(found):
        return found
    if _takes(found, 0):
        made = found()
        if _takes(made, _ASGI_ARGUMENTS):
            return made
        raise CommandError(f"--app {name}: expected a factory of an ASGI app; it returned {type(made).__name__}")
    if _takes(found, _WSGI_ARGUMENTS):
        raise CommandError(f"--app {name} is a WSGI app: wrap it, for instance with a2wsgi.WSGIMiddleware(app)")
    raise CommandError(f"--app {name}: expected an ASGI app or a factory of one, got {type(found).__name__}")


def _takes(found: Any, arguments: int) -> bool:
    try:
        inspect.signature(found).bind(*range(arguments))
    except (TypeError, ValueError):
        return False
    return True


def wait_for(target: Target, seconds: float) -> None:
    """Wait until a server that is starting responds, and not as a gateway does for it. Raises CommandError."""
    request = Request("GET", target.path, (("Host", target.host), ("Connection", "close")))
    ends = time.monotonic() + seconds
    while True:
        exchange = Transport(target, max(_PAUSE_SECONDS, ends - time.monotonic())).send("waiting", request)
        if exchange.response is not None and exchange.response.status not in _STARTING:
            return
        if time.monotonic() + _PAUSE_SECONDS > ends:
            break
        time.sleep(_PAUSE_SECONDS)
    got = f"it answered {exchange.response.status}" if exchange.response is not None else "there was no response"
    raise CommandError(f"{target.base_url} was not ready within --wait {seconds:g} s: {got} at last")
