"""A run: what was sent, what came back, and one verdict for each requirement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from attrs import evolve, field, frozen

from ..cases.case import Case
from ..cases.plan import Depth
from ..contract.document import Contract
from ..contract.requirements import Requirement
from ..oracles import Finding, Observation, judge, observe
from ..wire.exchange import Exchange, FailureKind
from ..wire.json_body import images_made
from ..wire.reasons import (
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

Verdict = Literal["pass", "fail", "warn", "not-tested"]
Outcome = Literal["conforms", "fails"]

# How a server answers nothing at all.
_SILENCES: dict[FailureKind | None, str] = {
    "dropped": "the server answers nothing; every connection broke before there was an answer",
    "timeout": "the server answers nothing; no request was answered in time",
    "malformed": "the server does not speak HTTP/1.1; no answer could be read",
}


@frozen
class Judgement:
    """The verdict on one requirement, and the cases that led to it (for a pass, all that showed it).

    `message` says what broke; `reason` says why the requirement was not tested.
    """

    requirement: Requirement
    verdict: Verdict
    message: str = ""
    cases: tuple[str, ...] = ()
    reason: Reason | None = None

    @property
    def blocked(self) -> bool:
        """Whether the server or an interruption kept the requirement from being tested."""
        return self.reason is not None and not self.reason.chosen and not isinstance(self.reason, Excluded | NoKey)

    @property
    def deselected(self) -> bool:
        """Whether the user's own choice of depth, limits and `only` left the requirement untested."""
        return self.reason is not None and self.reason.chosen and self.requirement.level != "may"

    @property
    def fails_the_run(self) -> bool:
        """Whether this judgement alone makes the run fail."""
        return self.verdict == "fail" or (self.requirement.level == "must" and self.blocked)


@frozen
class Cost:
    """What a run took: requests to the operation, images made, links followed, seconds."""

    requests: int
    images: int
    fetches: int
    seconds: float


# Of a response that broke something, this many bytes are kept for the report.
_KEPT_BYTES = 1 << 20


@frozen
class Run:
    """A finished run. Free of secrets is what reports write: the verdicts, and the exchanges that broke something."""

    target: Target
    contract: Contract
    seed: int
    depth: Depth
    cases: Mapping[str, Case] = field(repr=False)
    observations: Mapping[str, Observation] = field(repr=False)
    findings: tuple[Finding, ...] = field(repr=False)
    judgements: tuple[Judgement, ...] = field(repr=False)
    cost: Cost
    # What the fuzzing after the plan did, where there was one. The cost of it is in that of the run.
    explored: Explored | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether the server conforms."""
        return "fails" if any(judgement.fails_the_run for judgement in self.judgements) else "conforms"

    @property
    def deselected(self) -> int:
        """How many requirements the user's own choice of depth, limits and `only` left untested."""
        return sum(it.deselected for it in self.judgements)

    @property
    def interrupted(self) -> bool:
        """Whether the run was interrupted, be it while it was fuzzing after its plan."""
        return self._cut_short or (self.explored is not None and self.explored.ended == Interrupted())

    @property
    def _cut_short(self) -> bool:
        return any(it.exchange.not_tested == Interrupted() for it in self.observations.values())

    @property
    def headline(self) -> str:
        """The outcome in a sentence or two."""
        if self._cut_short:
            broken = _counted(sum(it.verdict == "fail" for it in self.judgements), "requirement")
            untested = sum(it.blocked for it in self.judgements)
            return f"Interrupted before its end: {broken} broken so far, and {untested} kept from being tested."
        return f"{self._conclusion} The fuzzing was interrupted." if self.interrupted else self._conclusion

    @property
    def _conclusion(self) -> str:
        failed = [judgement for judgement in self.judgements if judgement.verdict == "fail"]
        blocked = [it for it in self.judgements if it.fails_the_run and it.blocked]
        if self.outcome == "conforms":
            warnings = sum(judgement.verdict == "warn" for judgement in self.judgements)
            warned = f", with {_counted(warnings, 'warning')}" if warnings else ""
            if self.deselected:
                left_out = _counted(self.deselected, "requirement")
                return f"Conforms{warned}, as far as that was tested: {left_out} left out."
            return f"Conforms{warned}."
        asked = [it for it in self.observations.values() if it.exchange.not_tested is None]
        answers = {it.response.status if it.response else 0 for it in asked}
        said = " or ".join(map(str, sorted(answers)))
        if answers <= {404, 405, 501}:
            return f"Does not conform: there is no POST /images/variations here; every request was answered {said}."
        if answers <= {401, 403, 405}:
            return f"Does not conform: the server does not take the API key; every request was answered {said}."
        # Other methods may be refused before they come to what fails.
        posts = [it.exchange for it in asked if it.exchange.request.method == "POST"]
        if min((it.response.status if it.response else 0 for it in posts), default=0) >= 500:
            failing = " or ".join(map(str, sorted({it.response.status for it in posts if it.response})))
            return f"Does not conform: the server fails at every request; every POST was answered {failing}."
        kinds = {it.exchange.failure.kind if it.exchange.failure else None for it in asked}
        if len(kinds) == 1 and (silence := _SILENCES.get(kinds.pop())):
            return f"Does not conform: {silence}."
        parts = []
        if failed:
            parts.append(f"{_counted(len(failed), 'requirement')} broken")
        if blocked:
            parts.append(f"{_counted(len(blocked), 'requirement')} that the server kept from being tested")
        if self.deselected:
            parts.append(f"{self.deselected} left out")
        return f"Does not conform: {' and '.join(parts)}."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@frozen
class Judged:
    """What was sent, and all that the oracles say of it."""

    observations: tuple[Observation, ...] = field(repr=False)
    findings: tuple[Finding, ...] = field(repr=False)

    @classmethod
    def of(cls, cases: Sequence[Case], exchanges: Sequence[Exchange], contract: Contract, target: Target) -> Judged:
        """Judge the exchanges of a plan, which these are the cases of."""
        drawn = {case.label for case in cases if case.drawn}
        observations = tuple(observe(it, contract, target.api_key, drawn=it.label in drawn) for it in exchanges)
        return cls(observations, tuple(judge(observations, contract)))


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
    """Judge the exchanges of a run, unless they are `judged` already, and put the findings together.

    With `strict`, a broken SHOULD counts as a MUST. `only` some requirements are judged, where any are named.
    `explored` is what came of the fuzzing after the plan.
    """
    judged = judged or Judged.of(cases, exchanges, contract, target)
    beyond = explored or Explored()
    sent = [it for it in exchanges if it.sent]
    redactor = Redactor.of(target.api_key, target.headers)
    findings = [_redacted(finding, redactor) for finding in (*judged.findings, *beyond.findings)]
    failed = {finding.label for finding in findings if finding.outcome == "fail"}
    observations = {
        it.exchange.label: evolve(it, exchange=redactor.exchange(it.exchange, _KEPT_BYTES))
        if it.exchange.label in failed
        else it
        for it in (*judged.observations, *beyond.observations)
    }
    unshown = _why_not_shown(exchanges, depth, only)
    judgements = tuple(
        Judgement(it, "not-tested", reason=Deselected())
        if only and it.id not in only
        else _judgement(it, findings, target, strict, unshown)
        for it in contract.requirements.values()
    )
    return Run(
        target=evolve(target, base_url=redactor.text(target.base_url)),
        contract=contract,
        seed=seed,
        depth=depth,
        cases={each.label: each for case in (*cases, *beyond.cases) for each in (case, *case.apart)},
        observations=observations,
        findings=tuple(findings),
        judgements=judgements,
        cost=Cost(
            requests=sum(1 + exchange.limited for exchange in sent) + beyond.requests,
            images=sum(map(images_made, sent)) + beyond.images,
            fetches=sum(len(exchange.fetches) for exchange in sent) + beyond.fetches,
            seconds=seconds,
        ),
        explored=explored,
    )


def _redacted(finding: Finding, redactor: Redactor) -> Finding:
    reason = None if finding.reason is None else redactor.reason(finding.reason)
    return evolve(finding, message=redactor.text(finding.message), reason=reason)


def _why_not_shown(exchanges: Sequence[Exchange], depth: Depth, only: Collection[str]) -> Reason:
    """Return why a requirement that no finding speaks of was not tested."""
    reasons = [it.not_tested for it in exchanges if it.not_tested is not None]
    if Interrupted() in reasons:
        return Interrupted()
    # Where the server kept a request from being answered, it may be the reason for whatever no response showed.
    if any(not isinstance(reason, Limited) for reason in reasons):
        return NotShown()
    by_choice = [*reasons, *([Deselected()] if only else []), *([NotAtThisDepth()] if depth == "quick" else [])]
    return next((reason for reason in by_choice if not isinstance(reason, InvalidAccepted)), NotShown())


def _judgement(
    requirement: Requirement, findings: Sequence[Finding], target: Target, strict: bool, unshown: Reason
) -> Judgement:
    """Put together what was found of one requirement; where nothing was found, `unshown` is the reason."""
    if requirement.excluded is not None:
        return Judgement(requirement, "not-tested", reason=Excluded(requirement.excluded))
    if requirement.id.startswith("IV-AUTH-") and target.api_key is None:
        return Judgement(requirement, "not-tested", reason=NoKey())
    own = [finding for finding in findings if finding.requirement == requirement.id]
    broken: Verdict = "fail" if strict or requirement.level == "must" else "warn"
    failed = [finding for finding in own if finding.outcome == "fail"]
    if failed:
        return Judgement(requirement, broken, failed[0].message, _labels(failed))
    # What could not be tested stands above what passed: nothing untested is ever counted as passed.
    untested = [finding for finding in own if finding.reason is not None]
    if untested:
        reasons = [finding.reason for finding in untested if finding.reason is not None]
        reason = next((reason for reason in reasons if not reason.chosen), reasons[0])
        return Judgement(requirement, "not-tested", "", _labels(untested), reason)
    if own:
        return Judgement(requirement, "pass", "", _labels(own))
    return Judgement(requirement, "not-tested", reason=unshown)


def _labels(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.label for finding in findings))
