"""One check, from the target to the finished run: plan, send, judge."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import frozen

from . import contract
from .budget import Budget, Limits
from .cases import Case
from .oracles import look_ahead
from .plan import SHAPES, Depth, plan, serving
from .run import Run, conclude
from .runner import Progress, Runner
from .transport import Target, Transport


@frozen(kw_only=True)
class Settings:
    """How a check goes about it. Limits of None are those of the depth; `only` names requirements, or none for all."""

    seed: int
    timeout: float = 60.0
    depth: Depth = "standard"
    max_requests: int | None = None
    max_images: int | None = None
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
        )


def cases_of(target: Target, settings: Settings) -> list[Case]:
    """Return the cases that a check sends, in their order."""
    cases = plan(contract.load(), target, settings.seed, settings.depth)
    return serving(cases, settings.only, contract.load(), target) if settings.only else cases


def check(target: Target, settings: Settings, progress: Progress, sleep: Callable[[float], None] = time.sleep) -> Run:
    """Send the cases to a target and judge what comes back. Raises Unreachable where there is nobody."""
    cases = cases_of(target, settings)
    started = time.monotonic()
    transport = Transport(target, settings.timeout)
    runner = Runner(transport, progress, sleep, settings.workers, Budget(settings.limits), look_ahead)
    exchanges = runner.run(cases)
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
    )
