"""Servers that are slow, or that ask clients to retry later."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Unpack

import anyio
from PIL import Image

from ..app.api_error import ApiError
from ..app.service import Service, ServiceOptions, Wanted
from ..registry import QuirkFamily

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("load")

_LIMITS = "IV-LIMIT-RETRY"
_REJECTION_PERIOD = 40
_MAX_CONCURRENT = 4
_SLOW_SECONDS = 0.05


@quirk("slow", by="unspecified: response times")
class Slow(Service):
    """Responds slowly, and more slowly the more images are requested."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        options.setdefault("latency", _SLOW_SECONDS)
        super().__init__(**options)

    async def vary(self, request: IncomingRequest) -> Response:
        await anyio.sleep(self.latency)
        return await super().vary(request)


@quirk("one-at-a-time", by="IV-STATE-PARALLEL: concurrent requests get the same responses, not as fast")
class OneAtATime(Service):
    """Makes the images of concurrent requests one request after the other."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._turn = anyio.Lock()

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        async with self._turn:
            return await super().make(picture, wanted)


class _Limited(Service):
    """A Service that refuses one of every _REJECTION_PERIOD requests and asks for a retry after a second."""

    status = 429

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._request_count = 0

    async def vary(self, request: IncomingRequest) -> Response:
        self._request_count += 1
        # The first request is refused too, because clients often use it alone to check that a server is up.
        if self._request_count % _REJECTION_PERIOD == 1:
            raise ApiError("Too many requests.", status=self.status, headers={"Retry-After": self.retry_after()})
        return await super().vary(request)

    def retry_after(self) -> str:
        """Return the value of Retry-After."""
        return "1"


@quirk("rate-limited", by=_LIMITS)
class RateLimited(_Limited):
    """Answers 429 to one request in 40, with seconds in Retry-After."""


@quirk("rate-limited-until", by="RFC 9110 section 10.2.3: a date or seconds")
class RateLimitedUntil(_Limited):
    """Answers 429 to one request in 40, with a date in Retry-After."""

    def retry_after(self) -> str:
        return formatdate(time.time() + 1, usegmt=True)


@quirk("unavailable-at-times", by=_LIMITS)
class UnavailableAtTimes(_Limited):
    """Answers 503 to one request in 40, with seconds in Retry-After."""

    status = 503


@quirk("four-at-once", by=_LIMITS)
class FourAtOnce(Service):
    """Answers 429 with Retry-After while it makes the images of four other requests."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._active = 0

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        if self._active == _MAX_CONCURRENT:
            raise ApiError("Too many requests at once.", status=429, headers={"Retry-After": "1"})
        self._active += 1
        try:
            # Long enough for the fifth concurrent request to arrive before the first ones are done.
            await anyio.sleep(_SLOW_SECONDS)
            return await super().make(picture, wanted)
        finally:
            self._active -= 1
