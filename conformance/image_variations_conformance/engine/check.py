"""One check, from the target to the finished run: the plan, the campaign, and the verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing

from attrs import evolve, field, frozen
from hypothesis.database import ExampleDatabase

from ..cases.named_case import Depth
from ..cases.plan import DEPTH_PROFILES, Plan
from ..contract.document import Contract, load
from ..oracles import Finding, Observation
from ..sources.transport import Transport
from ..wire.reasons import ControlRefused, NothingAccepted, RateLimited, Reason
from ..wire.redaction import Redactor
from ..wire.target import Target
from .budget import Budget, Limits
from .campaign import Campaign, Summary
from .judging import findings_of
from .run import Cost, Run
from .scheduler import Progress, Scheduler
from .session import Session
from .verdicts import Circumstances, verdicts

DEEP_SECONDS = 300.0
"""How long a deep run takes by default, unless its plan takes longer."""
FEW_REQUESTS, FEW_IMAGES = 80, 8
"""How many random requests and images a standard run has after its plan, at most."""
# How many requests and images may be spent to explain refusals in a run that has no limit of images.
_NARROWING = (270, 60)
# How much of the body of a response that broke something is kept for the report.
_KEPT_BYTES = 1 << 20


@frozen(kw_only=True)
class Settings:
    """The settings of a check. Limits of None are those of the depth; `only` names requirements, or none for all.
    `contract` is the effective contract.

    After `max_seconds` the run ends, and a deep run sends random requests until then. With None, a deep run sends its
    whole plan, and random requests until DEEP_SECONDS are over. With 0, a run of any depth sends its plan alone.
    `timeout` is in seconds, and so is `wait_seconds`, which the run waits for rate limits if it is more than usual.
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
    wait_seconds: float = 0.0
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
    def has_campaign(self) -> bool:
        """Whether random requests follow the plan."""
        return self.depth != "quick" and self.max_seconds != 0

    @property
    def campaign_seconds(self) -> float:
        """How long a deep run sends random requests, in seconds from its start."""
        return DEEP_SECONDS if self.max_seconds is None else self.max_seconds

    def campaign_limits(self, budget: Budget) -> Limits:
        """Return the limits of the run once the plan was sent: a standard run sends a few random requests more."""
        if self.depth == "deep":
            return evolve(self.limits, max_seconds=self.campaign_seconds)
        few = (FEW_REQUESTS + budget.requests, FEW_IMAGES + budget.images)
        limits = (self.limits.max_requests, self.limits.max_images)
        requests, images = (
            more if limit is None else min(more, limit) for more, limit in zip(few, limits, strict=True)
        )
        return evolve(self.limits, max_requests=requests, max_images=images)


def plan_of(target: Target, settings: Settings) -> Plan:
    """Return the plan of a check."""
    return Plan.of(settings.contract, target, settings.seed, settings.depth, settings.only)


def check(
    target: Target,
    settings: Settings,
    progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
    database: ExampleDatabase | None = None,
) -> Run:
    """Send the plan and the campaign to a target and judge the responses. Raises Unreachable and KeyRefused.

    `database` is where the campaign keeps what it found, for later runs.
    """
    started = time.monotonic()
    budget = Budget(settings.limits)
    transport = Transport(target, settings.timeout)
    scheduler = Scheduler(transport, progress, sleep, settings.workers, budget, settings.wait_seconds)
    session = Session(plan_of(target, settings), scheduler)
    if settings.limits.max_images is None:
        session.experiment.narrowing_requests, session.experiment.narrowing_images = _NARROWING
    with closing(scheduler.transport):
        session.run()
        findings = findings_of(session)
        summary: Summary | None = None
        if settings.has_campaign:
            budget.limits = settings.campaign_limits(budget)
            before = len(session.observations)
            summary = Campaign(session, findings, database, settings.only).run()
            if len(session.observations) > before:
                findings = findings_of(session)
    return _finished(session, findings, summary, settings, time.monotonic() - started)


def _finished(
    session: Session, findings: list[Finding], summary: Summary | None, settings: Settings, seconds: float
) -> Run:
    """Return the finished run, with what reports write free of secrets."""
    target, budget = session.plan.target, session.scheduler.budget
    redactor = Redactor.of(target.api_key, target.headers, target.base_url)
    found = [_redacted(finding, redactor) for finding in findings]
    shown = {name for finding in found if finding.state == "contradicted" for name in (finding.label, finding.twin)}
    shown |= {label for name in shown if name is not None for label in session.observations[name].exchange.after}
    exchanges = [observation.exchange for observation in session.observations.values()]
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
        unsent=[*_why_ended(session), *(it.not_tested for it in exchanges if it.not_tested is not None)],
    )
    return Run(
        target=evolve(target, base_url=redactor.text(target.base_url)),
        contract=settings.contract,
        seed=settings.seed,
        depth=settings.depth,
        cases=session.cases,
        observations={
            label: _kept(observation, redactor) if label in shown else observation
            for label, observation in session.observations.items()
        },
        findings=tuple(found),
        verdicts=verdicts(found, circumstances),
        cost=Cost(budget.requests, budget.images, budget.fetches, seconds),
        require_complete=settings.require_complete,
        campaign=summary,
    )


def _why_ended(session: Session) -> Iterator[Reason]:
    """Yield why the experiment sends nothing any more, which the requests that it did not make do not say."""
    experiment = session.experiment
    outcomes = {outcome for _, outcome in experiment.sent} - {"not-sent"}
    if experiment.limited or (outcomes and outcomes <= {"limited", "unavailable"}):
        yield RateLimited()
    elif experiment.lost is not None:
        yield ControlRefused()
    elif experiment.base is None and outcomes:
        yield NothingAccepted()


def _redacted(finding: Finding, redactor: Redactor) -> Finding:
    reason = None if finding.reason is None else redactor.reason(finding.reason)
    return evolve(finding, message=redactor.text(finding.message), reason=reason)


def _kept(observation: Observation, redactor: Redactor) -> Observation:
    return evolve(observation, exchange=redactor.exchange(observation.exchange, _KEPT_BYTES))
