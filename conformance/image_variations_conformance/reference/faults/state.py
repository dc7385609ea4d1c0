"""Faults in which a request affects the responses to later ones, and in connections that are kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar
from weakref import WeakKeyDictionary, WeakSet

from attrs import evolve
from PIL import Image

from ..app.api_error import ApiError
from ..app.extensions import Connection
from ..app.service import Service, Wanted
from ..registry import Change, FaultFamily
from .factories import NO_5XX, PerServer, limits_rate, refuses
from .features import TRAILERS
from .no_response import Crash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from ..app.form import Part
    from ..app.incoming import IncomingRequest
    from ..app.received import Received

fault = FaultFamily("state")

_RECOVERS, _INDEPENDENT, _CONNECTION = "IV-STATE-RECOVERS", "IV-STATE-INDEPENDENT", "IV-STATE-CONNECTION"
_REFUSALS = ("IV-IMAGE-REQUIRED", "IV-OP-MULTIPART")

# --- after errors


@fault.service("fails-after-error", _RECOVERS, also=(NO_5XX, *_REFUSALS))
class FailsAfterError(Service):
    """Answers 500 to every request after the first invalid one."""

    __failed = False

    async def vary(self, request: IncomingRequest) -> Response:
        if self.__failed:
            raise Crash
        return await super().vary(request)

    def refusal(self, problem: ApiError) -> Response:
        self.__failed = self.__failed or problem.status == 400
        return super().refusal(problem)


@fault.service("workers-lost", _RECOVERS, also=(NO_5XX, *_REFUSALS))
class WorkersLost(Service):
    """Loses a worker with each refused image, and answers 500 to everything once eight are lost."""

    __lost = 0

    async def vary(self, request: IncomingRequest) -> Response:
        if self.__lost == 8:
            raise ApiError("No worker is free.", status=500, kind=None)
        return await super().vary(request)

    def refusal(self, problem: ApiError) -> Response:
        self.__lost += self.__lost < 8 and problem.part is not None
        return super().refusal(problem)


@fault.service("crashes-every-tenth", NO_5XX, also=("IV-OP-VALID",), everywhere=True)
class CrashesEveryTenth(Service):
    """Answers 500 to every tenth request."""

    __requests = 0

    async def vary(self, request: IncomingRequest) -> Response:
        self.__requests += 1
        if self.__requests % 10 == 0:
            raise Crash
        return await super().vary(request)


@fault.service("locked-by-bad-keys", _RECOVERS, everywhere=True)
class LockedByBadKeys(Service):
    """Answers 401 to every key, even the right one, after three requests with a missing or wrong key."""

    __bad_keys = 0

    def authenticate(self, request: IncomingRequest) -> None:
        if self.__bad_keys >= 3:
            raise self.key_wrong()
        try:
            super().authenticate(request)
        except ApiError:
            self.__bad_keys += 1
            raise


@fault.service("error-repeated", _RECOVERS, also=("IV-ERR-PARAM",))
class ErrorRepeated(Service):
    """Sends the error of an invalid request again in response to the next request."""

    __error: ApiError | None = None

    async def vary(self, request: IncomingRequest) -> Response:
        error, self.__error = self.__error, None
        if error is not None:
            # Raising the error would store it again, so that it would be repeated for ever.
            return super().refusal(error)
        return await super().vary(request)

    def refusal(self, problem: ApiError) -> Response:
        self.__error = problem if problem.status == 400 else None
        return super().refusal(problem)


# --- values of earlier requests


@fault.service("n-remembered", _INDEPENDENT, also=("IV-N-DEFAULT", "IV-STATE-PARALLEL"))
class NRemembered(Service):
    """Uses the n of the previous request if n is missing."""

    __n: str | None = None

    def count(self, n: str | None) -> int:
        count = super().count(self.__n if n is None else n)
        self.__n = str(count)
        return count


@fault.service("n-remembered-for-user", _INDEPENDENT, also=("IV-N-DEFAULT", "IV-STATE-PARALLEL"))
class NRememberedForUser(Service):
    """Uses the last n of the same user if n is missing."""

    counts: ClassVar[PerServer[dict[bytes, int]]] = PerServer(dict)

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        wanted, counts = super().wanted(fields), self.counts.of(self)
        if "user" not in fields:
            return wanted
        user = fields["user"].content
        if "n" in fields:
            counts[user] = wanted.count
        return evolve(wanted, count=counts.get(user, wanted.count))


@fault.service("size-remembered", _INDEPENDENT, also=("IV-SIZE-DEFAULT", "IV-STATE-PARALLEL"))
class SizeRemembered(Service):
    """Uses the size of the previous request if it is missing."""

    __size: str | None = None

    def size(self, size: str | None) -> str | None:
        self.__size = super().size(self.__size if size is None else size)
        return self.__size


@fault.service("format-remembered", _INDEPENDENT, also=("IV-FORMAT-DEFAULT", "IV-STATE-PARALLEL"))
class FormatRemembered(Service):
    """Uses the response_format of the previous request if it is missing."""

    __format: str | None = None

    def response_format(self, response_format: str | None) -> str:
        self.__format = super().response_format(self.__format if response_format is None else response_format)
        return self.__format


@fault.service("picture-before-used", "IV-OUT-RESEMBLES")
class PictureBeforeUsed(Service):
    """Makes variations of the picture of the previous request."""

    __picture: Image.Image | None = None

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        before, self.__picture = self.__picture, picture
        return await super().make(before or picture, wanted)


@fault.service("images-cached", "IV-OUT-RESEMBLES", also=("IV-OUT-DISTINCT", _INDEPENDENT))
class ImagesCached(Service):
    """Sends the images of an earlier request with the same n, size and format, whatever its picture was."""

    images: ClassVar[PerServer[dict[Wanted, list[bytes]]]] = PerServer(dict)

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        cached = self.images.of(self)
        if wanted not in cached:
            cached[wanted] = await super().make(picture, wanted)
        return cached[wanted]


# --- limits without Retry-After


def _limited(status: int, period: int) -> Change:
    """Answer a status without Retry-After to one of `period` requests."""
    return limits_rate(
        "IV-LIMIT-RETRY-AFTER",
        lambda number: number % period == 2,
        status,
        code="rate_limit_exceeded",
        retry_after=None,
    )


fault("rate-limited-silently", "Answers 429 without Retry-After to one request in 30.", _limited(429, 30))
fault("unavailable-silently", "Answers 503 without Retry-After to one request in 45.", _limited(503, 45))

# --- kept connections


def _second(received: Received) -> bool:
    return received.request.connection.requests > 1


# fmt: off
fault("second-on-connection-refused", "Answers 400 to the second and later valid requests on a connection.",
      refuses(_CONNECTION, _second, message="The form has no part."))
fault("second-on-connection-crashes", "Answers 500 to the second and later valid requests on a connection.",
      refuses(_CONNECTION, _second, 500))
fault("second-on-connection-hangs", "Sends no response to the second valid request on a connection.",
      refuses(_CONNECTION, _second, "hang"))
# fmt: on


@fault.service("connection-repeats-answer", _CONNECTION)
class ConnectionRepeatsAnswer(Service):
    """Sends the first response on a connection again in response to later requests on it."""

    # Values need not be kept per server: a connection has only one.
    first: ClassVar[WeakKeyDictionary[Connection, Response]] = WeakKeyDictionary()

    async def vary(self, request: IncomingRequest) -> Response:
        if request.connection not in self.first:
            self.first[request.connection] = await super().vary(request)
        return self.first[request.connection]


def _remembers(is_left: Callable[[IncomingRequest, Response], bool]) -> Change:
    """Take what is left of a request for the next one on its connection, and so answer 400 to that."""
    left: WeakSet[Connection] = WeakSet()

    class Remembers(Service):
        async def respond(self, request: IncomingRequest) -> Response:
            if request.connection in left:
                left.remove(request.connection)
                return self.refusal(ApiError("The request line is malformed."))
            response = await super().respond(request)
            if is_left(request, response):
                left.add(request.connection)
            return response

    return Change(Remembers, (_CONNECTION,))


# fmt: off
fault("connection-remembers-error", "Takes the rest of a refused body for the next request on the connection.",
      _remembers(lambda _, response: response.status_code >= 400))
fault("connection-remembers-trailers", "Takes the trailers of a chunked body for the next request on the connection.",
      _remembers(lambda request, _: re.search(TRAILERS, request.connection.received) is not None))
# fmt: on


def _keeps(*fields: str) -> Change:
    """Send the response again that was made for the same input and the same values of some fields of Wanted."""
    kept: PerServer[dict[object, Response]] = PerServer(dict)

    class Keeps(Service):
        async def varied(self, request: IncomingRequest, picture: Image.Image, wanted: Wanted) -> Response:
            key = (picture.tobytes(), *(getattr(wanted, name) for name in fields))
            responses = kept.of(self)
            if key not in responses:
                responses[key] = await super().varied(request, picture, wanted)
            return responses[key]

    return Change(Keeps, (_INDEPENDENT,))


# fmt: off
fault("images-kept-by-input", "Sends the response to the same input again, whatever n is.",
      _keeps("size", "response_format"))
fault("kept-whatever-size", "Sends the response to the same input again, whatever size is.",
      _keeps("count", "response_format"))
fault("kept-whatever-format", "Sends the response to the same input again, whatever response_format is.",
      _keeps("count", "size"))
fault("kept-whatever-fields", "Sends the response to the same input again, whatever the fields are.", _keeps())
# fmt: on
