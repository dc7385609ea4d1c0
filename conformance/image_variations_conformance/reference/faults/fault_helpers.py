"""What faults do to what a right server finds."""

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
"""How long a request that is never answered is held. Clients that are in earnest have left by then."""


class Crash(Exception):
    """An exception that nobody catches: uvicorn answers 500, as text."""


def placeholder() -> Image.Image:
    """A picture to go on with where there should be none."""
    return Image.linear_gradient("L").convert("RGB")


@contextlib.contextmanager
def crashing(status: int | None = None) -> Iterator[None]:
    """Turns a ApiError, of that status or of any, into a crash."""
    try:
        yield
    except ApiError as problem:
        if status in {None, problem.status}:
            raise Crash from problem
        raise


@contextlib.contextmanager
def answered(status: int) -> Iterator[None]:
    """Gives a ApiError another status."""
    try:
        yield
    except ApiError as problem:
        raise evolve(problem, status=status) from problem


def transport(request: IncomingRequest) -> Transport:
    """The connection that a request came by."""
    found = request.scope["extensions"][TRANSPORT]
    if not isinstance(found, Transport):
        raise TypeError("A fault that cuts the connection must run under the server of this package.")
    return found


async def hang_up(request: IncomingRequest) -> None:
    """Cuts the connection without an answer."""
    transport(request).abort()
    # uvicorn learns of it a turn of the event loop later. Until then it would miss an answer, and log that.
    await anyio.lowlevel.checkpoint()


async def hang(request: IncomingRequest) -> None:
    """Says nothing until the client leaves, or HANG_SECONDS are over."""
    with anyio.move_on_after(HANG_SECONDS):
        while (await request.receive())["type"] != "http.disconnect":
            pass
    await hang_up(request)
