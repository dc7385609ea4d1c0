"""Servers that take their time, or ask for some."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Unpack

import anyio
from PIL import Image

from ..app.api_error import ApiError
from ..app.service import Service, ServiceOptions, Wanted
from .registry import QuirkFamily

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("load")

_LIMITS = "IV-LIMIT-RETRY"
_EVERY = 40
_AT_ONCE = 4
_SLOW_SECONDS = 0.05


@quirk("slow", by="nothing said of time")
class Slow(Service):
    """Waits before each answer, and longer for more images."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        options.setdefault("latency", _SLOW_SECONDS)
        super().__init__(**options)

    async def vary(self, request: IncomingRequest) -> Response:
        await anyio.sleep(self.latency)
        return await super().vary(request)


@quirk("one-at-a-time", by="IV-STATE-PARALLEL: answered as if alone, not as soon")
class OneAtATime(Service):
    """Makes the images of one request after those of the other."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._turn = anyio.Lock()

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        async with self._turn:
            return await super().make(picture, wanted)


class _Limited(Service):
    """A Service that turns a request away now and then, and asks for it again after a second."""

    status = 429

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._asked = 0

    async def vary(self, request: IncomingRequest) -> Response:
        self._asked += 1
        # The first one too: many look at nothing else to see whether a server is there.
        if self._asked % _EVERY == 1:
            raise ApiError("Too many requests.", status=self.status, headers={"Retry-After": self.retry_after()})
        return await super().vary(request)

    def retry_after(self) -> str:
        """When to come again."""
        return "1"


@quirk("rate-limited", by=_LIMITS)
class RateLimited(_Limited):
    """Answers 429 now and then, with the seconds to wait in Retry-After."""


@quirk("rate-limited-until", by="RFC 9110 section 10.2.3: a date, or seconds")
class RateLimitedUntil(_Limited):
    """Answers 429 now and then, with the time of day in Retry-After."""

    def retry_after(self) -> str:
        return formatdate(time.time() + 1, usegmt=True)


@quirk("unavailable-at-times", by=_LIMITS)
class UnavailableAtTimes(_Limited):
    """Answers 503 now and then, with the seconds to wait in Retry-After."""

    status = 503


@quirk("four-at-once", by=_LIMITS)
class FourAtOnce(Service):
    """Answers 429 to what comes while it is at work on four requests, and asks for it again after a second."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._at_work = 0

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        if self._at_work == _AT_ONCE:
            raise ApiError("Too many requests at once.", status=429, headers={"Retry-After": "1"})
        self._at_work += 1
        try:
            # So that the eighth request comes while the first are at work, however quick these are.
            await anyio.sleep(_SLOW_SECONDS)
            return await super().make(picture, wanted)
        finally:
            self._at_work -= 1
