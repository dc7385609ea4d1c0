"""Faults that occur only when several requests are handled at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import anyio
from attrs import define, field
from PIL import Image

from ..app.service import Service, ServiceOptions, Wanted
from ..registry import FaultFamily
from .fault_helpers import Crash, hang, hang_up

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from ..app.incoming import IncomingRequest

fault = FaultFamily("concurrency")

OVERLAP_SECONDS = 0.05
"""How long a request waits for a concurrent one, in seconds, so that the fault occurs reliably."""


class _OneAtATime(Service):
    """A Service that crashes if it is already making the images of another request."""

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
    """Answers 500 to a request that arrives while it is making images for another one."""


@fault("parallel-dropped", breaks=("IV-STATE-PARALLEL",), also=("IV-ERR-NO-5XX",))
class ParallelDropped(_OneAtATime):
    """Cuts the connection of a request that arrives while it is making images for another one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        try:
            await super().__call__(scope, receive, send)
        except Crash:
            await hang_up(self.incoming(scope, receive, send))


@fault("parallel-hangs", breaks=("IV-STATE-PARALLEL",), also=("IV-ERR-NO-5XX",), hangs=True)
class ParallelHangs(_OneAtATime):
    """Sends no response to a request that arrives while it is making images for another one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        try:
            await super().__call__(scope, receive, send)
        except Crash:
            await hang(self.incoming(scope, receive, send))


@define
class _Waiting:
    """A response that waits to be swapped with that of a concurrent request."""

    response: Response
    swapped: anyio.Event = field(factory=anyio.Event)


@fault("answers-swapped", breaks=("IV-STATE-PARALLEL",))
class AnswersSwapped(Service):
    """Swaps the responses of two concurrent requests."""

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
    """Uses the parameters of a concurrent request: they are stored in a place that all requests share."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._wanted: Wanted | None = None

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        self._wanted = wanted
        await anyio.sleep(OVERLAP_SECONDS)
        return await super().make(picture, self._wanted)

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        return super().document(request, images, self._wanted or wanted)
