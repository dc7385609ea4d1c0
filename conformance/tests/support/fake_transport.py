"""A transport that returns predefined outcomes, for tests that need no server."""

import threading
from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen
from image_variations_conformance.sources.transport import Transport
from image_variations_conformance.wire.exchange import Exchange, Failure, NotTested, Request, Response

OutcomeOrRaise = Response | Failure | NotTested | type[KeyboardInterrupt]
OK = Response(200, body=b'{"data": [{"url": "x"}]}')


@frozen
class FakeTransport(Transport):
    """A transport that sends nothing and records every call of `send`, `fetch` and `reachable`.

    `outcomes` maps the label of a case to its outcomes, one per attempt; the last one repeats. An outcome that is an
    exception class is raised. A case without an entry gets `default(request)`. `accepts` holds the results of
    `reachable`, one per call; the last one repeats. After `dies_after` requests the server is unreachable. If `barrier`
    is set, every request waits at it. `seconds` is the duration of each exchange.
    """

    outcomes: Mapping[str, Sequence[OutcomeOrRaise]] = field(factory=dict)
    default: Callable[[Request], Response] = lambda _: OK
    accepts: tuple[bool, ...] = (True,)
    dies_after: int | None = None
    barrier: threading.Barrier | None = None
    seconds: float = 0.5
    sent: list[str] = field(factory=list)
    requests: list[Request] = field(factory=list)
    fetched: list[tuple[str, str]] = field(factory=list)
    reconnects: list[bool] = field(factory=list)
    lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def send(
        self,
        label: str,
        request: Request,
        concurrent_with: str | None = None,
        most_seconds: float | None = None,  # noqa: ARG002 - nothing takes time here
        connection: str | None = None,
    ) -> Exchange:
        with self.lock:
            outcomes = self.outcomes.get(label) or [self.default(request)]
            outcome = outcomes[min(self.sent.count(label), len(outcomes) - 1)]
            self.sent.append(label)
            self.requests.append(request)
            if not self.alive:
                outcome = Failure("unreachable", "no connection to here")
        if self.barrier is not None:
            self.barrier.wait()
        if isinstance(outcome, type):
            raise outcome
        return Exchange(label, request, outcome, 1.0, self.seconds, concurrent_with, connection)

    @property
    def alive(self) -> bool:
        """Whether at most `dies_after` requests were sent."""
        return self.dies_after is None or len(self.sent) <= self.dies_after

    def reachable(self) -> bool:
        self.reconnects.append(self.alive and self.accepts[min(len(self.reconnects), len(self.accepts) - 1)])
        return self.reconnects[-1]

    def fetch(self, label: str, link: str, _: float | None = None) -> Exchange:
        self.fetched.append((label, link))
        return Exchange(label, Request("GET", link, ()), Response(200, body=b"png"), 1.0, 0.5)
