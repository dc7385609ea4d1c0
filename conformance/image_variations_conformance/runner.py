"""Sends the cases of a run, in order and where a batch says so at once, and collects what came of them.

The runner waits where the server asks for it, follows the links of answers, and stops where there is nobody left to
talk to. What it then did not send is still in its result, marked as unsent, so that nothing looks tested that was not.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

from attrs import evolve, field, frozen

from .budget import Budget
from .cases import Case
from .exchange import Exchange, Failure, Response
from .oracles.answer import items
from .oracles.links import scheme_of
from .transport import Transport

_TRIES_WHEN_LIMITED = 4
_LONGEST_WAIT_SECONDS = 30.0
_LONGEST_WAITS_OF_A_RUN_SECONDS = 300.0
# How often a server that was there is sought again, and how long between: time enough to be started anew.
_TRIES_WHEN_GONE = 6
_PAUSE_WHEN_GONE_SECONDS = 0.3
_TIMEOUTS_IN_A_ROW = 3
_TIMEOUTS_OF_A_RUN = 10
_DROPS_LOOKED_INTO = 5
# No answer has more items than that; a longer list is a fault already, and not a reason to go on for hours.
_MOST_LINKS = 10

Progress = Callable[[int, int, Case], None]


class Unreachable(ConnectionError):
    """The target could not be reached at all."""


@frozen
class Runner:
    """Runs cases through a transport. `progress` is told how many are done, of how many, and which is next.

    Of cases in one group, `workers` are sent at a time, the dearest first where there are several.
    """

    transport: Transport
    progress: Progress
    sleep: Callable[[float], None] = time.sleep
    workers: int = 1
    budget: Budget = field(factory=Budget)
    _waits: list[float] = field(factory=list, repr=False)
    _fetched: dict[str, Exchange] = field(factory=dict, repr=False)

    def run(self, cases: Sequence[Case]) -> list[Exchange]:
        """Return the exchange of each case, in their order. Raises Unreachable if not even the first gets through.

        Where a packed case is refused, the exchanges of the cases apart from it come after it. An interruption from the
        keyboard ends the sending, not the run: what was not sent is marked as unsent.
        """
        exchanges: list[Exchange] = []
        pending = deque(_batches(cases, self.workers))
        why, batch = None, list[Case]()
        try:
            while pending and why is None:
                batch = pending.popleft()
                self.progress(len(exchanges), sum(map(len, pending)) + len(batch) + len(exchanges), batch[0])
                came = self._send_together(batch)
                exchanges += came
                pending.extendleft([apart] for apart in reversed(_refused_apart(batch, came)))
                batch = []
                why = self._lost(exchanges)
        except KeyboardInterrupt:
            why = "the run was interrupted"
            pending.appendleft(batch)
        unsent = Failure("unsent", why or "")
        return exchanges + [_not_sent(case, unsent) for batch in pending for case in batch]

    def _send_together(self, batch: Sequence[Case]) -> list[Exchange]:
        refusals = {case.label: self.budget.refusal(case) for case in batch}
        granted = [case for case in batch if refusals[case.label] is None]
        if len(granted) == 1:
            sent = {granted[0].label: self._send(granted[0])}
        elif granted:
            together = len(granted) if granted[0].batch is not None else self.workers
            with ThreadPoolExecutor(together) as pool:
                dearest_first = sorted(granted, key=lambda case: -case.price)
                sent = {
                    case.label: it for case, it in zip(dearest_first, pool.map(self._send, dearest_first), strict=True)
                }
        else:
            sent = {}
        return [
            sent[case.label] if case.label in sent else _not_sent(case, Failure("left-out", refusals[case.label] or ""))
            for case in batch
        ]

    def _send(self, case: Case) -> Exchange:
        """Send one case, again after a wait where the server limits the rate, and follow the links of its answer."""
        for limited in range(_TRIES_WHEN_LIMITED):
            exchange = self.transport.send(case.label, case.request, case.batch)
            wait = _retry_after(exchange.response)
            if wait is None or wait > _LONGEST_WAIT_SECONDS or limited == _TRIES_WHEN_LIMITED - 1:
                break
            if sum(self._waits) + wait > _LONGEST_WAITS_OF_A_RUN_SECONDS or not self.budget.retried():
                break
            self._waits.append(wait)
            self.sleep(wait)
        self.budget.settle(case, exchange)
        return evolve(exchange, fetches=tuple(self._fetch(exchange)), limited=limited)

    def _fetch(self, exchange: Exchange) -> Iterator[Exchange]:
        """Follow each new link, and the first one of an answer again: a link is good for an hour and not for one look.

        A server that gives the same link with each answer, as mock servers do, is asked for it only once.
        """
        if exchange.response is None or exchange.response.status != 200:
            return
        links = [item for item in items(exchange.response) if item.key == "url" and scheme_of(item.text)]
        new = [item for item in links[:_MOST_LINKS] if item.text not in self._fetched]
        for item in (*new, *new[:1]):
            self._fetched[item.text] = self.transport.fetch(f"{exchange.label}/{item.at}", item.text)
            yield self._fetched[item.text]
        for item in links[:_MOST_LINKS]:
            if item not in new:
                yield evolve(self._fetched[item.text], label=f"{exchange.label}/{item.at}")

    def _lost(self, exchanges: Sequence[Exchange]) -> str | None:
        """Return why there is no point in going on, or None."""
        tried = [it for it in exchanges if it.failure is None or it.failure.kind != "left-out"]
        failed = [it for it in tried[-max(1, self.workers) :] if it.failure is not None]
        if not failed:
            return None
        last, exchanges = failed[-1], tried
        if last.failure is None:
            return None
        if last.failure.kind == "unreachable" and all(it.failure and it.failure.kind == "unreachable" for it in tried):
            raise Unreachable(last.failure.message)
        # A connection that broke may be the first sign of a server's death. Found out now, the request that killed it
        # is the last one sent. A server that breaks them all the time and lives is not waited for each time.
        dropped = sum(it.failure is not None and it.failure.kind == "dropped" for it in exchanges)
        suspect = last.failure.kind == "dropped" and dropped <= _DROPS_LOOKED_INTO
        if (suspect or last.failure.kind == "unreachable") and not self._comes_back():
            reached = [it.label for it in exchanges if not it.failure or it.failure.kind != "unreachable"]
            killers = reached[-self.workers :]
            after = killers[0] if len(killers) == 1 else f"one of {', '.join(killers)}"
            return f"the server could no longer be reached after {after}"
        late = sum(it.failure is not None and it.failure.kind == "timeout" for it in exchanges)
        if late >= _TIMEOUTS_OF_A_RUN:
            return f"the server did not answer {late} times"
        recent = exchanges[-_TIMEOUTS_IN_A_ROW:]
        if len(recent) == _TIMEOUTS_IN_A_ROW and all(it.failure and it.failure.kind == "timeout" for it in recent):
            return f"the server did not answer {_TIMEOUTS_IN_A_ROW} times in a row"
        return None

    def _comes_back(self) -> bool:
        """Whether the server takes connections, now that a dying one has had the time to die, or soon."""
        for _ in range(_TRIES_WHEN_GONE):
            self.sleep(_PAUSE_WHEN_GONE_SECONDS)
            if self.transport.reachable():
                return True
        return False


def _batches(cases: Sequence[Case], workers: int) -> Iterator[list[Case]]:
    """Yield cases that go together: those of one batch, with several workers those of one group, and others alone."""
    for (batch, group), row in itertools.groupby(cases, key=lambda case: (case.batch, case.group)):
        if batch is not None or (group is not None and workers > 1):
            same = list(row)
            # No more than the workers can send at once, so that it is seen soon when the server is lost.
            size = len(same) if batch is not None else workers
            yield from (same[at : at + size] for at in range(0, len(same), size))
        else:
            yield from ([case] for case in row)


def _refused_apart(batch: Sequence[Case], exchanges: Sequence[Exchange]) -> list[Case]:
    """Return what is sent because a packed case was not accepted."""
    return [
        apart
        for case, exchange in zip(batch, exchanges, strict=True)
        if exchange.failure is None or exchange.failure.kind not in {"left-out", "unreachable"}
        if exchange.response is None or exchange.response.status != 200
        for apart in case.apart
    ]


def _not_sent(case: Case, why: Failure) -> Exchange:
    return Exchange(case.label, case.request, why, 0.0, 0.0, case.batch)


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
