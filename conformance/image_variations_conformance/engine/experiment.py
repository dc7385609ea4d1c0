"""Finds out by experiment which values a server accepts, and which one thing is wrong where it refuses a valid request.

Everything here is pure: generators that yield the requests to send and are told the outcomes. Whether a request is
answered in company of others like alone is found out here; what is wrong with one alone, by `narrowing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from attrs import define, evolve

from ..cases.builder import Base
from ..cases.probes import Probe
from .narrowing import FAILED, INDEPENDENT, Narrowing
from .steps import PLAIN_AGAIN, Outcome, Result, Sending, Step

_PARALLEL = "IV-STATE-PARALLEL"
_CONNECTION = "IV-STATE-CONNECTION"
_MOST_IN_COMPANY = 16
"""How many requests are sent in company of each other, at most, to explain refusals there."""
_SHOW_COMPANY = 2
"""How many requests have to be answered in company of each other to show that it does not matter."""
_CHANCE = 1e-4
"""What is less likely than this is not explained by chance."""


@define
class Experiment(Narrowing):
    """The experiments of one run, and their results."""

    # --- several requests at a time

    def together(self, packs: Sequence[tuple[Probe, ...]], group: str) -> Sending[None]:
        """Send packs at the same time. Each must be answered like alone."""
        steps = [Step(self.cheap or Base(), pack, group=group) for pack in packs]
        yield from self._in_company(steps, _PARALLEL, group)

    def on_one_connection(self, packs: Sequence[tuple[Probe, ...]], connection: str) -> Sending[None]:
        """Send packs one after the other on one connection. Each must be answered like on a connection of its own."""
        steps = [Step(self.cheap or Base(), pack, connection=connection) for pack in packs]
        yield from self._in_company(steps, _CONNECTION, connection)

    def _in_company(
        self, steps: Sequence[Step], requirement: str, item: str, *, repeated: bool = False
    ) -> Sending[None]:
        """Send requests in company of each other, or of earlier ones, and tell whether that is at fault.

        Those refused are sent again, alone. Where they are accepted, all are sent in company again, until a server that
        refuses requests by mere chance would hardly have refused so many of just these. `repeated` are steps that were
        in company before, with more probes.
        """
        first = len(self.sent)
        if self.cheap is None or self.ended:
            self._block([step.probes for step in steps])
            self._conclude(requirement, item, "blocked", (first - 1,))
            return
        outcomes = yield from self._send(*steps)
        again, refused, twins, kept_back = [], [], [], []
        for at, (step, outcome) in enumerate(zip(steps, outcomes, strict=True), start=first):
            position, by_itself = at, outcome
            if outcome != "accepted" and (step.probes or outcome != "not-sent"):
                limited = outcome == "limited"
                position, by_itself = yield from self._try(step.probes, at, planned=True, after_accepted=limited)
            yield from self._explain(step.probes, position, by_itself)
            if outcome == "refused" and by_itself == "accepted":
                refused.append(at)
                twins.append(position)
            elif outcome not in {"accepted", "declined", "refused"} and not (step.probes and by_itself in FAILED):
                # Whether company is the reason for wrong images is told by the oracles, which compare the responses.
                kept_back.append(at)
            again.append(evolve(step, probes=step.probes if by_itself == "accepted" else (), narrowing=True))
        if self.ended or kept_back:
            self._conclude(requirement, item, "blocked", (*kept_back, first))
        elif not refused and sum(outcome in {"accepted", "wrong", "declined"} for outcome in outcomes) >= _SHOW_COMPANY:
            self._conclude(requirement, item, "holds", range(first, first + len(steps)))
        elif not refused:
            yield from self._in_company_without_refused(steps, again, requirement, item, repeated=repeated)
        elif (yield from self._company_matters(again, refused, {at - first for at in refused})):
            self._conclude(requirement, item, "contradicted", refused, twins[0])
        else:
            self._conclude(requirement, item, "unstable", refused)

    def _in_company_without_refused(
        self, steps: Sequence[Step], again: Sequence[Step], requirement: str, item: str, *, repeated: bool
    ) -> Sending[None]:
        """Send requests in company once more, without the probes that are refused alone as well: they hide the rest.

        The first time, they take the place of the planned ones, and cost nothing of the allowance for narrowing.
        """
        is_fewer = [step.probes for step in again] != [step.probes for step in steps]
        if is_fewer and (not repeated or self._allows(*again)):
            connection = steps[0].connection and f"{steps[0].connection}-without-refused"
            new = [evolve(step, connection=connection, narrowing=repeated) for step in again]
            yield from self._in_company(new, requirement, item, repeated=True)
        else:
            self._conclude(requirement, item, "blocked", (len(self.sent) - 1,))

    def _company_matters(self, steps: Sequence[Step], refused: list[int], places: set[int]) -> Sending[bool]:
        """Send requests in company again, and return whether chance hardly explains that just these were refused.

        The positions of the refusals are added to those of the first time, and their places among the steps to
        `places`. At a place on a connection, the same requests come before each time, and may be at fault where those
        before the other places are not. At the same time as others, the server decides which it refuses.
        """
        for rounds in range(2, 2 + _MOST_IN_COMPANY // len(steps)):
            if self.unstable or not self.recovers_always or not self._allows(*steps):
                return False
            if not (yield from self.control()):
                return False
            first = len(self.sent)
            # The earlier connection may still be open.
            new = [evolve(step, connection=step.connection and f"{step.connection}-{rounds}") for step in steps]
            outcomes = yield from self._send(*new)
            if "refused" not in outcomes:
                return False
            latest_places = {place for place, outcome in enumerate(outcomes) if outcome == "refused"}
            refused += [first + place for place in sorted(latest_places)]
            places |= latest_places
            others = sum(
                outcome == "accepted" and (it.group if steps[0].group else it.connection) is None
                for it, outcome in self.sent
            )
            # Of requests that are refused with one and the same probability, any are as likely to be refused. Any
            # places may turn out to be those.
            suspected = len(places) if steps[0].connection else len(steps)
            choices, sent = comb(len(steps), suspected), rounds * len(steps) + others
            if choices * comb(rounds * suspected, len(refused)) < _CHANCE * comb(sent, len(refused)):
                # A server may have changed its mind since it accepted these alone.
                latest = dict.fromkeys(self.sent[at][0].probes for at in refused if at >= first)
                return (yield from self._accepts(latest, first)) == "accepted" and not self.unstable
        return False

    # --- the end

    def first_again(self) -> Sending[None]:
        """Send the first accepted request once more: what came in between must have changed nothing."""
        if self.base is None or self.ended:
            return
        first = next(at for at, (step, outcome) in enumerate(self.sent) if outcome == "accepted")
        refusals: list[int] = []
        while len(refusals) < self._enough((), refusals):
            if refusals and not (self._follows_accepted or (yield from self.control())):
                return
            label = f"{PLAIN_AGAIN}{f'-{len(refusals) + 1}' if refusals else ''}"
            (outcome,) = yield from self._send(Step(self.base, label=label))
            if outcome == "limited":
                yield from self.control()
            if outcome != "refused":
                return
            refusals.append(len(self.sent) - 1)
        self._conclude(INDEPENDENT, PLAIN_AGAIN, "contradicted", refusals, first)

    def verify(self) -> Sending[None]:
        """Send contradicted requests some more times if the server turned out to be unstable after that."""
        for at, result in enumerate(self.results if self.unstable else ()):
            if result.state == "contradicted" and result.twin is not None and not (yield from self._holds_up(result)):
                self.results[at] = evolve(result, state="unstable")

    def _holds_up(self, result: Result) -> Sending[bool]:
        """Return whether a contradiction is one on a server that refuses requests by chance as well."""
        step, outcome = self.sent[result.steps[0]]
        if not step.alone:
            # What was taken for more than chance was seen together with accidents that company does not explain.
            return False
        if not step.probes:
            return True
        bad: Outcome = "wrong" if outcome == "wrong" else "refused"
        if self.was_accepted(step.probes):
            return False
        return (yield from self._confirm(step.probes, list(result.steps), bad)) == bad
