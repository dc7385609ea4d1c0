"""Faults in the handling of the API key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar
from weakref import WeakSet

from ..app.api_error import ApiError
from ..app.extensions import Connection
from ..app.service import Service
from ..registry import Change, FaultFamily
from .factories import accepts, crashes_on, errs, refuses, with_status
from .features import header

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

fault = FaultFamily("authentication")

_FIRST = ("IV-AUTH-FIRST",)
_BOTH = ("IV-AUTH-REQUIRED", "IV-AUTH-WRONG")


def _is_key_error(problem: ApiError) -> bool:
    return problem.requirement in _BOTH


def _takes(test: Callable[[str, str], bool]) -> Change:
    """Accept a wrong key that passes a test, which gets the Authorization header and the right key."""

    class Takes(Service):
        def authenticate(self, request: IncomingRequest) -> None:
            if not test(request.headers.get("authorization", ""), self.api_key):
                super().authenticate(request)

    return Change(Takes, ("IV-AUTH-WRONG",))


def _key(sent: str) -> str:
    """Return the key in an Authorization header with the scheme Bearer, "" in any other one."""
    scheme, _, key = sent.partition(" ")
    return key.strip(" ") if scheme.lower() == "bearer" else ""


# fmt: off
fault("any-key-accepted", "Accepts any API key, and refuses only requests without one.",
      accepts("IV-AUTH-WRONG", lambda problem: problem.code == "invalid_api_key"))
fault("key-prefix-accepted", "Accepts a beginning of the API key, as a comparison of the bytes received does.",
      _takes(lambda sent, right: bool(_key(sent)) and right.startswith(_key(sent))))
fault("key-longer-accepted", "Accepts an API key that begins with the right one.",
      _takes(lambda sent, right: _key(sent).startswith(right)))
fault("key-suffix-accepted", "Accepts anything that ends with the API key.",
      _takes(lambda sent, right: _key(sent).endswith(right)))
fault("key-before-word-accepted", "Accepts the API key with a space and more after it, as split at spaces.",
      _takes(lambda sent, right: sent.lower().startswith("bearer ") and sent.split()[1:2] == [right]))
fault("key-no-break-space-accepted", "Accepts the API key with a no-break space in Latin-1 after it.",
      _takes(lambda sent, right: _key(sent).strip() == right))
fault("key-case-ignored", "Accepts the API key in other letter case.",
      _takes(lambda sent, right: _key(sent).lower() == right.lower()))
fault("key-empty-accepted", "Accepts the scheme Bearer without an API key.",
      _takes(lambda sent, _: sent.strip().lower() == "bearer"))
fault("scheme-ignored", "Accepts the API key without a scheme or under another one.",
      _takes(lambda sent, right: sent.rpartition(" ")[2] == right))
fault("missing-key-accepted", "Accepts requests without an API key, and refuses wrong keys.",
      accepts("IV-AUTH-REQUIRED"), also=_FIRST)
fault("bad-key-403", "Answers 403 to a missing or wrong API key.",
      errs("IV-AUTH-401", lambda problem: with_status(403)(problem) if _is_key_error(problem) else problem),
      also=_FIRST)
fault("bad-key-400", "Answers 400 to a missing or wrong API key.",
      errs(_BOTH, lambda problem: with_status(400)(problem) if _is_key_error(problem) else problem), also=_FIRST)
fault("wrong-key-404", "Answers 404 to a wrong API key, as services do that hide what they have.",
      errs("IV-AUTH-WRONG",
           lambda problem: with_status(404)(problem) if problem.requirement == "IV-AUTH-WRONG" else problem),
      also=_FIRST)
fault("missing-key-crashes", "Answers 500 to a request without an API key.",
      crashes_on("IV-AUTH-REQUIRED"), also=_FIRST)
fault("wrong-key-crashes", "Answers 500 to a wrong API key.", crashes_on("IV-AUTH-WRONG"), also=_FIRST)
fault("key-without-scheme-crashes", "Answers 500 to an Authorization header of one word, which it cannot split.",
      crashes_on("IV-AUTH-WRONG", when=lambda problem: " " not in problem.text.strip()))
fault("scheme-case-matters", 'Refuses the authentication scheme in lower case, as in "bearer KEY".',
      refuses("IV-WIRE-HEADER-CASE", header("authorization", "^(?!Bearer )"), 401))
fault("key-after-spaces-refused", "Refuses an API key after more than one space, at which it splits the header.",
      refuses("IV-AUTH-SPACES", header("authorization", "^[^ ]+  "), 401))
fault("key-after-spaces-crashes", "Answers 500 to an API key after more than one space.",
      refuses("IV-AUTH-SPACES", header("authorization", "^[^ ]+  "), 500))
# fmt: on


@fault.service("key-checked-last", "IV-AUTH-FIRST")
class KeyCheckedLast(Service):
    """Checks the API key only after the rest of the request, so an invalid request without a key gets a 400."""

    def authenticate(self, request: IncomingRequest) -> None:
        return

    async def vary(self, request: IncomingRequest) -> Response:
        response = await super().vary(request)
        super().authenticate(request)
        return response


@fault.service("key-checked-once-a-connection", "IV-AUTH-WRONG")
class KeyCheckedOnceAConnection(Service):
    """Checks no API key on a connection on which the right one was sent."""

    # Values need not be kept per server: a connection has only one.
    known: ClassVar[WeakSet[Connection]] = WeakSet()

    def authenticate(self, request: IncomingRequest) -> None:
        if request.connection not in self.known:
            super().authenticate(request)
            self.known.add(request.connection)
