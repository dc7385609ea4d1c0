"""Faults that occur only when several requests are handled at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar
from weakref import WeakKeyDictionary

import anyio
from attrs import define, field
from PIL import Image

from ..app.service import Service, Wanted
from ..registry import Change, FaultFamily
from .factories import NO_5XX, PerServer
from .no_response import Failure, MayFail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from ..app.incoming import IncomingRequest
    from ..app.received import Received

K = TypeVar("K")
T = TypeVar("T")

fault = FaultFamily("concurrency")

_PARALLEL = "IV-STATE-PARALLEL"

OVERLAP_SECONDS = 0.05
"""How long a request waits for a concurrent one, in seconds, so that the fault occurs reliably."""


def _fails_in_parallel(status: Failure) -> Change:
    """Fail in response to a request that arrives while the images of another one are made."""

    making: PerServer[set[int]] = PerServer(set)

    class FailsInParallel(MayFail):
        async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
            others = making.of(self)
            if others:
                raise self.failure(status)
            others.add(id(wanted))
            try:
                await anyio.sleep(OVERLAP_SECONDS)
                return await super().make(picture, wanted)
            finally:
                others.clear()

    return Change(FailsInParallel, (_PARALLEL,), (NO_5XX,), status == "hang")


# fmt: off
fault("parallel-crashes", "Answers 500 to a request that arrives while it is making images for another one.",
      _fails_in_parallel(500))
fault("parallel-502", "Answers 502 to a request that arrives while it is making images for another one.",
      _fails_in_parallel(502))
fault("parallel-dropped", "Cuts the connection of a request that arrives while it is making images for another one.",
      _fails_in_parallel("drop"))
fault("parallel-hangs", "Sends no response to a request that arrives while it is making images for another one.",
      _fails_in_parallel("hang"))
# fmt: on


@define
class _Waiting:
    """A response that waits to be swapped with that of a concurrent request."""

    response: Response
    swapped: anyio.Event = field(factory=anyio.Event)


@fault.service("answers-swapped", _PARALLEL)
class AnswersSwapped(Service):
    """Swaps the responses of two concurrent requests."""

    __waiting: _Waiting | None = None

    async def vary(self, request: IncomingRequest) -> Response:
        response = await super().vary(request)
        if self.__waiting is not None:
            other, self.__waiting = self.__waiting, None
            other.response, response = response, other.response
            other.swapped.set()
            return response
        self.__waiting = waiting = _Waiting(response)
        with anyio.move_on_after(OVERLAP_SECONDS):
            await waiting.swapped.wait()
        if self.__waiting is waiting:
            self.__waiting = None
        return waiting.response


@fault.service("wishes-shared", _PARALLEL)
class WishesShared(Service):
    """Uses the parameters of a concurrent request: they are stored in a place that all requests share."""

    __wanted: Wanted | None = None

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        self.__wanted = wanted
        await anyio.sleep(OVERLAP_SECONDS)
        return await super().make(picture, self.__wanted)

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        return super().document(request, images, self.__wanted or wanted)


@fault.service("pictures-shared", _PARALLEL, also=("IV-OUT-RESEMBLES",))
class PicturesShared(Service):
    """Makes variations of the picture of a concurrent request."""

    __picture: Image.Image | None = None

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        self.__picture = picture
        await anyio.sleep(OVERLAP_SECONDS)
        return await super().make(self.__picture, wanted)


@define
class _UnderWay(Generic[T]):
    """Something that is being made for one request, while others wait for it."""

    made: list[T] = field(factory=list)
    ended: anyio.Event = field(factory=anyio.Event)


async def _shared(key: K, under_way: dict[K, _UnderWay[T]], make: Callable[[], Awaitable[T]]) -> T:
    """Return what is being made under a key for a concurrent request, or else make it."""
    if key in under_way:
        making = under_way[key]
        await making.ended.wait()
    else:
        making = under_way[key] = _UnderWay()
        await anyio.sleep(OVERLAP_SECONDS)
        making.made.append(await make())
        del under_way[key]
        making.ended.set()
    return making.made[0]


@fault.service("images-of-the-same-input-shared", _PARALLEL)
class ImagesOfTheSameInputShared(Service):
    """Sends the images that it is making of the same input for a concurrent request, whatever that asks for."""

    under_way: ClassVar[PerServer[dict[bytes, _UnderWay[list[bytes]]]]] = PerServer(dict)

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        make = super().make
        return await _shared(picture.tobytes(), self.under_way.of(self), lambda: make(picture, wanted))


@fault.service("answers-of-the-same-user-shared", _PARALLEL)
class AnswersOfTheSameUserShared(Service):
    """Sends the response that it is making for a user in response to another request of the same user."""

    users: ClassVar[WeakKeyDictionary[IncomingRequest, str]] = WeakKeyDictionary()
    under_way: ClassVar[PerServer[dict[str, _UnderWay[Response]]]] = PerServer(dict)

    def admit(self, received: Received) -> None:
        super().admit(received)
        self.users[received.request] = received.text("user") or ""

    async def varied(self, request: IncomingRequest, picture: Image.Image, wanted: Wanted) -> Response:
        user, varied = self.users[request], super().varied
        if not user:
            return await varied(request, picture, wanted)
        return await _shared(user, self.under_way.of(self), lambda: varied(request, picture, wanted))
