"""Faults in which a request affects the responses to later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from PIL import Image

from ..app.api_error import ApiError
from ..app.service import Service, ServiceOptions, Wanted
from ..registry import FaultFamily
from .fault_helpers import Crash

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

fault = FaultFamily("state")


@fault(
    "fails-after-error", breaks=("IV-STATE-RECOVERS",), also=("IV-ERR-NO-5XX", "IV-IMAGE-REQUIRED", "IV-OP-MULTIPART")
)
class FailsAfterError(Service):
    """Answers 500 to every request after the first invalid one."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._failed = False

    async def vary(self, request: IncomingRequest) -> Response:
        if self._failed:
            raise Crash
        return await super().vary(request)

    def refusal(self, problem: ApiError) -> Response:
        self._failed = self._failed or problem.status == 400
        return super().refusal(problem)


@fault("crashes-every-tenth", breaks=("IV-ERR-NO-5XX",), everywhere=True)
class CrashesEveryTenth(Service):
    """Answers 500 to every tenth request."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._requests = 0

    async def vary(self, request: IncomingRequest) -> Response:
        self._requests += 1
        if self._requests % 10 == 0:
            raise Crash
        return await super().vary(request)


@fault("locked-by-bad-keys", breaks=("IV-STATE-RECOVERS",), everywhere=True)
class LockedByBadKeys(Service):
    """Answers 401 to every key, even the right one, after three requests with a missing or wrong key."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._bad_keys = 0

    def authenticate(self, request: IncomingRequest) -> None:
        if self._bad_keys >= 3:
            raise self.key_wrong()
        try:
            super().authenticate(request)
        except ApiError:
            self._bad_keys += 1
            raise


@fault("error-repeated", breaks=("IV-STATE-RECOVERS",), also=("IV-ERR-PARAM",))
class ErrorRepeated(Service):
    """Sends the error of an invalid request again in response to the next request."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._last: ApiError | None = None

    async def vary(self, request: IncomingRequest) -> Response:
        last, self._last = self._last, None
        if last is not None:
            # Raising the error would store it again, so that it would be repeated for ever.
            return super().refusal(last)
        return await super().vary(request)

    def refusal(self, problem: ApiError) -> Response:
        self._last = problem if problem.status == 400 else None
        return super().refusal(problem)


@fault("n-remembered", breaks=("IV-STATE-INDEPENDENT",), also=("IV-N-DEFAULT", "IV-STATE-PARALLEL"))
class NRemembered(Service):
    """Uses the n of the previous request if n is missing."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._last: str | None = None

    def count(self, n: str | None) -> int:
        count = super().count(self._last if n is None else n)
        self._last = str(count)
        return count


@fault("format-remembered", breaks=("IV-STATE-INDEPENDENT",), also=("IV-FORMAT-DEFAULT", "IV-STATE-PARALLEL"))
class FormatRemembered(Service):
    """Uses the response_format of the previous request if it is missing."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._last: str | None = None

    def response_format(self, response_format: str | None) -> str:
        self._last = super().response_format(self._last if response_format is None else response_format)
        return self._last


@fault("picture-before-used", breaks=("IV-OUT-RESEMBLES",))
class PictureBeforeUsed(Service):
    """Makes variations of the picture of the previous request."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._last: Image.Image | None = None

    async def make(self, picture: Image.Image, wanted: Wanted) -> list[bytes]:
        last, self._last = self._last, picture
        return await super().make(last or picture, wanted)
