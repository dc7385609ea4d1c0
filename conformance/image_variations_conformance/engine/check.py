"""One check, from the target to the finished run: send, judge, and at deep depth, fuzz."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from attrs import evolve, field, frozen

from ..cases.builder import Base
from ..cases.named_case import Depth
from ..cases.plan import DEPTH_PROFILES, Plan
from ..contract.document import Contract, load
from ..oracles import Finding, Observation
from ..sources.transport import Transport
from ..wire.redaction import Redactor
from ..wire.target import Target
from .budget import Budget, Limits
from .exploring import Explored, Explorer
from .judging import findings_of
from .run import Cost, Run
from .scheduler import Progress, Scheduler
from .session import Session
from .verdicts import Circumstances, verdicts

DEEP_SECONDS = 300.0
"""How long a deep run takes by default, unless its plan takes longer."""
# How much of the body of a response that broke something is kept for the report.
_KEPT_BYTES = 1 << 20


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
    require_complete: bool = False
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


def plan_of(target: Target, settings: Settings) -> Plan:
    """Return the plan of a check."""
    return Plan.of(settings.contract, target, settings.seed, settings.depth, settings.only)


def check(target: Target, settings: Settings, progress: Progress, sleep: Callable[[float], None] = time.sleep) -> Run:
    """Send the plan to a target and judge the responses. Raises Unreachable and KeyRefused."""
    started = time.monotonic()
    budget = Budget(settings.limits)
    scheduler = Scheduler(Transport(target, settings.timeout), progress, sleep, settings.workers, budget)
    session = Session(plan_of(target, settings), scheduler)
    with closing(scheduler.transport):
        session.run()
    findings = findings_of(session)
    explored: Explored | None = None
    if settings.fuzz_seconds:
        budget.limits = evolve(settings.limits, max_seconds=settings.fuzz_seconds)
        base = session.experiment.cheap or Base()
        explorer = Explorer(settings.contract, target, settings.seed, scheduler, base, settings.only)
        explored = explorer.explore(list(session.observations.values()), findings)
    return _finished(session, findings, explored, settings, time.monotonic() - started)


def _finished(
    session: Session, findings: list[Finding], explored: Explored | None, settings: Settings, seconds: float
) -> Run:
    """Return the finished run, with what reports write free of secrets."""
    target, beyond = session.plan.target, explored or Explored()
    redactor = Redactor.of(target.api_key, target.headers)
    found = [_redacted(finding, redactor) for finding in (*findings, *beyond.findings)]
    shown = {name for finding in found if finding.state == "contradicted" for name in (finding.label, finding.twin)}
    cases = {**session.cases, **{case.label: case for case in beyond.cases}}
    observations = {**session.observations, **{it.exchange.label: it for it in beyond.observations}}
    exchanges = [observation.exchange for observation in session.observations.values()]
    sent = [exchange for exchange in exchanges if exchange.sent]
    circumstances = Circumstances(
        contract=settings.contract,
        seed=settings.seed,
        quick=settings.depth == "quick",
        strict=settings.strict,
        has_key=target.api_key is not None,
        only=settings.only,
        cases=session.cases,
        left_out=session.plan.left_out,
        inapplicable=session.plan.inapplicable,
        unsent=[exchange.not_tested for exchange in exchanges if exchange.not_tested is not None],
    )
    return Run(
        target=evolve(target, base_url=redactor.text(target.base_url)),
        contract=settings.contract,
        seed=settings.seed,
        depth=settings.depth,
        cases=cases,
        observations={
            label: _kept(observation, redactor) if label in shown else observation
            for label, observation in observations.items()
        },
        findings=tuple(found),
        verdicts=verdicts(found, circumstances),
        cost=Cost(
            requests=sum(1 + exchange.retries for exchange in sent) + beyond.requests,
            images=sum(exchange.image_count for exchange in sent) + beyond.images,
            fetches=session.scheduler.budget.fetches,
            seconds=seconds,
        ),
        require_complete=settings.require_complete,
        explored=explored,
    )


def _redacted(finding: Finding, redactor: Redactor) -> Finding:
    reason = None if finding.reason is None else redactor.reason(finding.reason)
    return evolve(finding, message=redactor.text(finding.message), reason=reason)


def _kept(observation: Observation, redactor: Redactor) -> Observation:
    return evolve(observation, exchange=redactor.exchange(observation.exchange, _KEPT_BYTES))
