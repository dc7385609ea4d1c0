"""The scheduler: sends the cases of a run, in order or concurrently, and collects the exchanges.

It waits if the server limits the rate, follows the links of responses, and ends the run once the server is gone. The
exchange of a case that was not sent has the reason as its outcome, so that nothing untested looks tested.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from email.utils import parsedate_to_datetime

from attrs import Factory, define, evolve, field, frozen

from ..cases.case import Case
from ..sources.resources import own_resources
from ..sources.signals import interruptible
from ..sources.transport import Transport
from ..wire.exchange import MAX_LINK_CHARACTERS, Exchange, NotTested, Request, Response
from ..wire.json_body import Item, NotJson, count_images, items, parse_json
from ..wire.reasons import Interrupted, MaxSeconds, Reason
from .budget import Budget
from .liveness import Liveness

_MAX_ATTEMPTS = 4
_MAX_WAIT_SECONDS = 65.0
"""How long a run waits for a rate limit at once: for one that counts the requests of a minute."""
_MAX_WAITS_SECONDS = 300.0
"""How long a run waits for rate limits in all."""
# No valid response has more items.
_MAX_LINKS = 10

Progress = Callable[[int, int, Case], None]
"""Called with the number of cases done, the number of all cases, and the next case."""


@frozen
class Scheduler:
    """Sends cases through a transport.

    `workers` cases are under way at a time. A case whose connection breaks while others are under
    way is sent again alone, so that it is not blamed for another one. `sleep` takes seconds. For rate limits it waits
    `wait_seconds`, if that is more than usual, at once and in all.
    """

    transport: Transport
    progress: Progress
    sleep: Callable[[float], None] = time.sleep
    workers: int = 1
    budget: Budget = field(factory=Budget)
    wait_seconds: float = 0.0
    _waits: list[float] = field(factory=list, repr=False)
    # A server that can do one thing at a time limits all others, so that limited requests are repeated one by one.
    _repeating: threading.Lock = field(factory=threading.Lock, repr=False)
    # How many cases were done, and why no more are sent. In lists, because a scheduler and its branches share them.
    _done: list[int] = field(factory=lambda: [0], repr=False)
    _ended: list[Reason | None] = field(factory=lambda: [None], repr=False)
    _liveness: Liveness = field(
        default=Factory(lambda self: Liveness(self.transport, self.sleep, self.workers), takes_self=True), repr=False
    )

    def branch(self, progress: Progress) -> Scheduler:
        """Return a scheduler that continues this run and its budget, and whose responses are not kept."""
        return evolve(self, transport=self.transport.branch(), progress=progress)

    def run(self, cases: Sequence[Case], to_come: int = 0) -> list[Exchange]:
        """Return the exchange of each case, in their order. Raises Unreachable and KeyRefused.

        Cases of one connection are sent in order, others in any order. `to_come` is how many cases the run will send
        after these, for the progress. An interruption ends the sending, and the exchanges of the other cases say so.
        """
        exchanges: list[Exchange] = []
        remaining = len(cases)
        for batch in _batches(cases, self.workers):
            remaining -= len(batch)
            sending = _Batch(self, self._liveness, batch, self._done[0], remaining + to_come, self._ended[0])
            done = sending.run()
            exchanges += done
            self._done[0] += sum(exchange.sent for exchange in done)
            self._ended[0] = sending.reason
        # A server that serves one connection at a time waits for the end of one that is kept.
        self.transport.close()
        return exchanges

    @property
    def ended(self) -> Reason | None:
        """Why no more cases are sent, or None."""
        return self._ended[0]

    def send(self, case: Case) -> Exchange:
        """Send one case, again after a wait where the server limits the rate, and follow the links of the response."""
        exchange = self._patiently(
            lambda: self.transport.send(
                case.label, case.request, case.concurrent_with, self.budget.seconds_left(), case.connection
            ),
            self.budget.retry_refusal,
        )
        found, images = _items(exchange.response)
        self.budget.settle(case, images)
        return evolve(exchange, fetches=tuple(self._follow(exchange.label, found)), image_count=images)

    def fetch_again(self, label: str, link: str) -> Exchange:
        """Follow a link once more and return the exchange."""
        return self._fetch(label, link, self.ended)

    def _follow(self, label: str, found: Sequence[Item]) -> Iterator[Exchange]:
        """Follow each link, and the first of them twice: a link is valid for an hour.

        One that an earlier response had, too, may return another image now.
        """
        links = [item for item in found if item.key == "url" and item.scheme][:_MAX_LINKS]
        for item in (*links, *links[:1]):
            yield self._fetch(f"{label}/{item.at}", item.text)

    def _fetch(self, label: str, link: str, refusal: Reason | None = None) -> Exchange:
        """Follow a link, again after a wait where its server limits the rate; or not at all, for the reason `refusal`.

        The budget may have another reason not to follow it.
        """
        refusal = refusal or self.budget.fetch_refusal()
        if refusal is not None:
            return Exchange(label, Request("GET", link[:MAX_LINK_CHARACTERS], ()), NotTested(refusal), 0.0, 0.0)
        return self._patiently(
            lambda: self.transport.fetch(label, link, self.budget.seconds_left()),
            lambda _: self.budget.fetch_refusal(),
        )

    def _patiently(self, send: Callable[[], Exchange], refusal: Callable[[float], Reason | None]) -> Exchange:
        """Send a request, again after a wait as long as it is limited.

        `refusal` returns why it is not sent again after so many seconds, or None.
        """
        limited: list[Response] = []
        at_once, in_all = (max(usual, self.wait_seconds) for usual in (_MAX_WAIT_SECONDS, _MAX_WAITS_SECONDS))
        while True:
            with self._repeating if limited else nullcontext():
                exchange = self._within_run(send())
            wait_seconds = _wait_seconds(exchange.response, len(limited))
            if wait_seconds is None or wait_seconds > at_once or len(limited) == _MAX_ATTEMPTS - 1:
                break
            if sum(self._waits) + wait_seconds > in_all:
                break
            limited += [exchange.response] if exchange.response is not None else []
            over = refusal(wait_seconds)
            if over is not None:
                # The limits of the user are the reason, and not that of the server.
                return evolve(exchange, outcome=NotTested(over), retries=len(limited) - 1, limited=tuple(limited))
            self._waits.append(wait_seconds)
            self.sleep(wait_seconds)
        return evolve(exchange, retries=len(limited), limited=tuple(limited))

    def _within_run(self, exchange: Exchange) -> Exchange:
        """Return an exchange; one that timed out because the time of the run is over is not tested."""
        limit = self.budget.limits.max_seconds
        timed_out = exchange.failure is not None and exchange.failure.kind == "timeout"
        if timed_out and limit is not None and self.budget.seconds_left() == 0:
            return evolve(exchange, outcome=NotTested(MaxSeconds(limit)))
        return exchange


@define
class _Batch:
    """Cases that are sent together: those sent concurrently, those of one connection, others, or all for one worker.

    `done` and `remaining` are the numbers of cases before and after these; `reason` is why no more are sent, if so.
    """

    scheduler: Scheduler
    liveness: Liveness
    cases: Sequence[Case]
    done: int
    remaining: int
    reason: Reason | None
    _exchanges: dict[str, Exchange] = field(factory=dict, init=False)
    _queue: deque[Case] = field(init=False, factory=deque)
    # Cases that were under way with others. If the connection of one breaks, the case is sent again alone to find
    # out whether it is the cause.
    _accompanied: set[str] = field(init=False, factory=set)
    _suspects: deque[Case] = field(init=False, factory=deque)

    def run(self) -> list[Exchange]:
        """Send the cases and return their exchanges, in the order of the cases. Raises Unreachable and KeyRefused."""
        self._queue.extend(self.cases)
        pool = ThreadPoolExecutor(self.scheduler.workers + len(self.cases))
        under_way: dict[Future[Exchange], Case] = {}
        try:
            with interruptible():
                self._send(pool, under_way)
        except KeyboardInterrupt:
            self.reason = Interrupted()
        finally:
            # After an interruption, the process may be killed within seconds, before a slow server responds.
            pool.shutdown(wait=self.reason != Interrupted())
        for future, case in under_way.items():
            if future.done() and future.exception() is None:
                self._exchanges[case.label] = future.result()
        if self.reason is not None:
            self._exchanges = {case.label: not_sent(case, self.reason) for case in self.cases} | self._exchanges
        return [self._exchanges[case.label] for case in self.cases]

    def _send(self, pool: ThreadPoolExecutor, under_way: dict[Future[Exchange], Case]) -> None:
        while (self.reason is None and (self._queue or self._suspects)) or under_way:
            while self._can_send(len(under_way)):
                granted = self._next()
                if len(granted) == 1 and (self.scheduler.workers == 1 or len(self.cases) == 1):
                    self._end(granted[0], self.scheduler.send(granted[0]))
                else:
                    with own_resources():
                        under_way |= {pool.submit(self.scheduler.send, case): case for case in granted}
            if len(under_way) > 1:
                self._accompanied.update(case.label for case in under_way.values())
            for future in wait(under_way, return_when=FIRST_COMPLETED).done if under_way else ():
                exchange = future.result()
                case = under_way.pop(future)
                self._end(case, exchange)
                dropped = exchange.failure is not None and exchange.failure.kind == "dropped"
                if dropped and case.label in self._accompanied and case.concurrent_with is None:
                    self._suspects.append(case)
            if self._suspects and not under_way and self.reason is None:
                self._send_again(self._suspects.popleft())

    def _can_send(self, under_way: int) -> bool:
        blocked = self._suspects or self.reason is not None
        workers = 1 if self.cases[0].connection else self.scheduler.workers
        return bool(self._queue) and not blocked and under_way < workers

    def _send_again(self, case: Case) -> None:
        """Send a case again, alone. This exchange counts."""
        if self.scheduler.budget.refusal(case) is None:
            exchange = self.scheduler.send(case)
            self._end(case, evolve(exchange, retries=exchange.retries + 1))

    def _next(self) -> list[Case]:
        """Take the next case with those sent concurrently, and return those that the budget has room for."""
        first = self._queue.popleft()
        taken = [first]
        while first.concurrent_with and self._queue and self._queue[0].concurrent_with == first.concurrent_with:
            taken.append(self._queue.popleft())
        done = self.done + len(self._exchanges)
        self.scheduler.progress(done, done + len(taken) + len(self._queue) + self.remaining, first)
        granted = []
        for case in taken:
            refusal = self.scheduler.budget.refusal(case)
            if refusal is None:
                granted.append(case)
            else:
                self._exchanges[case.label] = not_sent(case, refusal)
        return granted

    def _end(self, case: Case, exchange: Exchange) -> None:
        self._exchanges[case.label] = exchange
        self.reason = self.liveness.note(exchange) or self.reason


def _batches(cases: Sequence[Case], workers: int) -> Iterator[list[Case]]:
    """Yield the cases of each group and of each connection together, and so others; for one worker, all."""

    def key(case: Case) -> object:
        return workers == 1 or case.concurrent_with or case.connection or ""

    yield from (list(batch) for _, batch in itertools.groupby(cases, key))


def _items(response: Response | None) -> tuple[tuple[Item, ...], int]:
    """Return the items of a 200, and how many images they hold."""
    if response is None or not 200 <= response.status < 300:
        return (), 0
    try:
        value = parse_json(response.body)
    except NotJson:
        return (), 0
    return items(value), count_images(value)


def not_sent(case: Case, reason: Reason) -> Exchange:
    """Return the exchange of a case that was not sent."""
    return Exchange(case.label, case.request, NotTested(reason), 0.0, 0.0, case.concurrent_with, case.connection)


def _wait_seconds(response: Response | None, waited: int) -> float | None:
    """Return how many seconds to wait before a request is sent again that was limited `waited` times before.

    None: the response is no limit. A server that does not say how long to wait is given 1, 2 and 4 seconds.
    """
    if response is None or response.status not in {429, 503}:
        return None
    value = response.header("retry-after")
    if value is not None:
        with suppress(ValueError):
            return max(0.0, float(value))
        with suppress(ValueError, TypeError, OverflowError):
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    # A 503 without a time may be an answer to this very request, which does not change.
    return float(2**waited) if response.status == 429 else None
