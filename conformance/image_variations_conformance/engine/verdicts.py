"""Turns the findings of a run into one verdict for each requirement, and puts the finished run together."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attrs import evolve

from ..cases.case import Case
from ..cases.plan import Depth
from ..contract.document import Contract
from ..contract.requirements import Requirement
from ..oracles import Finding
from ..wire.exchange import Exchange
from ..wire.reasons import (
    Declared,
    Deselected,
    Excluded,
    Interrupted,
    InvalidAccepted,
    Limited,
    NoKey,
    NotAtThisDepth,
    NotShown,
    Reason,
)
from ..wire.redaction import Redactor
from ..wire.target import Target
from .exploring import Explored
from .judging import Judged, judge_cases
from .run import Cost, Result, Run, Verdict

# How much of the body of a response that broke something is kept for the report.
_KEPT_BYTES = 1 << 20


def conclude(
    contract: Contract,
    target: Target,
    cases: Sequence[Case],
    exchanges: Sequence[Exchange],
    *,
    seed: int,
    seconds: float,
    strict: bool = False,
    depth: Depth = "standard",
    only: Collection[str] = (),
    judged: Judged | None = None,
    explored: Explored | None = None,
) -> Run:
    """Return the finished run of these exchanges, which are judged here unless `judged` is given.

    With `strict`, a broken SHOULD fails like a MUST. If `only` names requirements, all others are deselected.
    `explored` is what the fuzzing after the plan found. `seconds` is how long the run took.
    """
    judged = judged or judge_cases(cases, exchanges, contract)
    beyond = explored or Explored()
    sent = [exchange for exchange in exchanges if exchange.sent]
    redactor = Redactor.of(target.api_key, target.headers)
    findings = [_redacted(finding, redactor) for finding in (*judged.findings, *beyond.findings)]
    failed = {finding.label for finding in findings if finding.result == "fail"}
    observations = {
        observation.exchange.label: evolve(observation, exchange=redactor.exchange(observation.exchange, _KEPT_BYTES))
        if observation.exchange.label in failed
        else observation
        for observation in (*judged.observations, *beyond.observations)
    }
    not_shown = _why_not_shown(exchanges, depth, only)
    verdicts = tuple(
        Verdict(requirement, "not-tested", reason=Deselected())
        if only and requirement.id not in only
        else _verdict(requirement, findings, target, strict, not_shown)
        for requirement in contract.requirements.values()
    )
    return Run(
        target=evolve(target, base_url=redactor.text(target.base_url)),
        contract=contract,
        seed=seed,
        depth=depth,
        cases={each.label: each for case in (*cases, *beyond.cases) for each in (case, *case.parts)},
        observations=observations,
        findings=tuple(findings),
        verdicts=verdicts,
        cost=Cost(
            requests=sum(1 + exchange.retries for exchange in sent) + beyond.requests,
            images=sum(exchange.image_count for exchange in sent) + beyond.images,
            fetches=sum(fetch.sent for exchange in sent for fetch in exchange.fetches) + beyond.fetches,
            seconds=seconds,
        ),
        explored=explored,
    )


def _redacted(finding: Finding, redactor: Redactor) -> Finding:
    reason = None if finding.reason is None else redactor.reason(finding.reason)
    return evolve(finding, message=redactor.text(finding.message), reason=reason)


def _why_not_shown(exchanges: Sequence[Exchange], depth: Depth, only: Collection[str]) -> Reason:
    """Return why a requirement without any finding was not tested."""
    reasons = [exchange.not_tested for exchange in exchanges if exchange.not_tested is not None]
    if Interrupted() in reasons:
        return Interrupted()
    # If the server kept a request from being tested, that may be why no response showed the requirement.
    if any(not isinstance(reason, Limited) for reason in reasons):
        return NotShown()
    by_choice = [*reasons, *([Deselected()] if only else []), *([NotAtThisDepth()] if depth == "quick" else [])]
    return next((reason for reason in by_choice if not isinstance(reason, InvalidAccepted)), NotShown())


def _verdict(
    requirement: Requirement, findings: Sequence[Finding], target: Target, strict: bool, not_shown: Reason
) -> Verdict:
    """Return the verdict on one requirement; where nothing was found, `not_shown` is the reason."""
    if requirement.excluded is not None:
        return Verdict(requirement, "not-tested", reason=Excluded(requirement.excluded))
    if requirement.is_open:
        return Verdict(requirement, "not-tested", reason=Declared())
    if requirement.id.startswith("IV-AUTH-") and target.api_key is None:
        return Verdict(requirement, "not-tested", reason=NoKey())
    own = [finding for finding in findings if finding.requirement == requirement.id]
    broken: Result = "fail" if strict or requirement.level == "must" else "warn"
    failed = [finding for finding in own if finding.result == "fail"]
    if failed:
        return Verdict(requirement, broken, failed[0].message, _labels(failed))
    # An untested case outweighs passed ones, so that nothing untested counts as passed.
    untested = [finding for finding in own if finding.reason is not None]
    if untested:
        reasons = [finding.reason for finding in untested if finding.reason is not None]
        reason = next((reason for reason in reasons if not reason.chosen), reasons[0])
        return Verdict(requirement, "not-tested", "", _labels(untested), reason)
    if own:
        return Verdict(requirement, "pass", "", _labels(own))
    return Verdict(requirement, "not-tested", reason=not_shown)


def _labels(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.label for finding in findings))
