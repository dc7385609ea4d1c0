"""Requests at the same time that get into each other's way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import anyio
from attrs import define, field
from PIL import Image

from ..app.service import Service, ServiceOptions, Wanted
from .fault_helpers import Crash, hang, hang_up
from .registry import FaultFamily

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from ..app.incoming import IncomingRequest

fault = FaultFamily("concurrency")

OVERLAP_SECONDS = 0.05
"""How long a request waits for another to come, so that the fault does not depend on luck."""


class _OneAtATime(Service):
    """A Service that can tell whether it is at work on a request already."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._busy = False

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        if self._busy:
            raise Crash
        self._busy = True
        try:
            await anyio.sleep(OVERLAP_SECONDS)
            return await super().make(picture, wanted)
        finally:
            self._busy = False


@fault("parallel-crashes", breaks=("IV-STATE-PARALLEL",), also=("IV-ERR-NO-5XX",))
class ParallelCrashes(_OneAtATime):
    """Answers 500 while it is at work on another request."""


@fault("parallel-dropped", breaks=("IV-STATE-PARALLEL",), also=("IV-ERR-NO-5XX",))
class ParallelDropped(_OneAtATime):
    """Cuts the connection while it is at work on another request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI)."""
        try:
            await super().__call__(scope, receive, send)
        except Crash:
            await hang_up(self.incoming(scope, receive, send))


@fault("parallel-hangs", breaks=("IV-STATE-PARALLEL",), also=("IV-ERR-NO-5XX",), hangs=True)
class ParallelHangs(_OneAtATime):
    """Never answers a request that came while it was at work on another."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI)."""
        try:
            await super().__call__(scope, receive, send)
        except Crash:
            await hang(self.incoming(scope, receive, send))


@define
class _Waiting:
    """An answer that waits for another to be swapped with."""

    response: Response
    swapped: anyio.Event = field(factory=anyio.Event)


@fault("answers-swapped", breaks=("IV-STATE-PARALLEL",))
class AnswersSwapped(Service):
    """Gives each of two requests at the same time the answer of the other."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._waiting: _Waiting | None = None

    async def vary(self, request: IncomingRequest) -> Response:
        response = await super().vary(request)
        if self._waiting is not None:
            other, self._waiting = self._waiting, None
            other.response, response = response, other.response
            other.swapped.set()
            return response
        self._waiting = waiting = _Waiting(response)
        with anyio.move_on_after(OVERLAP_SECONDS):
            await waiting.swapped.wait()
        if self._waiting is waiting:
            self._waiting = None
        return waiting.response


@fault("wishes-shared", breaks=("IV-STATE-PARALLEL",))
class WishesShared(Service):
    """Keeps what a request asks for where the next one at the same time overwrites it."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._wanted: Wanted | None = None

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        self._wanted = wanted
        await anyio.sleep(OVERLAP_SECONDS)
        return await super().make(picture, self._wanted)

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        return super().document(request, images, self._wanted or wanted)
