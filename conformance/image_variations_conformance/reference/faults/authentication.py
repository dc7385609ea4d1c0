"""Faults in the handling of the API key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..app.api_error import ApiError
from ..app.service import Service
from ..registry import FaultFamily
from .fault_helpers import Crash, answered

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

fault = FaultFamily("authentication")


@fault("any-key-accepted", breaks=("IV-AUTH-WRONG",))
class AnyKeyAccepted(Service):
    """Accepts any API key, and refuses only requests without one."""

    def authenticate(self, request: IncomingRequest) -> None:
        try:
            super().authenticate(request)
        except ApiError as problem:
            if problem.code != "invalid_api_key":
                raise


@fault("missing-key-accepted", breaks=("IV-AUTH-REQUIRED",), also=("IV-AUTH-FIRST",))
class MissingKeyAccepted(Service):
    """Accepts requests without an API key, and refuses wrong keys."""

    def authenticate(self, request: IncomingRequest) -> None:
        if "authorization" in request.headers:
            super().authenticate(request)


@fault("bad-key-403", breaks=("IV-AUTH-401",))
class BadKey403(Service):
    """Answers 403 to a missing or wrong API key."""

    def authenticate(self, request: IncomingRequest) -> None:
        with answered(403):
            super().authenticate(request)


@fault("bad-key-400", breaks=("IV-AUTH-REQUIRED", "IV-AUTH-WRONG"), also=("IV-AUTH-FIRST",))
class BadKey400(Service):
    """Answers 400 to a missing or wrong API key."""

    def authenticate(self, request: IncomingRequest) -> None:
        with answered(400):
            super().authenticate(request)


@fault("missing-key-crashes", breaks=("IV-AUTH-REQUIRED", "IV-ERR-NO-5XX"), also=("IV-AUTH-FIRST", "IV-AUTH-WRONG"))
class MissingKeyCrashes(Service):
    """Answers 500 to a request without an API key."""

    def key_missing(self) -> ApiError:
        raise Crash


@fault("wrong-key-crashes", breaks=("IV-AUTH-WRONG", "IV-ERR-NO-5XX"))
class WrongKeyCrashes(Service):
    """Answers 500 to a wrong API key."""

    def key_wrong(self) -> ApiError:
        raise Crash


@fault("key-checked-last", breaks=("IV-AUTH-FIRST",))
class KeyCheckedLast(Service):
    """Checks the API key only after the rest of the request, so an invalid request without a key gets a 400."""

    def authenticate(self, request: IncomingRequest) -> None:
        return

    async def vary(self, request: IncomingRequest) -> Response:
        response = await super().vary(request)
        super().authenticate(request)
        return response


@fault("scheme-case-matters", breaks=("IV-WIRE-HEADER-CASE",))
class SchemeCaseMatters(Service):
    """Refuses the authentication scheme in lower case, as in "bearer KEY"."""

    def authenticate(self, request: IncomingRequest) -> None:
        super().authenticate(request)
        if not request.headers["authorization"].startswith("Bearer "):
            raise self.key_missing()
