"""A finished run: its verdicts, its cost, and its outcome in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from ..cases.case import Case
from ..cases.plan import Depth
from ..contract.document import Contract
from ..contract.requirements import Requirement
from ..oracles import Finding, Observation
from ..wire.exchange import FailureKind
from ..wire.reasons import Declared, Excluded, Interrupted, NoKey, Reason
from ..wire.target import Target
from .exploring import Explored

Result = Literal["pass", "fail", "warn", "not-tested"]
Outcome = Literal["conforms", "fails"]

_NO_RESPONSE: dict[FailureKind | None, str] = {
    "dropped": "the server answers nothing; every connection broke before there was a response",
    "timeout": "the server answers nothing; every request timed out",
    "malformed": "the server does not speak HTTP/1.1; no response could be read",
}


@frozen
class Verdict:
    """The verdict on one requirement, and the cases that led to it (for a pass, all that showed it).

    `message` says what broke; `reason` says why the requirement was not tested.
    """

    requirement: Requirement
    result: Result
    message: str = ""
    cases: tuple[str, ...] = ()
    reason: Reason | None = None

    @property
    def blocked(self) -> bool:
        """Whether the server or an interruption kept the requirement from being tested."""
        return (
            self.reason is not None
            and not self.reason.chosen
            and not isinstance(self.reason, Declared | Excluded | NoKey)
        )

    @property
    def deselected(self) -> bool:
        """Whether the user's own choice of depth, limits and `only` left the requirement untested."""
        return self.reason is not None and self.reason.chosen and self.requirement.level != "may"

    @property
    def fails_the_run(self) -> bool:
        """Whether this verdict alone makes the run fail."""
        return self.result == "fail" or (self.requirement.level == "must" and self.blocked)


@frozen
class Cost:
    """What a run took: requests to the operation, images made, links followed, seconds."""

    requests: int
    images: int
    fetches: int
    seconds: float


@frozen
class Run:
    """A finished run. The parts that reports write, verdicts and failed exchanges, are free of secrets.

    `explored` is what the fuzzing after the plan found, where there was one; the cost of the run includes its cost.
    """

    target: Target
    contract: Contract
    seed: int
    depth: Depth
    cases: Mapping[str, Case] = field(repr=False)
    observations: Mapping[str, Observation] = field(repr=False)
    findings: tuple[Finding, ...] = field(repr=False)
    verdicts: tuple[Verdict, ...] = field(repr=False)
    cost: Cost
    explored: Explored | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether the server conforms."""
        return "fails" if any(verdict.fails_the_run for verdict in self.verdicts) else "conforms"

    @property
    def deselected(self) -> int:
        """How many requirements the user's own choice of depth, limits and `only` left untested."""
        return sum(verdict.deselected for verdict in self.verdicts)

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended the run, even one that ended only the fuzzing after the plan."""
        return self._plan_interrupted or (self.explored is not None and self.explored.ended == Interrupted())

    @property
    def _plan_interrupted(self) -> bool:
        return any(observation.exchange.not_tested == Interrupted() for observation in self.observations.values())

    @property
    def headline(self) -> str:
        """The outcome in a sentence or two."""
        if self._plan_interrupted:
            broken = _counted(self._number("fail"), "requirement")
            blocked = sum(verdict.blocked for verdict in self.verdicts)
            return f"Interrupted before its end: {broken} broken so far, and {blocked} kept from being tested."
        conclusion = self._conforms() if self.outcome == "conforms" else f"Does not conform: {self._failure()}."
        return f"{conclusion} The fuzzing was interrupted." if self.interrupted else conclusion

    def _number(self, result: Result) -> int:
        return sum(verdict.result == result for verdict in self.verdicts)

    def _conforms(self) -> str:
        warned = f", with {_counted(self._number('warn'), 'warning')}" if self._number("warn") else ""
        if self.contract.changes:
            keys = {change.key for change in self.contract.changes}
            declared = _counted(len(keys), "declared difference")
            warned = f" to contract {self.contract.version} with {declared} ({self.contract.profile}){warned}"
        if self.deselected:
            left_out = _counted(self.deselected, "requirement")
            return f"Conforms{warned}, as far as that was tested: {left_out} left out."
        return f"Conforms{warned}."

    def _failure(self) -> str:
        overall = self._overall_failure()
        if overall is not None:
            return overall
        failed, blocked = self._number("fail"), sum(it.fails_the_run and it.blocked for it in self.verdicts)
        parts = []
        if failed:
            parts.append(f"{_counted(failed, 'requirement')} broken")
        if blocked:
            parts.append(f"{_counted(blocked, 'requirement')} that the server kept from being tested")
        if self.deselected:
            parts.append(f"{self.deselected} left out")
        return " and ".join(parts)

    def _overall_failure(self) -> str | None:
        """Return the one reason why every request failed, or None where there is none."""
        exchanges = [it.exchange for it in self.observations.values() if it.exchange.not_tested is None]
        statuses = {exchange.response.status if exchange.response else 0 for exchange in exchanges}
        shown = " or ".join(map(str, sorted(statuses)))
        if statuses <= {404, 405, 501}:
            return f"there is no POST /images/variations here; every request was answered {shown}"
        if statuses <= {401, 403, 405}:
            return f"the server does not take the API key; every request was answered {shown}"
        # Other methods may be refused before they reach what fails.
        posts = [exchange for exchange in exchanges if exchange.request.method == "POST"]
        if min((exchange.response.status if exchange.response else 0 for exchange in posts), default=0) >= 500:
            shown = " or ".join(map(str, sorted({each.response.status for each in posts if each.response})))
            return f"the server fails at every request; every POST was answered {shown}"
        kinds = {exchange.failure.kind if exchange.failure else None for exchange in exchanges}
        return _NO_RESPONSE.get(kinds.pop()) if len(kinds) == 1 else None


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
