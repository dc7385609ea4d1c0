"""One check, from the target to the finished run: plan, send, judge; and where it is deep, fuzz until time is up."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import evolve, frozen

from ..cases.case import Case
from ..cases.plan import SHAPES, Depth, plan, serving
from ..contract import document as contract
from ..oracles import look_ahead
from ..sources.transport import Transport
from ..wire.target import Target
from .budget import Budget, Limits
from .exploring import Explored, Explorer
from .scheduler import Progress, Runner
from .verdicts import Judged, Run, conclude

# How long a deep run takes unless told, where its plan does not take longer.
DEEP_SECONDS = 300.0


@frozen(kw_only=True)
class Settings:
    """How a check goes about it. Limits of None are those of the depth; `only` names requirements, or none for all.

    After `max_seconds`, nothing more is sent, and a deep run goes on fuzzing until then. With None, a deep run sends
    all of its plan, and goes on until DEEP_SECONDS are over. With 0, a run of any depth sends its plan alone.
    """

    seed: int
    timeout: float = 60.0
    depth: Depth = "standard"
    max_requests: int | None = None
    max_images: int | None = None
    max_seconds: float | None = None
    workers: int = 1
    strict: bool = False
    only: frozenset[str] = frozenset()

    @property
    def limits(self) -> Limits:
        """The limits that were given, or else those of the depth."""
        shape = SHAPES[self.depth]
        return Limits(
            shape.max_requests if self.max_requests is None else self.max_requests,
            shape.max_images if self.max_images is None else self.max_images,
            self.max_seconds or None,
            shape.max_fetches,
        )

    @property
    def fuzz_seconds(self) -> float:
        """Until when, in seconds from the start of the run, fuzzing goes on; 0 for none."""
        seconds = DEEP_SECONDS if self.max_seconds is None else self.max_seconds
        return seconds if self.depth == "deep" else 0.0


def cases_of(target: Target, settings: Settings) -> list[Case]:
    """Return the cases that a check sends, in their order."""
    cases = plan(contract.load(), target, settings.seed, settings.depth)
    return serving(cases, settings.only, contract.load(), target) if settings.only else cases


def check(target: Target, settings: Settings, progress: Progress, sleep: Callable[[float], None] = time.sleep) -> Run:
    """Send the cases to a target and judge what comes back. Raises Unreachable where there is nobody."""
    cases = cases_of(target, settings)
    started = time.monotonic()
    transport = Transport(target, settings.timeout)
    budget = Budget(settings.limits)
    runner = Runner(transport, progress, sleep, settings.workers, budget, look_ahead)
    exchanges = runner.run(cases)
    judged = Judged.of(cases, exchanges, contract.load(), target)
    explored: Explored | None = None
    if settings.fuzz_seconds:
        budget.limits = evolve(settings.limits, max_seconds=settings.fuzz_seconds)
        explorer = Explorer(contract.load(), target, settings.seed, runner, settings.only)
        explored = explorer.explore(judged.observations, judged.findings)
    return conclude(
        contract.load(),
        target,
        cases,
        exchanges,
        seed=settings.seed,
        seconds=time.monotonic() - started,
        strict=settings.strict,
        depth=settings.depth,
        only=settings.only,
        judged=judged,
        explored=explored,
    )
