"""A finished run: its verdicts with the evidence for them, its cost, and its outcome in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from attrs import field, frozen

from ..cases.case import Case
from ..cases.named_case import Depth
from ..contract.document import Contract
from ..contract.requirements import Requirement
from ..oracles import Finding, Observation
from ..oracles.base import State
from ..wire.exchange import Exchange, FailureKind, Response
from ..wire.reasons import Declared, Deselected, Excluded, Interrupted, NoKey, RateLimited, Reason, RunEnded
from ..wire.target import Target
from .campaign import Summary

Result = Literal["pass", "fail", "warn", "declared", "known", "partial", "not-tested"]
Outcome = Literal["conforms", "fails", "incomplete"]

_OFTEN_DECLARED = {
    "IV-AUTH-401": "error_statuses",
    "IV-AUTH-REQUIRED": "auth",
    "IV-AUTH-WRONG": "auth",
    "IV-ERR-400": "error_statuses",
    "IV-ERR-OBJECT": "error_body",
    "IV-FORMAT-DEFAULT": "default_response_format",
    "IV-FORMAT-ENUM": "response_formats",
    "IV-IMAGE-FORMAT": "image_kinds",
    "IV-IMAGE-MAX-BYTES": "max_image_bytes",
    "IV-IMAGE-PNG-SIDES": "image_sides",
    "IV-IMAGE-REQUIRED": "image_field",
    "IV-IMAGE-SQUARE": "square",
    "IV-IMAGE-UP-TO-LIMIT": "max_image_bytes",
    "IV-MODEL-ACCEPTED": "models",
    "IV-MODEL-OPTIONAL": "model_required",
    "IV-N-BOUNDS": "max_n",
    "IV-N-RANGE": "max_n",
    "IV-OP-MULTIPART": "json_body",
    "IV-OP-MULTIPART-STATUS": "error_statuses",
    "IV-SIZE-DEFAULT": "default_size",
    "IV-SIZE-ENUM": "sizes",
    "IV-SIZE-UNKNOWN": "sizes",
}
"""What servers often do differently on purpose: the key of profiles, by the requirement that is broken."""
_SHOWN_BY = {
    "IV-AUTH-WRONG": {"key-wrong"},
    "IV-IMAGE-FORMAT": {"image-jpeg", "image-gif", "image-webp"},
    "IV-IMAGE-MAX-BYTES": {"image-too-large"},
    "IV-IMAGE-REQUIRED": {"image-named-brackets", "image-named-images", "image-named-file"},
    "IV-N-BOUNDS": {"n-eleven"},
    "IV-OP-MULTIPART": {"body-json"},
    "IV-SIZE-UNKNOWN": {"size-unknown", "size-auto", "size-of-another-model", "size-half", "size-one-pixel"},
}
"""The cases of a requirement of which one is accepted where it is broken on purpose. The others are mistakes."""
_NO_RESPONSE: dict[FailureKind | None, str] = {
    "dropped": "the server answers nothing; every connection broke before there was a response",
    "timeout": "the server answers nothing; every request timed out",
    "malformed": "the server does not speak HTTP/1.1; no response could be read",
}


@frozen
class Item:
    """One item of the evidence of a requirement, and what was seen of it.

    `state` is None for an item that was left out, with the reason. `findings` begin with the clearest.
    """

    name: str
    state: State | None
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    reason: Reason | None = None


@frozen
class Verdict:
    """The verdict on one requirement: the items of its evidence, and the cases that led to it.

    `message` says what broke; `reason` says why the requirement was not tested, or not completely. `also` are the
    requirements whose failures echo this one. `known` are the broken items that a baseline has, and `known_because` is
    its reason; with the result `known`, nothing else is broken.
    """

    requirement: Requirement
    result: Result
    message: str = ""
    cases: tuple[str, ...] = ()
    reason: Reason | None = None
    items: tuple[Item, ...] = field(default=(), repr=False)
    also: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    known_because: str = ""

    @property
    def missing(self) -> bool:
        """Whether evidence that the requirement needs was not seen."""
        by_design = isinstance(self.reason, Declared | Excluded | NoKey)
        return self.result in {"partial", "not-tested"} and not by_design and self.requirement.level != "may"

    @property
    def selected(self) -> bool:
        """Whether `--only` names the requirement, or there is no such choice. What it left out has no items."""
        return self.reason != Deselected() or bool(self.items)

    @property
    def blocked(self) -> bool:
        """Whether the server or an interruption kept evidence from being seen."""
        return self.missing and self.reason is not None and not self.reason.chosen

    @property
    def deselected(self) -> bool:
        """Whether the user's own choice of depth, limits and `only` left evidence out."""
        return self.missing and self.reason is not None and self.reason.chosen

    @property
    def fails_the_run(self) -> bool:
        """Whether this verdict alone makes the run fail: a failure, or a MUST that the server broke down on."""
        broke_down = self.blocked and isinstance(self.reason, RunEnded) and not isinstance(self.reason, RateLimited)
        return self.result == "fail" or (self.requirement.level == "must" and broke_down)


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

    With `require_complete`, missing evidence is not forgiven even where the user's own choice left it out. `campaign`
    is what the random requests after the plan came to, where there were some; the cost of the run includes theirs.
    `stale` says which entries of the baseline are out of date, and `baseline_of` which versions it was written with,
    where they are others.
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
    require_complete: bool = False
    campaign: Summary | None = None
    stale: tuple[str, ...] = ()
    baseline_of: str = ""

    @property
    def outcome(self) -> Outcome:
        """Whether the server conforms; incomplete: nothing is broken, but evidence of a MUST is missing."""
        if self.stale or any(verdict.fails_the_run for verdict in self.verdicts):
            return "fails"
        must_missing = any(verdict.missing for verdict in self.verdicts if verdict.requirement.level == "must")
        return "incomplete" if must_missing else "conforms"

    @property
    def exit_code(self) -> int:
        """0 if the server conforms as far as the user wanted to know, else 1."""
        if self.outcome != "incomplete":
            return int(self.outcome == "fails")
        musts = [verdict for verdict in self.verdicts if verdict.requirement.level == "must"]
        return int(self.require_complete or any(verdict.blocked for verdict in musts))

    @property
    def deselected(self) -> int:
        """How many requirements the user's own choice of depth, limits and `only` left untested, or partly so."""
        return sum(verdict.deselected for verdict in self.verdicts)

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended the run, even one that ended only the random requests after the plan."""
        return self._plan_interrupted or (self.campaign is not None and self.campaign.ended == Interrupted())

    @property
    def _plan_interrupted(self) -> bool:
        return any(observation.exchange.not_tested == Interrupted() for observation in self.observations.values())

    @property
    def _tested(self) -> Sequence[Exchange]:
        """What came of the requests that were sent, but for those that say nothing of the operation."""
        exchanges = (observation.exchange for observation in self.observations.values())
        return [it for it in exchanges if it.not_tested is None and not it.request.may_be_refused_unread]

    @property
    def not_offered(self) -> int | None:
        """The status of all POST requests if it says that the operation is not there at all, or None."""
        statuses = {it.response.status if it.response else 0 for it in self._tested if it.request.method == "POST"}
        return statuses.pop() if len(statuses) == 1 and statuses <= {404, 405, 501} else None

    @property
    def looks_deliberate(self) -> Mapping[str, str]:
        """What is broken that servers often do differently on purpose, each with the key of profiles that declares it.

        A server that breaks down does not do so on purpose.
        """
        broken = {it.requirement.id: it for it in self.verdicts if it.result in {"fail", "warn"}}
        return {
            name: key
            for name, key in _OFTEN_DECLARED.items()
            if name in broken
            and (name not in _SHOWN_BY or not _SHOWN_BY[name].isdisjoint(broken[name].cases))
            and not self._breaks_down(broken[name])
        }

    def _breaks_down(self, verdict: Verdict) -> bool:
        """Return whether a request that shows a failure was answered 5xx, or not at all."""
        shown = [self.observations[label] for label in verdict.cases if label in self.observations]
        return any(it.response is None or it.response.status >= 500 for it in shown)

    @property
    def refuses_everything(self) -> bool:
        """Whether the operation is there, but no valid request was accepted, and one was refused with 4xx."""
        return self.not_offered is None and bool(self._refusals) and not any(it.accepted for it in self._valid)

    @property
    def wants_model(self) -> bool:
        """Whether every valid request was refused, each time with words on the model."""
        return self.refuses_everything and all(b"model" in response.body.lower() for response in self._refusals)

    @property
    def _valid(self) -> Sequence[Observation]:
        return [it for it in self.observations.values() if it.expectation.validity == "valid"]

    @property
    def _refusals(self) -> Sequence[Response]:
        """The responses to valid requests with 4xx."""
        responses = (it.response for it in self._valid if it.response is not None)
        return [response for response in responses if 400 <= response.status < 500]

    @property
    def headline(self) -> str:
        """The outcome in a sentence or two."""
        if self._plan_interrupted:
            broken = _counted(self._number("fail"), "requirement")
            blocked = sum(verdict.blocked for verdict in self.verdicts)
            return f"Interrupted before its end: {broken} broken so far, and {blocked} kept from being tested."
        contract = f"contract {self.contract.version}"
        conclusion = {
            "conforms": f"Conforms to {contract}{self._with()}.",
            "fails": f"Does not conform to {contract}: {self._failure()}.",
            "incomplete": f"Incomplete: no requirement of {contract} is broken{self._with()}, but {self._left_out()}.",
        }[self.outcome]
        return f"{conclusion} The random requests were interrupted." if self.interrupted else conclusion

    def _number(self, result: Result) -> int:
        return sum(verdict.result == result for verdict in self.verdicts)

    def _with(self) -> str:
        parts = []
        if self.contract.changes:
            keys = {change.key for change in self.contract.changes}
            parts.append(f"{_counted(len(keys), 'declared difference')} (profile {self.contract.profile})")
        if self._number("known"):
            parts.append(_counted(self._number("known"), "known failure"))
        if self._number("warn"):
            parts.append(_counted(self._number("warn"), "warning"))
        return f" with {' and '.join(parts)}" if parts else ""

    def _left_out(self) -> str:
        missing = [verdict for verdict in self.verdicts if verdict.requirement.level == "must" and verdict.missing]
        musts = [verdict for verdict in missing if verdict.selected]
        blocked = sum(verdict.blocked for verdict in musts)
        chosen = len(musts) - blocked
        parts = ["--only left others out"] if musts != missing else []
        if blocked:
            parts.append(f"{_counted(blocked, 'requirement')} could not be tested completely")
        if chosen:
            parts.append(
                f"{_counted(chosen, 'requirement')} {'was' if chosen == 1 else 'were'} left out or tested in part"
            )
        return " and ".join(parts)

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
        if self.stale:
            parts.append(
                f"{len(self.stale)} {'entry' if len(self.stale) == 1 else 'entries'} of the baseline out of date"
            )
        return " and ".join(parts)

    def _overall_failure(self) -> str | None:
        """Return the one reason why every request failed, or None where there is none."""
        if self.not_offered is not None:
            return f"POST /images/variations is not offered; every request was answered {self.not_offered}"
        exchanges = self._tested
        statuses = {exchange.response.status if exchange.response else 0 for exchange in exchanges}
        shown = " or ".join(map(str, sorted(statuses)))
        if statuses and statuses <= {401, 403, 405}:
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
