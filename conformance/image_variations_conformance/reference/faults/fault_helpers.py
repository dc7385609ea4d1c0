"""Helpers of the faults: crashes, changed statuses, cut and hanging connections."""

from __future__ import annotations

import contextlib
from asyncio import Transport
from collections.abc import Iterator
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from attrs import evolve
from PIL import Image

from ..app.api_error import ApiError
from ..app.extensions import TRANSPORT

if TYPE_CHECKING:
    from ..app.incoming import IncomingRequest

HANG_SECONDS = 5.0
"""How long a request without a response is held, in seconds. It must be longer than the timeout of the client."""


class Crash(Exception):
    """An exception that is not caught, so that uvicorn sends a 500 in plain text."""


def placeholder() -> Image.Image:
    """Return a picture to use in place of a missing or invalid one."""
    return Image.linear_gradient("L").convert("RGB")


@contextlib.contextmanager
def crashing(status: int | None = None) -> Iterator[None]:
    """Turn an ApiError into a Crash: only one with the given status, or any if it is None."""
    try:
        yield
    except ApiError as problem:
        if status in {None, problem.status}:
            raise Crash from problem
        raise


@contextlib.contextmanager
def answered(status: int) -> Iterator[None]:
    """Change the status of an ApiError."""
    try:
        yield
    except ApiError as problem:
        raise evolve(problem, status=status) from problem


def transport(request: IncomingRequest) -> Transport:
    """Return the transport of the connection of a request. Raises TypeError if another server set it."""
    connection = request.scope["extensions"][TRANSPORT]
    if not isinstance(connection, Transport):
        raise TypeError("A fault that cuts the connection must run under reference.app.serving.")
    return connection


async def hang_up(request: IncomingRequest) -> None:
    """Cut the connection without a response."""
    transport(request).abort()
    # uvicorn notices one turn of the event loop later; before, it would log that the response is missing.
    await anyio.lowlevel.checkpoint()


async def hang(request: IncomingRequest) -> None:
    """Send nothing until the client disconnects or HANG_SECONDS have passed, then cut the connection."""
    with anyio.move_on_after(HANG_SECONDS):
        while (await request.receive())["type"] != "http.disconnect":
            pass
    await hang_up(request)
