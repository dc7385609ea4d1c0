"""Whether the server is still there, judged from the exchanges of a run in the order in which they end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define, field

from ..oracles.base import shortened
from ..oracles.summary import words
from ..sources.transport import Transport
from ..wire.exchange import Exchange, Response
from ..wire.json_body import NotJson, parse_json
from ..wire.reasons import Reason, ServerGone, ServerSilent
from ..wire.redaction import Redactor

# Time enough for a server to be restarted.
_RECONNECT_ATTEMPTS = 6
_RECONNECT_PAUSE_SECONDS = 0.3
_MAX_TIMEOUTS_IN_A_ROW = 3
# To find out what a server that has answered before does not answer takes more of them.
_MAX_TIMEOUTS_AFTER_ANSWERS = 8
_MAX_TIMEOUTS = 10
# A server that drops connections all the time and lives is not waited for each time.
_MAX_INVESTIGATED_DROPS = 5
# The first two requests of a plan are valid. A server that answers both 401 wants another key.
_FIRST_RESPONSES = 2
_MAX_WORKERS = 64


class Unreachable(ConnectionError):
    """The target could not be reached at all."""


class KeyRefused(Exception):
    """The first `requests` requests were all answered 401. `quoted` is the server's message in brackets, or empty."""

    def __init__(self, requests: int, quoted: str) -> None:
        super().__init__(requests, quoted)
        self.requests = requests
        self.quoted = quoted


@define
class Liveness:
    """Watches the server of one run. `workers` is how many requests may be under way, `sleep` takes seconds."""

    transport: Transport
    sleep: Callable[[float], None]
    workers: int
    # The labels of the latest cases that reached the server, each with the group that was sent at the same time.
    _reached: deque[tuple[str, str | None]] = field(factory=lambda: deque(maxlen=_MAX_WORKERS))
    _drops: int = 0
    _timeouts: int = 0
    _timeouts_in_a_row: int = 0
    # The labels of the requests that timed out, which the server may still be at work on.
    _unanswered: list[str] = field(factory=list)
    _has_answered: bool = False
    # The number of responses so far while all of them are 401; None after any other response.
    _unauthorized: int | None = 0

    def note(self, exchange: Exchange) -> Reason | None:
        """Take an exchange that has ended into account; return the reason to end the run, or None.

        Raises Unreachable if no request has reached the server, and KeyRefused if the server refuses the API key.
        """
        failure = exchange.failure
        kind = failure.kind if failure is not None else None
        if kind != "unreachable":
            self._reached.append((exchange.label, exchange.concurrent_with))
        self._drops += kind == "dropped"
        if exchange.concurrent_with is None or kind is None:
            # Of requests at the same time, one may keep all the others waiting.
            self._timeouts += kind == "timeout"
            self._timeouts_in_a_row = self._timeouts_in_a_row + 1 if kind == "timeout" else 0
        self._unanswered += [exchange.label] if kind == "timeout" else []
        self._has_answered = self._has_answered or kind is None
        self._require_accepted_key(exchange)
        if failure is None:
            return None
        if kind == "unreachable" and not self._reached:
            raise Unreachable(failure.message)
        # A dropped connection may be the first sign that the server has died. Checked at once, the request that killed
        # it is the last one sent.
        investigated = kind == "dropped" and self._drops <= _MAX_INVESTIGATED_DROPS
        if (investigated or kind == "unreachable") and not self._comes_back():
            return ServerGone(self._suspects(exchange.concurrent_with))
        if self._timeouts >= _MAX_TIMEOUTS:
            return ServerSilent(self._timeouts, in_a_row=False)
        if self._timeouts_in_a_row >= (_MAX_TIMEOUTS_AFTER_ANSWERS if self._has_answered else _MAX_TIMEOUTS_IN_A_ROW):
            return ServerSilent(self._timeouts_in_a_row, in_a_row=True)
        return None

    def _suspects(self, group: str | None) -> tuple[str, ...]:
        """Return the labels of the cases that were under way last: those of a group, or one for each worker.

        Where none of the group has reached the server, the cases before it are the last ones. A request that timed out
        may be under way as well.
        """
        of_group = [label for label, other in self._reached if other == group] if group is not None else []
        last = of_group or [label for label, _ in self._reached][-self.workers :]
        return tuple(dict.fromkeys([*self._unanswered, *last]))

    def _require_accepted_key(self, exchange: Exchange) -> None:
        """Raise KeyRefused if the first requests with the key of the run (or none, if it has none) are answered 401."""
        response, key = exchange.response, self.transport.target.api_key
        has_own_key = key is None or exchange.request.header("authorization") == f"Bearer {key}"
        if response is None or self._unauthorized is None or not has_own_key:
            return
        self._unauthorized = self._unauthorized + 1 if response.status == 401 else None
        if self._unauthorized == _FIRST_RESPONSES:
            raise KeyRefused(self._unauthorized, self._quoted(response))

    def _quoted(self, response: Response) -> str:
        try:
            message = words(parse_json(response.body))
        except NotJson:
            return ""
        target = self.transport.target
        redactor = Redactor.of(target.api_key, target.headers, target.base_url)
        return f" ({shortened(redactor.text(message), 200)})" if message else ""

    def _comes_back(self) -> bool:
        """Return whether the server accepts connections after a pause, or soon."""
        for _ in range(_RECONNECT_ATTEMPTS):
            self.sleep(_RECONNECT_PAUSE_SECONDS)
            if self.transport.reachable():
                return True
        return False
