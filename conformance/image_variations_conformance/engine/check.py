"""One check, from the target to the finished run: plan, send, judge, and at deep depth, fuzz."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import evolve, field, frozen

from ..cases.case import Case
from ..cases.plan import DEPTH_PROFILES, Depth, plan, select_cases
from ..contract.document import Contract, load
from ..sources.transport import Transport
from ..wire.target import Target
from .budget import Budget, Limits
from .exploring import Explored, Explorer
from .judging import judge_cases
from .run import Run
from .scheduler import Progress, Scheduler
from .verdicts import conclude

DEEP_SECONDS = 300.0
"""How long a deep run takes by default, unless its plan takes longer."""


@frozen(kw_only=True)
class Settings:
    """The settings of a check. Limits of None are those of the depth; `only` names requirements, or none for all.
    `contract` is the effective contract.

    After `max_seconds` the run ends, and a deep run fuzzes until then. With None, a deep run sends its whole plan, and
    fuzzes until DEEP_SECONDS are over. With 0, a run of any depth sends its plan alone. `timeout` is in seconds.
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
    contract: Contract = field(factory=load, repr=False)

    @property
    def limits(self) -> Limits:
        """The limits that were given, or else those of the depth."""
        profile = DEPTH_PROFILES[self.depth]
        return Limits(
            profile.max_requests if self.max_requests is None else self.max_requests,
            profile.max_images if self.max_images is None else self.max_images,
            self.max_seconds or None,
            profile.max_fetches,
        )

    @property
    def fuzz_seconds(self) -> float:
        """How long a run fuzzes, in seconds from its start; 0 if it does not fuzz."""
        seconds = DEEP_SECONDS if self.max_seconds is None else self.max_seconds
        return seconds if self.depth == "deep" else 0.0


def cases_of(target: Target, settings: Settings) -> list[Case]:
    """Return the cases that a check sends, in their order."""
    cases = plan(settings.contract, target, settings.seed, settings.depth)
    return select_cases(cases, settings.only) if settings.only else cases


def check(target: Target, settings: Settings, progress: Progress, sleep: Callable[[float], None] = time.sleep) -> Run:
    """Send the cases to a target and judge the responses. Raises Unreachable and KeyRefused."""
    cases = cases_of(target, settings)
    started = time.monotonic()
    budget = Budget(settings.limits)
    scheduler = Scheduler(Transport(target, settings.timeout), progress, sleep, settings.workers, budget)
    exchanges = scheduler.run(cases)
    judged = judge_cases(cases, exchanges, settings.contract)
    explored: Explored | None = None
    if settings.fuzz_seconds:
        budget.limits = evolve(settings.limits, max_seconds=settings.fuzz_seconds)
        explorer = Explorer(settings.contract, target, settings.seed, scheduler, settings.only)
        explored = explorer.explore(judged.observations, judged.findings)
    return conclude(
        settings.contract,
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
