"""Sends the cases of a run, in order and where a batch says so at once, and collects what came of them.

The runner waits where the server asks for it, follows the links of answers, and stops where there is nobody left to
talk to. What it then did not send is still in its result, marked as unsent, so that nothing looks tested that was not.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from email.utils import parsedate_to_datetime

from attrs import define, evolve, field, frozen

from ..cases.case import Case
from ..oracles.base import shortened
from ..oracles.links import scheme_of
from ..sources.resources import own_resources
from ..sources.signals import interruptible
from ..sources.transport import Transport
from ..wire.exchange import MAX_LINK_CHARACTERS, Exchange, NotTested, Request, Response
from ..wire.json_body import NotJson, items, parse_json
from ..wire.reasons import Interrupted, MaxSeconds, Reason, ServerGone, ServerSilent
from ..wire.redaction import Redactor
from .budget import Budget

_TRIES_WHEN_LIMITED = 4
_LONGEST_WAIT_SECONDS = 30.0
_LONGEST_WAITS_OF_A_RUN_SECONDS = 300.0
# How often a server that was there is sought again, and how long between: time enough to be started anew.
_TRIES_WHEN_GONE = 6
_PAUSE_WHEN_GONE_SECONDS = 0.3
_TIMEOUTS_IN_A_ROW = 3
# The first two requests of a plan are valid. A server that answers 401 to them wants another key.
_UNAUTHORIZED_AT_FIRST = 2
_TIMEOUTS_OF_A_RUN = 10
_DROPS_LOOKED_INTO = 5
# As many as there can be workers.
_MOST_SUSPECTS = 64
# No answer has more items than that; a longer list is a fault already, and not a reason to go on for hours.
_MOST_LINKS = 10
# A server that takes less has answered the next request before its last answer is looked at: the two would only be in
# each other's way.
_LEAVES_TIME_SECONDS = 0.02

Progress = Callable[[int, int, Case], None]


class Unreachable(ConnectionError):
    """The target could not be reached at all."""


class KeyRefused(Exception):
    """The first `requests` requests were all answered 401. `quoted` are the server's words, in brackets, or empty."""

    def __init__(self, requests: int, quoted: str) -> None:
        super().__init__(requests, quoted)
        self.requests = requests
        self.quoted = quoted


@define
class _Watch:
    """What the exchanges of a run, in the order of their ends, tell of whether the server is still there."""

    reached: deque[str] = field(factory=lambda: deque(maxlen=_MOST_SUSPECTS))
    dropped: int = 0
    late: int = 0
    late_in_a_row: int = 0
    # How many responses came, and all of them 401; None once another one came.
    unauthorized: int | None = 0

    def note(self, exchange: Exchange) -> None:
        """Take an exchange into account."""
        kind = exchange.failure.kind if exchange.failure is not None else None
        if kind != "unreachable":
            self.reached.append(exchange.label)
        self.dropped += kind == "dropped"
        self.late += kind == "timeout"
        self.late_in_a_row = self.late_in_a_row + 1 if kind == "timeout" else 0


@frozen
class Runner:
    """Runs cases through a transport. `progress` is told how many are done, of how many, and which is next.

    Of cases in one group, `workers` are under way at a time: the next is sent when one is done, whichever it is. Where
    a connection breaks beside others, its case is sent once more, alone, so that none is blamed for another. `seen` is
    called with each exchange that is over, in a thread of its own, while others are waited for; where a server is so
    quick that there is no such while, it is not called.
    """

    transport: Transport
    progress: Progress
    sleep: Callable[[float], None] = time.sleep
    workers: int = 1
    budget: Budget = field(factory=Budget)
    seen: Callable[[Exchange], None] = lambda _: None
    _waits: list[float] = field(factory=list, repr=False)
    # By the digest of the link, which may be of 64 KiB.
    _fetched: dict[bytes, Exchange] = field(factory=dict, repr=False)
    _watch: _Watch = field(factory=_Watch, repr=False)

    def branch(self, progress: Progress) -> Runner:
        """Return a runner that goes on with this run and its budget, and whose answers are not kept."""
        return evolve(self, transport=self.transport.branch(), progress=progress, fetched={})

    def run(self, cases: Sequence[Case]) -> list[Exchange]:
        """Return the exchange of each case, in their order. Raises Unreachable if none ever got through.

        Where a packed case is refused, the exchanges of the cases apart from it come after it. An interruption ends the
        sending, not the run: what has no answer by then is marked as unsent.
        """
        exchanges: list[Exchange] = []
        self.budget.set_aside(cases)
        rows = list(_rows(cases, self.workers))
        left, why = len(cases), None
        with ThreadPoolExecutor(1) as looking:
            for row in rows:
                left -= len(row)
                sending = _Sending(self, looking, row, len(exchanges), left, why)
                exchanges += sending.exchanges()
                why = sending.why
        return exchanges

    def send(self, case: Case) -> Exchange:
        """Send one case, again after a wait where the server limits the rate, and follow the links of its answer."""
        for limited in range(_TRIES_WHEN_LIMITED):
            exchange = self._in_time(
                self.transport.send(case.label, case.request, case.batch, self.budget.seconds_left())
            )
            wait = _retry_after(exchange.response)
            if wait is None or wait > _LONGEST_WAIT_SECONDS or limited == _TRIES_WHEN_LIMITED - 1:
                break
            if sum(self._waits) + wait > _LONGEST_WAITS_OF_A_RUN_SECONDS or not self.budget.retried(wait):
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
        known = [(item, _digest(item.text)) for item in links[:_MOST_LINKS]]
        new = [(item, digest) for item, digest in known if digest not in self._fetched]
        for item, digest in (*new, *new[:1]):
            label, refusal = f"{exchange.label}/{item.at}", self.budget.fetch_refusal()
            if refusal is not None:
                request = Request("GET", item.text[:MAX_LINK_CHARACTERS], ())
                yield Exchange(label, request, NotTested(refusal), 0.0, 0.0)
                continue
            self._fetched[digest] = self._in_time(self.transport.fetch(label, item.text, self.budget.seconds_left()))
            yield self._fetched[digest]
        for item, digest in known:
            if (item, digest) not in new and digest in self._fetched:
                yield evolve(self._fetched[digest], label=f"{exchange.label}/{item.at}")

    def _in_time(self, exchange: Exchange) -> Exchange:
        """Return an exchange that the end of the run cut short as such: the server had no more time to answer."""
        cut = exchange.failure is not None and exchange.failure.kind == "timeout" and self.budget.seconds_left() == 0
        limit = self.budget.limits.max_seconds
        return evolve(exchange, outcome=NotTested(MaxSeconds(limit))) if cut and limit is not None else exchange

    def lost(self, exchange: Exchange) -> Reason | None:
        """Take note of an exchange that is over, and return why there is no point in going on, or None."""
        watch, failure = self._watch, exchange.failure
        watch.note(exchange)
        self._require_accepted_key(exchange)
        if failure is None:
            return None
        if failure.kind == "unreachable" and not watch.reached:
            raise Unreachable(failure.message)
        # A connection that broke may be the first sign of a server's death. Found out now, the request that killed it
        # is the last one sent. A server that breaks them all the time and lives is not waited for each time.
        suspect = failure.kind == "dropped" and watch.dropped <= _DROPS_LOOKED_INTO
        if (suspect or failure.kind == "unreachable") and not self._comes_back():
            return ServerGone(tuple(watch.reached)[-self.workers :])
        if watch.late >= _TIMEOUTS_OF_A_RUN:
            return ServerSilent(watch.late, in_a_row=False)
        if watch.late_in_a_row >= _TIMEOUTS_IN_A_ROW:
            return ServerSilent(_TIMEOUTS_IN_A_ROW, in_a_row=True)
        return None

    def _require_accepted_key(self, exchange: Exchange) -> None:
        """Raise KeyRefused where the first requests with the key of the run, or without where it has none, get 401."""
        watch, response, key = self._watch, exchange.response, self.transport.target.api_key
        has_own_key = key is None or exchange.request.header("authorization") == f"Bearer {key}"
        if response is None or watch.unauthorized is None or not has_own_key:
            return
        watch.unauthorized = watch.unauthorized + 1 if response.status == 401 else None
        if watch.unauthorized == _UNAUTHORIZED_AT_FIRST:
            raise KeyRefused(watch.unauthorized, self._quoted(response))

    def _quoted(self, response: Response) -> str:
        """Return the message of an error for people, in brackets; empty where the response is no error object."""
        try:
            message = parse_json(response.body)["error"]["message"]
        except (NotJson, LookupError, TypeError):
            return ""
        target = self.transport.target
        return f" ({shortened(Redactor.of(target.api_key, target.headers).text(str(message)), 200)})"

    def _comes_back(self) -> bool:
        """Whether the server takes connections, now that a dying one has had the time to die, or soon."""
        for _ in range(_TRIES_WHEN_GONE):
            self.sleep(_PAUSE_WHEN_GONE_SECONDS)
            if self.transport.reachable():
                return True
        return False


@define
class _Sending:
    """Cases that go together, on their way: those of one group or batch, one alone, or for one worker all.

    `done` and `left` are the numbers of the cases before and after these. `why` says why no more is sent, if so.
    """

    runner: Runner
    looking: Executor
    cases: Sequence[Case]
    done: int
    left: int
    why: Reason | None
    _came: dict[str, Exchange] = field(factory=dict, init=False)
    # By the label of a packed case that was refused.
    _apart: dict[str, tuple[Case, ...]] = field(factory=dict, init=False)
    _todo: deque[Case] = field(init=False, factory=deque)
    # Who was under way beside others, and whose connection broke then: which of them broke it is only seen alone.
    _beside: set[str] = field(init=False, factory=set)
    _suspects: deque[Case] = field(init=False, factory=deque)

    def exchanges(self) -> list[Exchange]:
        """Send the cases and return their exchanges, in the order of the cases. Raises Unreachable."""
        self._todo.extend(self.cases)
        # Threads are made when they are needed: none for a case alone.
        pool = ThreadPoolExecutor(self.runner.workers + len(self.cases))
        under_way: dict[Future[Exchange], Case] = {}
        try:
            with interruptible():
                self._send(pool, under_way)
        except KeyboardInterrupt:
            self.why = Interrupted()
        finally:
            # Whoever interrupts a run may kill it in a few seconds, sooner than a slow server answers.
            pool.shutdown(wait=self.why != Interrupted())
        for future, case in under_way.items():
            if future.done() and future.exception() is None:
                self._came[case.label] = future.result()
        sent = [each for case in self.cases for each in (case, *self._apart.get(case.label, ()))]
        if self.why is not None:
            self._came = {case.label: _not_sent(case, self.why) for case in sent} | self._came
        return [self._came[case.label] for case in sent]

    def _send(self, pool: ThreadPoolExecutor, under_way: dict[Future[Exchange], Case]) -> None:
        while (self.why is None and (self._todo or self._suspects)) or under_way:
            while self._has_room(len(under_way)):
                granted = self._next()
                if len(granted) == 1 and (self.runner.workers == 1 or len(self.cases) == 1):
                    self._ended(granted[0], self.runner.send(granted[0]))
                else:
                    with own_resources():
                        under_way |= {pool.submit(self.runner.send, case): case for case in granted}
            if len(under_way) > 1:
                self._beside.update(case.label for case in under_way.values())
            for future in wait(under_way, return_when=FIRST_COMPLETED).done if under_way else ():
                exchange = future.result()
                case = under_way.pop(future)
                self._ended(case, exchange)
                broke = exchange.failure is not None and exchange.failure.kind == "dropped"
                if broke and case.label in self._beside and case.batch is None:
                    self._suspects.append(case)
            if self._suspects and not under_way and self.why is None:
                self._again(self._suspects.popleft())

    def _has_room(self, under_way: int) -> bool:
        nobody_waits_to_be_alone = not self._suspects and self.why is None
        return bool(self._todo) and nobody_waits_to_be_alone and under_way < self.runner.workers

    def _again(self, case: Case) -> None:
        """Send a case once more, alone. What it then comes to is what counts."""
        if self.runner.budget.refusal(case) is None:
            exchange = self.runner.send(case)
            self._ended(case, evolve(exchange, limited=exchange.limited + 1))

    def _next(self) -> list[Case]:
        """Take the next case, or those of its batch with it, and return those for which there is room in the budget."""
        first = self._todo.popleft()
        together = [first]
        while first.batch is not None and self._todo and self._todo[0].batch == first.batch:
            together.append(self._todo.popleft())
        total = self.done + len(self._came) + len(together) + len(self._todo) + self.left
        self.runner.progress(self.done + len(self._came), total, first)
        granted = []
        for case in together:
            refusal = self.runner.budget.refusal(case)
            if refusal is None:
                granted.append(case)
            else:
                self._came[case.label] = _not_sent(case, refusal)
        return granted

    def _ended(self, case: Case, exchange: Exchange) -> None:
        self._came[case.label] = exchange
        if exchange.seconds >= _LEAVES_TIME_SECONDS:
            self.looking.submit(self.runner.seen, exchange)
        refused = exchange.response is None or exchange.response.status != 200
        if refused and (exchange.failure is None or exchange.failure.kind != "unreachable"):
            self._todo.extendleft(reversed(case.apart) if case.label not in self._apart else ())
            self._apart[case.label] = case.apart
        self.why = self.runner.lost(exchange) or self.why


def _rows(cases: Sequence[Case], workers: int) -> Iterator[list[Case]]:
    """Yield cases that go together: those of one group, those of one batch, and others alone; for one worker, all."""

    def key(numbered: tuple[int, Case]) -> object:
        number, case = numbered
        return workers == 1 or case.group or case.batch or number

    yield from ([case for _, case in row] for _, row in itertools.groupby(enumerate(cases), key))


def _digest(link: str) -> bytes:
    # A link is a text of JSON, where half a surrogate pair may stand.
    return hashlib.sha256(link.encode("utf-8", "surrogatepass")).digest()


def _not_sent(case: Case, reason: Reason) -> Exchange:
    return Exchange(case.label, case.request, NotTested(reason), 0.0, 0.0, case.batch)


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
