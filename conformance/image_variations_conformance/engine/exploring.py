"""The part of a deep run after its plan: fuzzed requests, sent and judged batch by batch until there is no room left.

Each batch is judged with what the plan showed as its context: what it accepted clears whom to blame. Of all that is
sent, only what broke something new is kept, made as small as it can be, so that memory does not grow with the time.

After each batch comes the small request of the plan: it tells whether the server still works, and where it does not,
the batch is not blamed for more than its first failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attrs import define, evolve, field, frozen

from ..cases.case import Case
from ..contract.document import Contract
from ..oracles import Finding, Observation, judge, observe
from ..oracles.acceptance import valid_requests_are_accepted
from ..oracles.base import RUN_ORACLES
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
from .recipe import Recipe
from .scheduler import Scheduler
from .shrinking import Measure, shrunk

# What only several requests together can break.
_OF_SEVERAL_REQUESTS = ("IV-STATE-", "IV-URL-GUESS", "IV-OUT-RESEMBLES")
# By what is in a valid request, these are blamed where it is refused.
_ACCEPTANCE = RUN_ORACLES[valid_requests_are_accepted]
# Or all the time would be spent on one bug.
_MOST_MISTAKEN = 3
# So much of an answer is kept for the report.
_KEPT_BYTES = 1 << 20
# What earlier batches had accepted, by feature; more are not remembered.
_MOST_REMEMBERED = 1000


@frozen
class Explored:
    """What came of the fuzzing: what broke something new, and the cost of everything."""

    cases: tuple[Case, ...] = ()
    observations: tuple[Observation, ...] = field(default=(), repr=False)
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    # How many fuzzed requests were sent, and how many more to make what they showed smaller.
    fuzzed: int = 0
    shrinking: int = 0
    requests: int = 0
    images: int = 0
    fetches: int = 0
    # Why the fuzzing ended, or was not begun.
    ended: Reason | None = None


@frozen
class _Broken:
    """A request that broke a requirement, and what came of it."""

    it: Fuzzed
    observation: Observation
    finding: Finding


@define
class Explorer:
    """Fuzzes one target through the runner of its run, which knows the limits. For one use.

    `only` names the requirements that matter, or none for all.
    """

    contract: Contract
    target: Target
    seed: int
    runner: Scheduler
    only: Collection[str] = ()
    # What was accepted before, and the latest probe: just as much of it as the oracles of a whole run look at.
    _context: list[Observation] = field(factory=list)
    _known: set[object] = field(factory=set)
    _probe: list[Observation] = field(factory=list)
    # What is broken and needs no more looking into; and the smallest request yet for each that the fuzzing broke.
    _settled: set[str] = field(factory=set)
    _broken: dict[str, _Broken] = field(factory=dict)
    # Findings on several requests together, and what the server kept from being tested.
    _others: dict[str, tuple[Case, Observation, Finding]] = field(factory=dict)
    # How often a requirement was blamed, and then another one was found to be broken.
    _mistaken: Counter[str] = field(factory=Counter)
    _cost: Counter[str] = field(factory=Counter)
    _ended: Reason | None = None

    def explore(self, observations: Sequence[Observation], findings: Iterable[Finding]) -> Explored:
        """Go on from what the plan showed until the room is used up, and return what was found.

        An interruption from the keyboard ends it, too; what was judged by then stands.
        """
        if any(isinstance(it.exchange.not_tested, RunEnded) for it in observations):
            return Explored(ended=PlanNotFinished())
        self._cost["before"] = len(observations)
        self._settled = {finding.requirement for finding in findings if finding.result == "fail"}
        self._settled |= {it for it in self.contract.requirements if self.only and it not in self.only}
        as_probe = probe(0, self.contract, self.target, self.seed).expectation.features
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
            fetches=self._cost["fetches"],
            ended=self._ended,
        )

    def _remember(self, it: Observation, whole: bool = False) -> None:
        """Add an accepted request to the context: its features, and the `whole` response to compare others with."""
        if it.expectation.validity != "valid" or not it.accepted or it.exchange.concurrent_with is not None:
            return
        new = it.expectation.features - self._known if it.is_random else {it.expectation.features} - self._known
        if new and len(self._known) <= _MOST_REMEMBERED:
            self._known |= it.expectation.features | {it.expectation.features}
            self._context.append(_abridged(it, whole))

    def _batch(self, number: int, batch: Sequence[Fuzzed]) -> None:
        """Send and judge a batch, and make what it broke smaller."""
        last = probe(number, self.contract, self.target, self.seed)
        drawn = {it.case.label: it for it in batch}
        seen = self._sent([*(it.case for it in batch), last], drawn)
        self._cost["fuzzed"] += sum(it.exchange.label in drawn for it in seen)
        for finding, it in self._failed(seen):
            if it.exchange.label in drawn:
                self._note(_Broken(drawn[it.exchange.label], it, finding))
            else:
                self._note_other(last, it, finding)
        before, self._probe = self._probe, [it for it in seen if it.exchange.label == last.label]
        if self._ended is None and any(it.rate_limited for it in seen):
            self._ended = RateLimited()
        elif self._ended is None and self._probe and not any(it.accepted for it in (*self._probe, *before)) and before:
            self._ended = ControlRefused()
        for it in seen:
            self._remember(it)
        self._probe = [_abridged(it) for it in self._probe] or before
        while left := [it for it in self._broken if it not in self._settled]:
            self._settle(left[0])

    def _sent(self, cases: Sequence[Case], drawn: Mapping[str, Fuzzed]) -> list[Observation]:
        """Send cases and return what came of those that were sent. Takes note where the server is lost."""
        before = self._cost["before"] + self._cost["requests"]
        told, budget = self.runner.progress, self.runner.budget
        images = budget.images
        exchanges = self.runner.branch(lambda done, of, case: told(before + done, before + of, case)).run(cases)
        sent = [it for it in exchanges if it.sent]
        self._cost["requests"] += sum(1 + it.retries for it in sent)
        # Counted there already, and answers are long to read.
        self._cost["images"] += budget.images - images
        self._cost["fetches"] += sum(len(it.fetches) for it in sent)
        by_label = {case.label: case for case in cases}
        seen = [observe(it, by_label[it.label].expectation, is_random=it.label in drawn) for it in sent]
        lost = next((it.not_tested for it in exchanges if isinstance(it.not_tested, RunEnded)), None)
        if lost is not None:
            self._ended = lost
            answered = [it for it in seen if it.untested is None]
            if lost != Interrupted() and answered:
                # As where the plan is cut short by the server: what it kept from being tested is not passed.
                case = next(case for case in cases if case.label == answered[-1].exchange.label)
                self._note_other(case, answered[-1], answered[-1].not_tested("IV-STATE-RECOVERS", lost))
        return seen

    def _failed(self, seen: Sequence[Observation], too: Collection[str] = ()) -> Iterator[tuple[Finding, Observation]]:
        """Judge what was sent and yield what broke something that is not settled yet, or is one of `too`."""
        by_label = {it.exchange.label: it for it in seen}
        for finding in judge(seen, self.contract, [*self._context, *self._probe]):
            if finding.result == "fail" and (finding.requirement not in self._settled or finding.requirement in too):
                yield finding, by_label[finding.label]

    def _note(self, broken: _Broken) -> None:
        """Keep what broke a requirement, if it is the smallest yet."""
        requirement = broken.finding.requirement
        known = self._broken.get(requirement)
        if known is None or Measure.of(broken.it) < Measure.of(known.it):
            self._broken[requirement] = evolve(broken, observation=_abridged(broken.observation, whole=True))

    def _note_other(self, case: Case, it: Observation, finding: Finding) -> None:
        self._others.setdefault(finding.requirement, (case, _abridged(it, whole=True), finding))

    def _settle(self, requirement: str) -> None:
        """Make what broke a requirement as small as it can be."""
        found = self._broken[requirement]
        if not requirement.startswith(_OF_SEVERAL_REQUESTS) and self._ended is None:
            self._shrink(requirement, found)
        if requirement in self._broken or self._mistaken[requirement] >= _MOST_MISTAKEN:
            self._settled.add(requirement)

    def _shrink(self, requirement: str, found: _Broken) -> None:
        label = f"shrunk-{requirement.lower()}"
        note = f"the smallest found that breaks what {found.it.case.label} broke"
        latest = {found.it.recipe: found}
        # Why a valid request is refused is a guess, by what is in it. The smallest that is refused shows it better.
        family = _ACCEPTANCE if requirement in _ACCEPTANCE else {requirement}

        def make(recipe: Recipe) -> Fuzzed:
            return fuzzed(recipe, label, self.contract, self.target, note)

        def breaks(it: Fuzzed) -> bool | None:
            if self._ended is not None or self.runner.budget.over() is not None:
                return None
            again = it if it.case.label == label else make(it.recipe)
            seen = self._sent([again.case], {label: again})
            self._cost["shrinking"] += len(seen)
            # What is accepted without what was left out of it is not to blame for what is refused with it.
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
                    # Of what only a smaller request broke, the one that it was made from is the better witness.
                    self._note(_relabelled(broken, f"{label}-{finding.requirement.lower()}"))
            return broke

        before = dict(self._broken)
        smallest = self._judged_again(latest[shrunk(found.it, make, breaks).recipe])
        if not self._still_works():
            self._broken = before
        else:
            self._replace(requirement, smallest)

    def _judged_again(self, broken: _Broken) -> _Broken:
        """Return what was broken, blamed on what is still to blame now that smaller requests were accepted."""
        if broken.finding.requirement not in _ACCEPTANCE:
            return broken
        found = (finding for finding, _ in self._failed([broken.observation], _ACCEPTANCE))
        again = (finding for finding in found if finding.requirement in _ACCEPTANCE)
        return evolve(broken, finding=next(again, broken.finding))

    def _replace(self, requirement: str, smallest: _Broken) -> None:
        """Put the smallest request in the place of what broke a requirement, under the one that it breaks itself."""
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
        """Whether the server takes what it took before; or else what it refused meanwhile shows nothing."""
        number = self._cost["shrinking"]
        case = evolve(probe(number, self.contract, self.target, self.seed), label=f"shrunk-{number}-end")
        seen = self._sent([case], {})
        self._cost["shrinking"] += len(seen)
        return all(it.accepted for it in seen)


def _relabelled(broken: _Broken, label: str) -> _Broken:
    it = evolve(broken.it, case=evolve(broken.it.case, label=label))
    observation = evolve(broken.observation, exchange=evolve(broken.observation.exchange, label=label))
    return _Broken(it, observation, evolve(broken.finding, label=label))


def _abridged(it: Observation, whole: bool = False) -> Observation:
    """Return an observation with no more of it than is needed later.

    That it was accepted is all that a context needs; `whole` keeps the request, and of the answer what a report shows.
    """
    exchange = evolve(it.exchange, fetches=())
    if exchange.response is not None:
        body = exchange.response.body[:_KEPT_BYTES] if whole else b""
        exchange = evolve(exchange, outcome=evolve(exchange.response, body=body))
    if not whole:
        exchange = evolve(exchange, request=evolve(exchange.request, body=b""))
    return evolve(it, exchange=exchange, expectation=evolve(it.expectation, image=None))
