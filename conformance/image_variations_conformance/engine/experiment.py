"""Finds out by experiment which values a server accepts, and which one thing is wrong where it refuses a valid request.

Everything here is pure: generators that yield the requests to send and are told the outcomes. A request is a base
(fields that the server is known to accept) and some probes, each of which changes one property of the request. Probes
travel in packs. A refused pack is sent again and then halved until the smallest part that is refused is found; then the
rest is sent. Each of these requests follows an accepted one, so that no earlier request is the reason for a refusal,
and a contradiction needs several refusals. It is shown by two requests that differ in nothing else: the refused one,
and the same without the probe, the control.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import comb

from attrs import define, evolve

from ..cases.builder import Base
from ..cases.probes import NO_5XX, Probe
from .packs import halves, images
from .steps import Outcome, Sending, State, Step
from .trials import Trials

_PARALLEL = "IV-STATE-PARALLEL"
_CONNECTION = "IV-STATE-CONNECTION"
_PACKS_AT_A_TIME = 8
_REFUSALS = 3
# A server that answers the same request now so, now so, may refuse an innocent one a few times in a row.
_REFUSALS_IF_UNSTABLE = 7
_MOST_IN_COMPANY = 16
"""How many requests are sent in company of each other, at most, to explain refusals there."""
_CHANCE = 1e-4
"""What is less likely than this is not explained by chance."""


@define
class Experiment(Trials):
    """The experiments of one run, and their results."""

    # --- probes

    def probe(self, packs: Sequence[tuple[Probe, ...]]) -> Sending[None]:
        """Send each pack with the cheap base, and narrow the refused ones down."""
        for start in range(0, len(packs), _PACKS_AT_A_TIME):
            few, first = packs[start : start + _PACKS_AT_A_TIME], len(self.sent)
            if self.cheap is None or self.ended:
                self._block(few)
                continue
            outcomes = yield from self._send(*(Step(self.cheap, pack) for pack in few))
            for at, (pack, outcome) in enumerate(zip(few, outcomes, strict=True), start=first):
                yield from self._explain(pack, at, outcome)

    def _block(self, packs: Sequence[tuple[Probe, ...]]) -> None:
        """Report packs that are not sent, because of the latest request."""
        for pack in packs:
            self._of_probes(pack, "blocked", len(self.sent) - 1)

    def _explain(self, pack: tuple[Probe, ...], at: int, outcome: Outcome) -> Sending[None]:
        """Report what the outcome of a pack shows, after more requests where it does not tell."""
        if not pack:
            return
        if outcome == "accepted":
            self._of_probes(pack, "holds", at)
        elif outcome == "declined":
            yield from self._split(pack, at)
        elif outcome in {"refused", "unavailable"}:
            yield from self._narrow(pack, at)
        else:
            self._of_probes(pack, "blocked", at)
            if outcome == "limited":
                # This request may exceed a limit that others do not.
                yield from self.control()

    def _split(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        """Send the probes of a pack that was declined apart, since one may have hidden what the others do."""
        if len(pack) == 1:
            self._of_probes(pack, "holds", at)
            return
        yield from self.probe([pack[: len(pack) // 2], pack[len(pack) // 2 :]])

    def _try(self, probes: tuple[Probe, ...], at: int, planned: bool = False) -> Sending[tuple[int, Outcome]]:
        """Send probes after an accepted request, and return the position and the outcome.

        One that takes the place of a planned request, which was refused, costs the images of that, and nothing of the
        allowance for narrowing. Where there is no room, or the server has ended the run, the outcome is "not-sent" and
        the position is `at`.
        """
        step = Step(self.cheap or Base(), probes, narrowing=not planned)
        if self.ended or (step.narrowing and not self._allows(step)):
            return at, "not-sent"
        if not self._follows_accepted and not (yield from self.control()):
            return at, "not-sent"
        (outcome,) = yield from self._send(step)
        return len(self.sent) - 1, "refused" if outcome == "unavailable" else outcome

    def _allows(self, *steps: Step) -> bool:
        """Return whether the allowance for narrowing has room for steps, and for the images that they may cost."""
        has_room = self.narrowing_requests >= len(steps) and self.narrowing_images >= sum(step.images for step in steps)
        return has_room and not self.ended

    def _narrow(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        """Find out why a pack is refused, if it is so again; then send what is left of it."""
        before, before_outcome = self.sent[at - 1]
        position, outcome = yield from self._try(pack, at, planned=True)
        if outcome == "refused":
            found = yield from self._culprit(pack, [at, position])
            rest = tuple(probe for probe in pack if probe not in found)
            if rest and not self._was_accepted(rest):
                position, outcome = yield from self._try(rest, at, planned=True)
                yield from self._explain(rest, position, outcome)
        elif outcome != "accepted" or self.sent[at][1] == "unavailable":
            yield from self._explain(pack, position, outcome)
        elif before_outcome != "accepted":
            yield from self._explain(pack, position, outcome)
            yield from self._explain_accident(Step(before.base, before.probes), position, at)
        else:
            self._of_probes(pack, "unstable" if len(pack) == 1 else "holds", position, at)

    def _was_accepted(self, probes: Sequence[Probe]) -> bool:
        """Return whether a request with these probes, and perhaps others, was accepted."""
        return any(
            outcome == "accepted" and step.alone and step.base == self.cheap and set(probes) <= set(step.probes)
            for step, outcome in self.sent
        )

    def _culprit(self, pack: tuple[Probe, ...], refusals: list[int]) -> Sending[tuple[Probe, ...]]:
        """Find a smallest part of a refused pack that is refused, report it, and return it."""
        if len(pack) == 1:
            outcome = yield from self._confirm(pack, refusals)
            if outcome == "refused":
                self._of_probes(pack, "contradicted", *refusals, twin=self._control)
            else:
                self._of_probes(pack, "unstable" if outcome in {"accepted", "declined"} else "blocked", *refusals)
            return pack
        explained = True
        for half in halves(pack):
            # Of two halves, the second has the probe that costs the most. It has to be seen to hold anyway.
            position, outcome = yield from self._try(half, refusals[0], planned=half[-1].images > 1)
            if outcome == "refused":
                return (yield from self._culprit(half, [position]))
            yield from self._explain(half, position, outcome)
            explained = explained and outcome in {"accepted", "declined"}
        return (yield from self._combination(pack, refusals)) if explained else pack

    def _enough(self, probes: Sequence[Probe], refusals: Sequence[int]) -> int:
        """Return how often a request is refused before that counts."""
        # Of several probes, one may be refused now and then, and a 503 is temporary.
        by_accident = self.unstable or len(probes) > 1 or any(self.sent[at][1] == "unavailable" for at in refusals)
        return _REFUSALS_IF_UNSTABLE if by_accident else _REFUSALS

    def _confirm(self, probes: tuple[Probe, ...], refusals: list[int]) -> Sending[Outcome]:
        """Send refused probes again until the refusals are enough or the outcome is another. Return the last outcome.

        The positions are added to those of the refusals.
        """
        while len(refusals) < self._enough(probes, refusals):
            position, outcome = yield from self._try(probes, refusals[0])
            if outcome == "not-sent":
                return outcome
            refusals.append(position)
            if outcome != "refused":
                return outcome
        return "refused"

    def _combination(self, pack: tuple[Probe, ...], refusals: list[int]) -> Sending[tuple[Probe, ...]]:
        """Explain a pack that is refused although its halves are accepted: reduce it while it is refused.

        Return what it is reduced to. Another combination with one of these probes is not looked for.
        """
        outcome: Outcome = "refused"
        for probe in pack:
            fewer = tuple(other for other in pack if other is not probe)
            if self._was_accepted(fewer):
                continue
            position, outcome = yield from self._try(fewer, refusals[0])
            if outcome == "refused":
                pack, refusals = fewer, [position]
            elif outcome not in {"accepted", "declined"}:
                break
        if outcome in {"refused", "accepted", "declined"}:
            outcome = yield from self._confirm(pack, refusals)
        if outcome == "refused":
            # One of the probes may be refused now and then.
            parts = [tuple(other for other in pack if other is not probe) for probe in pack]
            by_part = yield from self._accepts([part for part in parts if images(part) == 1], refusals[0])
            states: dict[Outcome, State] = {"accepted": "contradicted", "refused": "unstable"}
            self._conclude_on_combination(pack, states.get(by_part, "blocked"), refusals)
        elif outcome not in {"accepted", "declined"}:
            self._conclude_on_combination(pack, "blocked", refusals)
        return pack

    def _conclude_on_combination(self, pack: tuple[Probe, ...], state: State, refusals: Sequence[int]) -> None:
        requirement = NO_5XX if any(probe.open for probe in pack) else "IV-OP-VALID"
        names = " and ".join(sorted(probe.item for probe in pack))
        self._conclude(requirement, names, state, refusals, self._control if state == "contradicted" else None, pack)

    def _accepts(self, packs: Iterable[tuple[Probe, ...]], at: int) -> Sending[Outcome]:
        """Send packs once more, alone, until one is not accepted, and return the last outcome."""
        for pack in packs:
            _, outcome = yield from self._try(pack, at)
            if outcome not in {"accepted", "declined"}:
                return outcome
        return "accepted"

    # --- several requests at a time

    def together(self, packs: Sequence[tuple[Probe, ...]], group: str) -> Sending[None]:
        """Send packs at the same time. Each must be answered like alone."""
        steps = [Step(self.cheap or Base(), pack, group=group) for pack in packs]
        yield from self._in_company(steps, 0, _PARALLEL, group)

    def on_one_connection(self, packs: Sequence[tuple[Probe, ...]], connection: str) -> Sending[None]:
        """Send packs one after the other on one connection. Each must be answered like on a connection of its own."""
        steps = [Step(self.cheap or Base(), pack, connection=connection) for pack in packs]
        yield from self._in_company(steps, 1, _CONNECTION, connection)

    def _in_company(self, steps: Sequence[Step], alone: int, requirement: str, item: str) -> Sending[None]:
        """Send requests in company of each other, but for the first `alone` ones, and tell whether that is at fault.

        Those refused are sent again, alone. Where they are accepted, all are sent in company again, until a server that
        refuses requests by mere chance would hardly have refused so many of just these.
        """
        first = len(self.sent)
        if self.cheap is None or self.ended:
            self._block([step.probes for step in steps])
            self._conclude(requirement, item, "blocked", (first - 1,))
            return
        outcomes = yield from self._send(*steps)
        again, refused, twins, blocked = [], [], [], False
        for at, (step, outcome) in enumerate(zip(steps, outcomes, strict=True), start=first):
            position, by_itself = at, outcome
            if outcome != "accepted":
                position, by_itself = yield from self._try(step.probes, at, planned=True)
            yield from self._explain(step.probes, position, by_itself)
            if outcome == "refused" and by_itself == "accepted":
                refused.append(at)
                twins.append(position)
            blocked = blocked or (outcome in {"limited", "unavailable", "not-sent"} and by_itself != "refused")
            again.append(evolve(step, probes=step.probes if by_itself == "accepted" else (), narrowing=True))
        if self.ended or blocked:
            self._conclude(requirement, item, "blocked", (first,))
        elif not refused:
            self._conclude(requirement, item, "holds", range(first, first + len(steps)))
        elif refused[0] >= first + alone and (yield from self._company_matters(again, alone, refused)):
            self._conclude(requirement, item, "contradicted", refused, twins[0])
        else:
            self._conclude(requirement, item, "unstable", refused)

    def _company_matters(self, steps: Sequence[Step], alone: int, refused: list[int]) -> Sending[bool]:
        """Send requests in company again, and return whether chance hardly explains that just these were refused.

        The positions of the refusals are added to those of the first time.
        """
        kind = (steps[0].group, steps[0].connection)
        for rounds in range(2, 2 + _MOST_IN_COMPANY // len(steps)):
            if self.unstable or not self._recovers_always or not self._allows(*steps):
                return False
            if not (yield from self.control()):
                return False
            first = len(self.sent)
            outcomes = yield from self._send(*steps)
            if "refused" in outcomes[:alone] or "refused" not in outcomes[alone:]:
                return False
            refused += [at for at, outcome in enumerate(outcomes, start=first) if outcome == "refused"]
            company = rounds * (len(steps) - alone)
            others = sum(outcome == "accepted" and (it.group, it.connection) != kind for it, outcome in self.sent)
            # Of requests that are refused with one and the same probability, any are as likely to be refused.
            if comb(company, len(refused)) < _CHANCE * comb(company + others, len(refused)):
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
            if not (self._follows_accepted or (yield from self.control())):
                return
            label = f"plain-at-the-end{f'-{len(refusals) + 1}' if refusals else ''}"
            (outcome,) = yield from self._send(Step(self.base, label=label))
            if outcome != "refused":
                return
            refusals.append(len(self.sent) - 1)
        self._conclude("IV-STATE-INDEPENDENT", "plain-at-the-end", "contradicted", refusals, first)

    def verify(self) -> Sending[None]:
        """Send contradicted requests some more times if the server turned out to be unstable after that."""
        for at, result in enumerate(self.results if self.unstable else ()):
            refusals = list(result.steps)
            outcome: Outcome = "refused"
            if result.state == "contradicted" and result.requirement in {_PARALLEL, _CONNECTION}:
                # What was taken for more than chance was seen together with accidents that company does not explain.
                outcome = "accepted"
            elif result.state == "contradicted" and self.sent[refusals[0]][0].probes and result.twin is not None:
                outcome = yield from self._confirm(self.sent[refusals[0]][0].probes, refusals)
            if outcome != "refused":
                self.results[at] = evolve(result, state="unstable", steps=tuple(refusals))
