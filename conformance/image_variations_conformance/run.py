"""A run: what was sent, what came back, and one verdict for each requirement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from attrs import field, frozen

from .budget import SHOWN
from .cases import Case
from .contract import Contract
from .exchange import NOT_ASKED, Exchange, Failure, FailureKind
from .exploring import Explored
from .oracles import Finding, Observation, judge, observe
from .oracles.answer import images_made
from .oracles.base import Outcome as OracleOutcome
from .plan import Depth
from .register import Requirement
from .runner import INTERRUPTED
from .transport import Target

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
    """The verdict on one requirement: why, and by which cases (for a pass, all that showed it)."""

    requirement: Requirement
    verdict: Verdict
    message: str
    cases: tuple[str, ...]
    # Whether the server or an interruption, and not a choice made before, kept the requirement from being tested.
    prevented: bool = False
    # Whether it was the user's choice not to test it.
    left_out: bool = False

    @property
    def fails_the_run(self) -> bool:
        """Whether this judgement alone makes the run fail."""
        must = self.requirement.level == "must"
        return self.verdict == "fail" or (must and self.verdict == "not-tested" and self.prevented)


@frozen
class Cost:
    """What a run took: requests to the operation, images made, links followed, seconds."""

    requests: int
    images: int
    fetches: int
    seconds: float


@frozen
class Run:
    """A finished run."""

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
    def left_out(self) -> int:
        """How many requirements the user's own choice of depth, limits and `only` left untested."""
        return sum(it.left_out for it in self.judgements)

    @property
    def interrupted(self) -> bool:
        """Whether the run was interrupted, be it while it was fuzzing after its plan."""
        return self._cut_short or (self.explored is not None and self.explored.ended == INTERRUPTED)

    @property
    def _cut_short(self) -> bool:
        return any(_interrupted(it.exchange) for it in self.observations.values())

    @property
    def headline(self) -> str:
        """The outcome in a sentence or two."""
        if self._cut_short:
            broken = _counted(sum(it.verdict == "fail" for it in self.judgements), "requirement")
            untested = sum(it.verdict == "not-tested" and it.prevented for it in self.judgements)
            return f"Interrupted before its end: {broken} broken so far, and {untested} kept from being tested."
        return f"{self._conclusion} The fuzzing was interrupted." if self.interrupted else self._conclusion

    @property
    def _conclusion(self) -> str:
        failed = [judgement for judgement in self.judgements if judgement.verdict == "fail"]
        prevented = [it for it in self.judgements if it.fails_the_run and it.verdict == "not-tested"]
        if self.outcome == "conforms":
            warnings = sum(judgement.verdict == "warn" for judgement in self.judgements)
            warned = f", with {_counted(warnings, 'warning')}" if warnings else ""
            if self.left_out:
                return (
                    f"Conforms{warned}, as far as that was tested: {_counted(self.left_out, 'requirement')} left out."
                )
            return f"Conforms{warned}."
        asked = [it for it in self.observations.values() if not _not_asked(it.exchange)]
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
        if prevented:
            parts.append(f"{_counted(len(prevented), 'requirement')} that the server kept from being tested")
        if self.left_out:
            parts.append(f"{self.left_out} left out")
        return f"Does not conform: {' and '.join(parts)}."


def _not_asked(exchange: Exchange) -> bool:
    return exchange.failure is not None and exchange.failure.kind in NOT_ASKED


def _interrupted(exchange: Exchange) -> bool:
    return exchange.failure == Failure("unsent", INTERRUPTED)


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
    observations = (*judged.observations, *beyond.observations)
    findings = (*judged.findings, *beyond.findings)
    sent = [it for it in exchanges if it.failure is None or it.failure.kind not in {"unsent", "left-out"}]
    chosen = [it.failure.message for it in exchanges if it.failure is not None and it.failure.kind == "left-out"]
    if only:
        chosen.append("--only left it out")
    if depth == "quick":
        chosen.append("a quick run leaves it out")
    # Where the server kept a request from being answered, what no answer showed may be its doing.
    lost = any(it.failure is not None and it.failure.kind in NOT_ASKED - {"left-out"} for it in exchanges)
    left_out = None if lost else next((reason for reason in chosen if SHOWN not in reason), None)
    unshown = INTERRUPTED if any(map(_interrupted, exchanges)) else "no answer of the server showed it"
    register = contract.requirements.values()
    judgements = tuple(
        Judgement(it, "not-tested", "--only left it out", (), left_out=it.level != "may")
        if only and it.id not in only
        else _judgement(it, findings, target, strict, left_out, unshown, chosen)
        for it in register
    )
    return Run(
        target=target,
        contract=contract,
        seed=seed,
        depth=depth,
        cases={each.label: each for case in (*cases, *beyond.cases) for each in (case, *case.apart)},
        observations={it.exchange.label: it for it in observations},
        findings=findings,
        judgements=judgements,
        cost=Cost(
            requests=sum(1 + exchange.limited for exchange in sent) + beyond.requests,
            images=sum(map(images_made, sent)) + beyond.images,
            fetches=sum(len(exchange.fetches) for exchange in sent) + beyond.fetches,
            seconds=seconds,
        ),
        explored=explored,
    )


def _judgement(
    requirement: Requirement,
    findings: Sequence[Finding],
    target: Target,
    strict: bool,
    left_out: str | None,
    unshown: str,
    chosen: Collection[str],
) -> Judgement:
    """Put together what was found of one requirement.

    Where nothing was found, `left_out` says why, if the user chose so, and else `unshown`. `chosen` are the reasons for
    what was not tested that are the user's own.
    """
    if requirement.excluded is not None:
        return Judgement(requirement, "not-tested", requirement.excluded, ())
    if requirement.id.startswith("IV-AUTH-") and target.api_key is None:
        return Judgement(requirement, "not-tested", "no API key was given for the run", ())
    own = [finding for finding in findings if finding.requirement == requirement.id]
    broken: Verdict = "fail" if strict or requirement.level == "must" else "warn"
    # What could not be asked stands above what passed: nothing untested is ever counted as passed.
    verdicts: dict[OracleOutcome, Verdict] = {"fail": broken, "not-tested": "not-tested", "pass": "pass"}
    for outcome, verdict in verdicts.items():
        found = [finding for finding in own if finding.outcome == outcome]
        if found and verdict == "not-tested":
            kept = [finding for finding in found if finding.message not in chosen]
            return Judgement(
                requirement, verdict, (kept or found)[0].message, _labels(found), bool(kept), left_out=not kept
            )
        if found:
            return Judgement(requirement, verdict, found[0].message, _labels(found))
    by_choice = left_out is not None and requirement.level != "may"
    return Judgement(requirement, "not-tested", left_out or unshown, (), prevented=left_out is None, left_out=by_choice)


def _labels(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.label for finding in findings))
