"""Faults that make the server die or leave requests without a response.

A dead server still listens but cuts every connection, as a proxy does whose upstream server is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..app.api_error import ApiError
from ..app.service import Service
from ..registry import Change, FaultFamily
from .factories import NO_5XX, PerServer, crashes_on, refuses, sends_half
from .features import image_part, png_info
from .no_response import hang, hang_up

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from ..app.incoming import IncomingRequest
    from ..app.received import Received

fault = FaultFamily("liveness")

_RECOVERS = "IV-STATE-RECOVERS"


def _dies(
    *also: str,
    error: Callable[[ApiError], bool] = lambda _: False,
    request: Callable[[Received], bool] = lambda _: False,
) -> Change:
    """Die of an invalid request by its error, or of a valid request. The request that kills gets no response."""

    dead = PerServer(threading.Event)

    class Dies(Service):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Serve one request (ASGI)."""
            if dead.of(self).is_set() and scope["type"] == "http":
                await hang_up(self.incoming(scope, receive, send))
            else:
                await super().__call__(scope, receive, send)

        def refusal(self, problem: ApiError) -> Response:
            if error(problem):
                dead.of(self).set()
            return super().refusal(problem)

        def admit(self, received: Received) -> None:
            if request(received):
                dead.of(self).set()
            super().admit(received)

        async def deliver(self, request: IncomingRequest, response: Response, send: Send) -> None:
            if dead.of(self).is_set():
                await hang_up(request)
            else:
                await super().deliver(request, response, send)

    return Change(Dies, (_RECOVERS,), (*also, NO_5XX))


def _side(problem: ApiError) -> int:
    return 0 if problem.part is None else png_info(problem.part.content).side


# fmt: off
fault("dies-of-bad-key", "Dies when it gets a missing or wrong API key.",
      _dies("IV-AUTH-REQUIRED", "IV-AUTH-WRONG", error=lambda problem: problem.requirement.startswith("IV-AUTH-")))
fault("dies-of-bad-image", "Dies when it gets a missing or invalid image.",
      _dies(*("IV-IMAGE-REQUIRED", "IV-IMAGE-FORMAT", "IV-IMAGE-INTACT", "IV-IMAGE-SQUARE"),
            error=lambda problem: problem.param == "image" and problem.status == 400))
fault("dies-of-large-image", "Dies when it gets an image that is too large.",
      _dies("IV-IMAGE-MAX-BYTES", error=lambda problem: problem.requirement == "IV-IMAGE-MAX-BYTES"))
fault("dies-of-many-pixels", "Dies when it gets a PNG whose header says that it has 2^20 pixels a side or more.",
      _dies(error=lambda problem: problem.detail == "pixel-limit" and _side(problem) >= 1 << 20))
fault("dies-of-untyped-part", "Dies when it gets an image in a part without a Content-Type.",
      _dies("IV-IMAGE-OCTET-STREAM", request=image_part(lambda part: part.content_type is None)))
fault("dies-of-unnamed-part", "Dies when it gets a form with a part without a name.",
      _dies(error=lambda problem: problem.detail == "part-unnamed"))
fault("dies-of-many-images", "Dies when it makes ten images.",
      _dies("IV-N-RANGE", request=lambda received: received.wanted.count == 10))
fault("hangs-on-valid", "Sends no response to a valid request.", refuses("IV-OP-VALID", lambda _: True, "hang"))
fault("hangs-on-damaged-image", "Sends no response to a damaged PNG.", crashes_on("IV-IMAGE-INTACT", "hang"))
fault("hangs-on-get", "Sends no response to methods other than POST.",
      crashes_on(("IV-OP-METHOD", "IV-OP-HEAD-OPTIONS"), "hang"))
fault("stops-halfway", "Sends only half of the body of a 200 and leaves the connection open.",
      sends_half("IV-OP-VALID", hang, hangs=True))
