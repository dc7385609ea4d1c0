"""Servers that are slow, or that ask clients to retry later."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Unpack

import anyio
from PIL import Image

from ..app.api_error import ApiError
from ..app.service import Service, ServiceOptions, Wanted
from ..faults.factories import limits_rate
from ..registry import QuirkFamily

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("load")

_LIMITS = "IV-LIMIT-RETRY"
_REJECTION_PERIOD = 40
_MAX_CONCURRENT = 4
_SLOW_SECONDS = 0.05
_LOADING_SECONDS = 3.0


@quirk.service("slow", "unspecified: response times")
class Slow(Service):
    """Responds slowly, and more slowly the more images are requested."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        options.setdefault("latency", _SLOW_SECONDS)
        super().__init__(**options)

    async def vary(self, request: IncomingRequest) -> Response:
        await anyio.sleep(self.latency)
        return await super().vary(request)


@quirk.service("one-at-a-time", "IV-STATE-PARALLEL: concurrent requests get the same responses, not as fast")
class OneAtATime(Service):
    """Makes the images of concurrent requests one request after the other."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self.__turn = anyio.Lock()

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        async with self.__turn:
            return await super().make(picture, wanted)


def _sometimes(number: int) -> bool:
    # The first request is refused too, because clients often use it alone to check that a server is up.
    return number % _REJECTION_PERIOD == 1


# fmt: off
quirk("rate-limited", _LIMITS, "Answers 429 to one request in 40, with seconds in Retry-After.",
      limits_rate((), _sometimes))
quirk("rate-limited-until",
      "RFC 9110 section 10.2.3: a date or seconds", "Answers 429 to one request in 40, with a date in Retry-After.",
      limits_rate((), _sometimes, retry_after=lambda: formatdate(time.time() + 1, usegmt=True)))
quirk("rate-limited-without-time", _LIMITS, "Answers 429 without Retry-After to three requests.",
      limits_rate("IV-LIMIT-RETRY-AFTER", lambda number: number in {3, 30, 31}, retry_after=None))
quirk("unavailable-at-times", _LIMITS, "Answers 503 to one request in 40, with seconds in Retry-After.",
      limits_rate((), _sometimes, 503))
quirk("unavailable-at-first",
      _LIMITS, "Answers 503 to the first two requests, with seconds in Retry-After, while it loads its model.",
      limits_rate((), lambda number: number <= 2, 503))
# fmt: on


@quirk.service("slow-at-first", "unspecified: response times")
class SlowAtFirst(Service):
    """Takes three seconds to make the first images, while it loads its model."""

    __loaded = False

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        if not self.__loaded:
            await anyio.sleep(_LOADING_SECONDS)
        self.__loaded = True
        return await super().make(picture, wanted)


@quirk.service("four-at-once", _LIMITS)
class FourAtOnce(Service):
    """Answers 429 with Retry-After while it makes the images of four other requests."""

    __active = 0

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        if self.__active == _MAX_CONCURRENT:
            raise ApiError("Too many requests at once.", status=429, kind=None, headers={"Retry-After": "1"})
        self.__active += 1
        try:
            # Long enough for the fifth concurrent request to arrive before the first ones are done.
            await anyio.sleep(_SLOW_SECONDS)
            return await super().make(picture, wanted)
        finally:
            self.__active -= 1
