"""The part of a deep run after its plan: random requests, sent and judged batch by batch until a limit is reached.

Each batch is judged with earlier observations as context, so that features that were accepted before are not blamed.
Only requests that broke a further requirement are kept, in a smaller version, so that memory does not grow with time.

After each batch, a request that the server accepts is sent as a control. If it is refused, the server is down, and only
the first failure of the batch counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attrs import define, evolve, field, frozen

from ..cases.builder import Base
from ..cases.case import Case
from ..contract.document import Contract
from ..oracles import Finding, Observation, observe
from ..wire.reasons import (
    ControlRefused,
    Interrupted,
    NothingAccepted,
    PlanNotFinished,
    RateLimited,
    Reason,
    RunEnded,
)
from ..wire.target import Target
from .fuzzing import Fuzzed, batches, fuzzed, probe
from .inference import ACCEPTANCE, judge_random
from .recipe import Recipe
from .scheduler import Scheduler
from .shrinking import Measure, shrunk

# Requirements that only several requests together can break.
_OF_SEVERAL_REQUESTS = ("IV-STATE-", "IV-URL-GUESS", "IV-OUT-RESEMBLES")
# How often a requirement may be blamed wrongly before it is settled, so that one bug does not take all the time.
_MOST_MISTAKEN = 3
# How much of the body of a response is kept for the report.
_KEPT_BYTES = 1 << 20
# How many accepted features are remembered as context.
_MOST_REMEMBERED = 1000


@frozen
class Explored:
    """The result of the fuzzing: the cases that broke a further requirement, and the cost of all requests."""

    cases: tuple[Case, ...] = ()
    observations: tuple[Observation, ...] = field(default=(), repr=False)
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    # How many random requests were sent, and how many more to shrink those that failed.
    fuzzed: int = 0
    shrinking: int = 0
    requests: int = 0
    images: int = 0
    # Why the fuzzing ended or was not started.
    ended: Reason | None = None


@frozen
class _Broken:
    """A request that broke a requirement, with its observation and finding."""

    it: Fuzzed
    observation: Observation
    finding: Finding


@define
class Explorer:
    """Fuzzes one target with the scheduler of its run, which has the budget. An explorer is used once.

    `base` has fields that the server accepts. `only` names the requirements to look for; none stands for all.
    """

    contract: Contract
    target: Target
    seed: int
    runner: Scheduler
    base: Base
    only: Collection[str] = ()
    # Accepted requests and the latest control request, abridged to what the oracles of several exchanges read.
    _context: list[Observation] = field(factory=list)
    _known: set[object] = field(factory=set)
    _probe: list[Observation] = field(factory=list)
    # Requirements that are not looked for any more, and the smallest request so far for each one that is broken.
    _settled: set[str] = field(factory=set)
    _broken: dict[str, _Broken] = field(factory=dict)
    # Findings on control requests and on the loss of the server, by requirement.
    _others: dict[str, tuple[Case, Observation, Finding]] = field(factory=dict)
    # How often a requirement was blamed before another one turned out to be broken.
    _mistaken: Counter[str] = field(factory=Counter)
    _cost: Counter[str] = field(factory=Counter)
    _ended: Reason | None = None

    def explore(self, observations: Sequence[Observation], findings: Iterable[Finding]) -> Explored:
        """Send and judge random requests until a limit is reached, and return the result.

        `observations` and `findings` are those of the plan. An interruption ends the fuzzing, too, and what was judged
        until then is returned.
        """
        if any(isinstance(it.exchange.not_tested, RunEnded) for it in observations):
            return Explored(ended=PlanNotFinished())
        self._cost["before"] = len(observations)
        self._settled = {finding.requirement for finding in findings if finding.state == "contradicted"}
        self._settled |= {it for it in self.contract.requirements if self.only and it not in self.only}
        as_probe = probe(0, self.contract, self.target, self.seed, self.base).expectation.features
        for it in observations:
            self._remember(it, whole=it.expectation.features == as_probe)
        if not self._context:
            return Explored(ended=NothingAccepted())
        try:
            for number, batch in batches(self.contract, self.target, self.seed):
                self._ended = self._ended or self.runner.budget.over()
                if self._ended is not None:
                    break
                self._batch(number, batch)
        except KeyboardInterrupt:
            self._ended = Interrupted()
        return self._explored()

    def _explored(self) -> Explored:
        found = [(it.it.case, it.observation, it.finding) for it in self._broken.values()]
        found += self._others.values()
        return Explored(
            cases=tuple({case.label: case for case, _, _ in found}.values()),
            observations=tuple({it.exchange.label: it for _, it, _ in found}.values()),
            findings=tuple(finding for _, _, finding in found),
            fuzzed=self._cost["fuzzed"],
            shrinking=self._cost["shrinking"],
            requests=self._cost["requests"],
            images=self._cost["images"],
            ended=self._ended,
        )

    def _remember(self, it: Observation, whole: bool = False) -> None:
        """Add an accepted request to the context if it has new features. With `whole`, its response is kept, too."""
        if it.expectation.validity != "valid" or not it.accepted or it.exchange.concurrent_with is not None:
            return
        new = it.expectation.features - self._known if it.is_random else {it.expectation.features} - self._known
        if new and len(self._known) <= _MOST_REMEMBERED:
            self._known |= it.expectation.features | {it.expectation.features}
            self._context.append(_abridged(it, whole))

    def _batch(self, number: int, batch: Sequence[Fuzzed]) -> None:
        """Send and judge a batch, and shrink the requests that failed."""
        last = probe(number, self.contract, self.target, self.seed, self.base)
        drawn = {it.case.label: it for it in batch}
        seen = self._sent([*(it.case for it in batch), last], drawn)
        self._cost["fuzzed"] += sum(it.exchange.label in drawn for it in seen)
        for finding, it in self._failed(seen):
            if it.exchange.label in drawn:
                self._note(_Broken(drawn[it.exchange.label], it, finding))
            else:
                self._note_other(last, it, finding)
        before, self._probe = self._probe, [it for it in seen if it.exchange.label == last.label]
        if self._ended is None and any(it.limited for it in seen):
            self._ended = RateLimited()
        elif self._ended is None and self._probe and not any(it.accepted for it in (*self._probe, *before)) and before:
            self._ended = ControlRefused()
            message = f"the small request again: expected 200 as before, got {self._probe[0].answer}"
            self._note_other(last, self._probe[0], self._probe[0].finding("IV-STATE-RECOVERS", False, message))
        for it in seen:
            self._remember(it)
        self._probe = [_abridged(it) for it in self._probe] or before
        while left := [it for it in self._broken if it not in self._settled]:
            self._settle(left[0])

    def _sent(self, cases: Sequence[Case], drawn: Mapping[str, Fuzzed]) -> list[Observation]:
        """Send cases and return the observations of those that were sent. Note the reason if the run has ended."""
        before = self._cost["before"] + self._cost["requests"]
        told, budget = self.runner.progress, self.runner.budget
        images = budget.images
        exchanges = self.runner.branch(lambda done, of, case: told(before + done, before + of, case)).run(cases)
        sent = [it for it in exchanges if it.sent]
        self._cost["requests"] += sum(1 + it.retries for it in sent)
        # The budget has counted these; counting them again would mean parsing the responses again.
        self._cost["images"] += budget.images - images
        by_label = {case.label: case for case in cases}
        seen = [observe(it, by_label[it.label].expectation, is_random=it.label in drawn) for it in sent]
        lost = next((it.not_tested for it in exchanges if isinstance(it.not_tested, RunEnded)), None)
        if lost is not None:
            self._ended = lost
            answered = [it for it in seen if it.untested is None]
            if lost != Interrupted() and answered:
                # As when the server ends the plan early, what it kept from being tested is not a pass.
                case = next(case for case in cases if case.label == answered[-1].exchange.label)
                self._note_other(case, answered[-1], answered[-1].not_tested("IV-STATE-RECOVERS", lost))
        return seen

    def _failed(self, seen: Sequence[Observation], too: Collection[str] = ()) -> Iterator[tuple[Finding, Observation]]:
        """Judge observations and yield the failed findings on requirements that are not settled, or are in `too`."""
        by_label = {it.exchange.label: it for it in seen}
        for finding in judge_random(seen, self.contract, [*self._context, *self._probe]):
            if finding.state == "contradicted" and (
                finding.requirement not in self._settled or finding.requirement in too
            ):
                yield finding, by_label[finding.label]

    def _note(self, broken: _Broken) -> None:
        """Keep a request that broke a requirement, if it is the smallest so far."""
        requirement = broken.finding.requirement
        known = self._broken.get(requirement)
        if known is None or Measure.of(broken.it) < Measure.of(known.it):
            self._broken[requirement] = evolve(broken, observation=_abridged(broken.observation, whole=True))

    def _note_other(self, case: Case, it: Observation, finding: Finding) -> None:
        self._others.setdefault(finding.requirement, (case, _abridged(it, whole=True), finding))

    def _settle(self, requirement: str) -> None:
        """Shrink the request that broke a requirement, and settle the requirement."""
        found = self._broken[requirement]
        if not requirement.startswith(_OF_SEVERAL_REQUESTS) and self._ended is None:
            self._shrink(requirement, found)
        if requirement in self._broken or self._mistaken[requirement] >= _MOST_MISTAKEN:
            self._settled.add(requirement)

    def _shrink(self, requirement: str, found: _Broken) -> None:
        label = f"shrunk-{requirement.lower()}"
        note = f"the smallest found that breaks what {found.it.case.label} broke"
        latest = {found.it.recipe: found}
        # Which feature a refusal is blamed on is a guess, which is better for a smaller request.
        family = ACCEPTANCE if requirement in ACCEPTANCE else {requirement}

        def make(recipe: Recipe) -> Fuzzed:
            return fuzzed(recipe, label, self.contract, self.target, note)

        def breaks(it: Fuzzed) -> bool | None:
            if self._ended is not None or self.runner.budget.over() is not None:
                return None
            again = it if it.case.label == label else make(it.recipe)
            seen = self._sent([again.case], {label: again})
            self._cost["shrinking"] += len(seen)
            # Features of a smaller request that is accepted are not blamed any more.
            for one in seen:
                self._remember(one)
            broke = False
            for finding, observation in self._failed(seen, family):
                broken = _Broken(again, observation, finding)
                if finding.requirement in family:
                    if not broke or finding.requirement == requirement:
                        latest[it.recipe] = evolve(broken, observation=_abridged(observation, whole=True))
                    broke = True
                elif finding.requirement in self._broken:
                    # A request that broke another requirement by the way is kept if it is the smallest so far.
                    self._note(_relabelled(broken, f"{label}-{finding.requirement.lower()}"))
            return broke

        before = dict(self._broken)
        smallest = self._judged_again(latest[shrunk(found.it, make, breaks).recipe])
        if not self._still_works():
            self._broken = before
        else:
            self._replace(requirement, smallest)

    def _judged_again(self, broken: _Broken) -> _Broken:
        """Return `broken` with the requirement that is blamed now that smaller requests were accepted."""
        if broken.finding.requirement not in ACCEPTANCE:
            return broken
        found = (finding for finding, _ in self._failed([broken.observation], ACCEPTANCE))
        again = (finding for finding in found if finding.requirement in ACCEPTANCE)
        return evolve(broken, finding=next(again, broken.finding))

    def _replace(self, requirement: str, smallest: _Broken) -> None:
        """Keep the smallest request instead of the first one, under the requirement that it breaks itself."""
        other = smallest.finding.requirement
        if other == requirement:
            self._broken[requirement] = smallest
            return
        del self._broken[requirement]
        self._mistaken[requirement] += 1
        if other not in self._settled:
            self._broken[other] = _relabelled(smallest, f"shrunk-{other.lower()}")
            self._settled.add(other)

    def _still_works(self) -> bool:
        """Return whether the server still accepts the control request; otherwise, refusals before it show nothing."""
        number = self._cost["shrinking"]
        case = evolve(probe(number, self.contract, self.target, self.seed, self.base), label=f"shrunk-{number}-end")
        seen = self._sent([case], {})
        self._cost["shrinking"] += len(seen)
        return all(it.accepted for it in seen)


def _relabelled(broken: _Broken, label: str) -> _Broken:
    it = evolve(broken.it, case=evolve(broken.it.case, label=label))
    observation = evolve(broken.observation, exchange=evolve(broken.observation.exchange, label=label))
    return _Broken(it, observation, evolve(broken.finding, label=label))


def _abridged(it: Observation, whole: bool = False) -> Observation:
    """Return an observation without the bytes that are not needed later.

    A context needs no bodies. With `whole`, the body of the request and the first bytes of the response are kept for
    the report.
    """
    exchange = evolve(it.exchange, fetches=())
    if exchange.response is not None:
        body = exchange.response.body[:_KEPT_BYTES] if whole else b""
        exchange = evolve(exchange, outcome=evolve(exchange.response, body=body))
    if not whole:
        exchange = evolve(exchange, request=evolve(exchange.request, body=b""))
    return evolve(it, exchange=exchange, expectation=evolve(it.expectation, image=None))
