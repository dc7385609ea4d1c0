"""Sends the cases of a run, in order and where a batch says so at once, and collects what came of them.

The runner waits where the server asks for it, follows the links of answers, and stops where there is nobody left to
talk to. What it then did not send is still in its result, marked as unsent, so that nothing looks tested that was not.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

from attrs import evolve, frozen

from .cases import Case
from .exchange import Exchange, Failure, Response
from .oracles.answer import items
from .oracles.links import scheme_of
from .transport import Transport

_TRIES_WHEN_LIMITED = 4
_LONGEST_WAIT_SECONDS = 30.0
# How often a server that was there is sought again, and how long between: time enough to be started anew.
_TRIES_WHEN_GONE = 4
_PAUSE_WHEN_GONE_SECONDS = 0.5
_TIMEOUTS_IN_A_ROW = 3

Progress = Callable[[int, int, Case], None]


class Unreachable(ConnectionError):
    """The target could not be reached at all."""


@frozen
class Runner:
    """Runs cases through a transport. `progress` is told how many are done, of how many, and which is next."""

    transport: Transport
    progress: Progress
    sleep: Callable[[float], None] = time.sleep

    def run(self, cases: Sequence[Case]) -> list[Exchange]:
        """Return the exchange of each case, in their order. Raises Unreachable if not even the first gets through.

        An interruption from the keyboard ends the sending, not the run: what was not sent is marked as unsent.
        """
        exchanges: list[Exchange] = []
        why = None
        try:
            for batch in _batches(cases):
                self.progress(len(exchanges), len(cases), batch[0])
                exchanges += self._send_together(batch)
                why = self._lost(exchanges)
                if why is not None:
                    break
        except KeyboardInterrupt:
            why = "the run was interrupted"
        unsent = Failure("unsent", why or "")
        return exchanges + [
            Exchange(case.label, case.request, unsent, 0.0, 0.0, case.batch) for case in cases[len(exchanges) :]
        ]

    def _send_together(self, batch: Sequence[Case]) -> list[Exchange]:
        if len(batch) == 1:
            return [self._send(batch[0])]
        with ThreadPoolExecutor(len(batch)) as pool:
            return list(pool.map(self._send, batch))

    def _send(self, case: Case) -> Exchange:
        """Send one case, again after a wait where the server limits the rate, and follow the links of its answer."""
        for limited in range(_TRIES_WHEN_LIMITED):
            exchange = self.transport.send(case.label, case.request, case.batch)
            wait = _retry_after(exchange.response)
            if wait is None or wait > _LONGEST_WAIT_SECONDS or limited == _TRIES_WHEN_LIMITED - 1:
                break
            self.sleep(wait)
        return evolve(exchange, fetches=tuple(self._fetch(exchange)), limited=limited)

    def _fetch(self, exchange: Exchange) -> Iterator[Exchange]:
        """Follow each link once and the first one again, since a link is good for an hour and not for one look."""
        if exchange.response is None or exchange.response.status != 200:
            return
        links = [item for item in items(exchange.response) if item.key == "url" and scheme_of(item.text)]
        for item in (*links, *links[:1]):
            yield self.transport.fetch(f"{exchange.label}/{item.at}", item.text)

    def _lost(self, exchanges: Sequence[Exchange]) -> str | None:
        """Return why there is no point in going on, or None."""
        last = exchanges[-1]
        if last.failure is None:
            return None
        if last.failure.kind == "unreachable":
            if len(exchanges) == 1:
                raise Unreachable(last.failure.message)
            if not self._comes_back(last):
                killer = next((it.label for it in reversed(exchanges) if it.failure != last.failure), last.label)
                return f"the server could no longer be reached after {killer}"
        recent = exchanges[-_TIMEOUTS_IN_A_ROW:]
        if len(recent) == _TIMEOUTS_IN_A_ROW and all(it.failure and it.failure.kind == "timeout" for it in recent):
            return f"the server did not answer {_TIMEOUTS_IN_A_ROW} times in a row"
        return None

    def _comes_back(self, last: Exchange) -> bool:
        for _ in range(_TRIES_WHEN_GONE):
            self.sleep(_PAUSE_WHEN_GONE_SECONDS)
            again = self.transport.send(last.label, last.request)
            if again.failure is None or again.failure.kind != "unreachable":
                return True
        return False


def _batches(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Yield cases that go together: those of one batch in a row, and every other alone."""
    for batch, group in itertools.groupby(cases, key=lambda case: case.batch):
        if batch is not None:
            yield list(group)
        else:
            yield from ([case] for case in group)


def _retry_after(response: Response | None) -> float | None:
    """Return how many seconds a server that limits the rate asks to wait, or None where it does not."""
    value = response.header("retry-after") if response is not None and response.status in {429, 503} else None
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
