"""Finds out which one thing is wrong where a server refuses a valid request, or makes other images than requested.

A request is a base (fields that the server is known to accept) and some probes, each of which changes one property of
the request. Probes travel in packs. If a pack is refused twice, probes are left out of it one by one: a request that is
refused costs no image. What remains is the smallest part that is refused, and the rest of the pack is sent without it.

A contradiction needs several refusals and, between two of them, a request that was accepted, so that neither chance nor
an earlier request nor an outage is the reason. It is shown by two requests that differ in nothing else: the refused
one, and the same without the probe, the control.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import define

from ..cases.builder import Base
from ..cases.probes import NO_5XX, Probe
from ..oracles.base import State
from .packs import images
from .steps import ASKING, MADE_IMAGES, Outcome, Sending, Step
from .trials import Trials

INDEPENDENT = "IV-STATE-INDEPENDENT"
_MAY_BE_DECLINED = frozenset({"IV-WIRE-CHUNKED", "IV-WIRE-EXPECT"})
"""A status of its own says that a server does without one of these."""
Part = tuple[tuple[Probe, ...], list[int], Outcome]
"""A part of a pack, the positions at which it was sent, and the outcome there."""
FAILED = frozenset({"refused", "unavailable", "wrong"})
_PACKS_AT_A_TIME = 8
_REFUSALS = 3
_WRONG = 2
# A server that answers the same request now so, now so, may refuse an innocent one a few times in a row.
_REFUSALS_IF_UNSTABLE = 7


@define
class Narrowing(Trials):
    """The requests that find out what a server refuses, or answers with other images, and their results."""

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
        elif outcome == "declined" or (at in self.unanswered and outcome == "refused" and len(pack) > 1):
            yield from self._split(pack, at)
        elif outcome in {"refused", "unavailable"}:
            yield from self._narrow(pack, at)
        elif outcome == "wrong":
            yield from self._explain_wrong(pack, at)
        else:
            self._of_probes(pack, "blocked", at)
            if outcome == "limited":
                # This request may exceed a limit that others do not.
                yield from self.control()

    def _split(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        """Send each half of a pack that was declined or not answered, since one probe may hide what the others do."""
        if len(pack) == 1:
            self._of_probes(pack, "holds", at)
            return
        reasons = [probe for probe in pack if probe.requirement in _MAY_BE_DECLINED]
        if len(reasons) == 1 and self.sent[at][1] == "declined":
            self._of_probes(reasons, "holds", at)
            yield from self.probe([tuple(probe for probe in pack if probe not in reasons)])
            return
        yield from self.probe([pack[: len(pack) // 2], pack[len(pack) // 2 :]])

    def _try(
        self, probes: tuple[Probe, ...], at: int, *, planned: bool = False, after_accepted: bool = False
    ) -> Sending[tuple[int, Outcome]]:
        """Send probes, and return the position and the outcome.

        With `after_accepted`, the control is sent first unless the latest request was accepted. A request that takes
        the place of a planned one, which was refused, costs the images of that, and nothing of the allowance for
        narrowing. Where there is no room, or the server has ended the run, the outcome is "not-sent" and the position
        is `at`.
        """
        step = Step(self.cheap or Base(), probes, narrowing=not planned)
        if self.ended or (step.narrowing and not self._allows(step)):
            return at, "not-sent"
        after_accepted = after_accepted or not self.recovers_always
        if after_accepted and not self._follows_accepted and not (yield from self.control()):
            return at, "not-sent"
        (outcome,) = yield from self._send(step)
        position = at if outcome == "not-sent" else len(self.sent) - 1
        return position, "refused" if outcome == "unavailable" else outcome

    def _allows(self, *steps: Step) -> bool:
        """Return whether the allowance for narrowing has room for steps, and for the images that they may cost."""
        has_room = self.narrowing_requests >= len(steps) and self.narrowing_images >= sum(step.images for step in steps)
        return has_room and not self.ended

    def _narrow(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        """Find out why a pack is refused, if it is so again."""
        position, outcome = yield from self._try(pack, at, planned=True)
        if outcome == "refused":
            yield from self._reduce(pack, [at, position], "refused")
        elif outcome == "accepted":
            yield from self._accepted_now(pack, at, position)
        else:
            yield from self._explain(pack, position, outcome)

    def _accepted_now(self, pack: tuple[Probe, ...], refused: int, accepted: int) -> Sending[None]:
        """Report a pack that was refused and then accepted, and why."""
        before, outcome = self.sent[refused - 1]
        by_chance = self.sent[refused][1] == "refused" and outcome in MADE_IMAGES
        self._of_probes(pack, "unstable" if by_chance and len(pack) == 1 else "holds", accepted, refused)
        if self.sent[refused][1] == "refused" and outcome not in MADE_IMAGES:
            yield from self._explain_accident(Step(before.base, before.probes), accepted, refused)

    def _reduce(self, pack: tuple[Probe, ...], found: list[int], bad: Outcome) -> Sending[None]:
        """Find the smallest part of a pack that comes to a bad outcome, report it, and send the rest of the pack.

        `found` are the positions at which the pack came to it.
        """
        culprit = yield from self._culprit(pack, found, bad)
        rest = tuple(probe for probe in pack if probe not in culprit)
        if self._unreported(rest) or not self.was_accepted(rest):
            position, outcome = yield from self._try(rest, found[0], planned=True)
            yield from self._explain(rest, position, outcome)

    def was_accepted(self, probes: Sequence[Probe], *, alone: bool = True) -> bool:
        """Return whether a request with these probes, and perhaps others, was accepted.

        `alone` leaves out requests at the same time as others, or after others on one connection.
        """
        return any(
            outcome == "accepted" and (step.alone or not alone) and step.base == self.cheap and _has(step, probes)
            for step, outcome in self.sent
        )

    def _culprit(self, pack: tuple[Probe, ...], found: list[int], bad: Outcome) -> Sending[tuple[Probe, ...]]:
        """Find the smallest part of a pack that comes to a bad outcome, report it, and return it.

        Another combination of which one of these probes is a part is not looked for.
        """
        part, found, outcome = yield from self._smallest(pack, found, bad)
        if outcome == bad:
            yield from self._conclude_on(part, found, bad)
        elif bad != "wrong" and self.sent[found[0]][1] == "wrong":
            yield from self._explain_wrong(part, found[0])
            part = self._contradicted(part) or part
        else:
            yield from self._conclude_on_other(part, found, outcome)
        self._of_probes(self._unreported(part), "blocked", found[0])
        return part

    def _unreported(self, probes: Sequence[Probe]) -> tuple[Probe, ...]:
        """Return the probes that have no result yet."""
        reported = {(result.requirement, result.item) for result in self.results}
        return tuple(probe for probe in probes if (probe.requirement, probe.item) not in reported)

    def _contradicted(self, probes: Sequence[Probe]) -> tuple[Probe, ...]:
        """Return the probes that are known to come to a bad outcome alone."""
        found = {(result.requirement, result.item) for result in self.results if result.state == "contradicted"}
        return tuple(probe for probe in probes if (probe.requirement, probe.item) in found)

    def _broken(self, *, wrong: bool) -> set[str]:
        """Return the requirements that wrong images, or else refusals, contradict so far."""
        found = (result for result in self.results if result.state == "contradicted")
        return {result.requirement for result in found if (self.sent[result.steps[0]][1] == "wrong") is wrong}

    def _smallest(self, pack: tuple[Probe, ...], found: list[int], bad: Outcome) -> Sending[Part]:
        """Leave probes out of a pack while it comes to a bad outcome.

        Return what remains, the positions at which that came to it, and the bad outcome; or else the one that ended the
        search.
        """
        broken = self._broken(wrong=bad == "wrong")
        if bad == "wrong":
            pack, found = yield from self._halved(pack, found, broken)
        is_combination = False
        for probe in sorted(pack, key=lambda each: (-each.images, each.requirement not in broken)):
            fewer = tuple(other for other in pack if other is not probe)
            if not fewer:
                break
            position, outcome = yield from self._part(fewer, found[0])
            if outcome == bad:
                pack, found = fewer, [position]
            elif outcome == "not-sent":
                return pack, found, outcome
            elif not is_combination:
                smaller = yield from self._smaller(probe, (fewer, [position], outcome), found[0], bad)
                if smaller is not None:
                    return smaller
                # To look for a combination costs images. Chance, or an earlier request, may be why this came to it.
                position, outcome = yield from self._try(pack, found[0])
                found = [*found, position]
                if outcome != bad:
                    return pack, found, outcome
                is_combination = True
        return pack, found, bad

    def _smaller(self, probe: Probe, rest: Part, at: int, bad: Outcome) -> Sending[Part | None]:
        """Send the probe that was left out of a pack alone. Return it or the rest if that comes to a bad outcome, too.

        The rest may come to wrong images where the pack is refused.
        """
        position, outcome = yield from self._part((probe,), at)
        if outcome in {bad, "wrong", "not-sent"}:
            return (probe,), [position], outcome
        return rest if rest[-1] == "wrong" else None

    def _halved(
        self, pack: tuple[Probe, ...], found: list[int], broken: set[str]
    ) -> Sending[tuple[tuple[Probe, ...], list[int]]]:
        """Find the one probe of a pack for which the images are wrong, in few requests, since each costs an image.

        Probes of requirements that are known to be broken in this way come first. Return the probe with the position
        that shows it, or the whole pack, with those of the pack, if there is none.
        """
        left, shown = pack, found
        while len(left) > 1:
            likely = tuple(probe for probe in left if probe.requirement in broken)
            half = likely if 0 < len(likely) < len(left) else left[: len(left) // 2]
            position, outcome = yield from self._part(half, found[0])
            if outcome == "wrong":
                left, shown = half, [position]
            elif outcome == "accepted":
                left, shown = tuple(probe for probe in left if probe not in half), []
            else:
                return pack, found
        if not shown:
            position, outcome = yield from self._part(left, found[0])
            return (left, [position]) if outcome == "wrong" else (pack, found)
        return left, shown

    def _part(self, probes: tuple[Probe, ...], at: int) -> Sending[tuple[int, Outcome]]:
        """Send a part of a refused pack, and return the position and the outcome; "not-sent" if it shows nothing."""
        if self.was_accepted(probes):
            return at, "accepted"
        # A single probe of several images has to be seen to hold anyway.
        planned = len(probes) == 1 and images(probes) > 1
        position, outcome = yield from self._try(probes, at, planned=planned)
        if outcome == "accepted":
            self._of_probes(probes, "holds", position)
        elif outcome == "limited":
            yield from self.control()
            return position, "not-sent"
        return position, outcome

    def _conclude_on(self, pack: tuple[Probe, ...], found: list[int], bad: Outcome) -> Sending[None]:
        """Report the smallest part of a pack that comes to a bad outcome, if it does so again."""
        outcome = yield from self._confirm(pack, found, bad)
        if outcome != bad:
            yield from self._conclude_on_other(pack, found, outcome)
        elif len(pack) == 1:
            self._of_probes(pack, "contradicted", *found, twin=self._control)
        else:
            # One of the probes may come to it now and then.
            parts = [tuple(other for other in pack if other is not probe) for probe in pack]
            by_part = yield from self._accepts([part for part in parts if images(part) == 1], found[0])
            state: State = "contradicted" if by_part == "accepted" else "unstable" if by_part == bad else "blocked"
            self._conclude_on_combination(pack, state, found)

    def _conclude_on_other(self, pack: tuple[Probe, ...], found: list[int], outcome: Outcome) -> Sending[None]:
        """Report a part of a pack that came to a bad outcome, and then to another one."""
        if outcome == "accepted":
            yield from self._accepted_now(pack, found[0], found[-1])
        elif outcome in {"declined", "wrong", "refused"}:
            self._of_probes(pack, "unstable", *found)
        else:
            self._of_probes(pack, "blocked", found[0])
            if all(self.was_accepted((probe,)) for probe in pack):
                self._conclude_on_combination(pack, "blocked", found)

    def _conclude_on_combination(self, pack: tuple[Probe, ...], state: State, refusals: Sequence[int]) -> None:
        requirements = {probe.requirement for probe in pack}
        named = (NO_5XX, INDEPENDENT, *sorted(self.optional))
        requirement = next((name for name in named if name in requirements), "IV-OP-VALID")
        names = " and ".join(sorted(probe.item for probe in pack))
        self._conclude(requirement, names, state, refusals, self._control if state == "contradicted" else None, pack)

    def _confirm(self, probes: tuple[Probe, ...], found: list[int], bad: Outcome) -> Sending[Outcome]:
        """Send probes again until the outcome is another or was bad often enough. Return the last outcome.

        The positions are added to those where it was bad before. Between two such outcomes, a request was accepted.
        """
        while len(found) < (enough := self._enough(probes, found)):
            last = len(found) == enough - 1
            after_accepted = last and not self._recurs(probes, found)
            position, outcome = yield from self._try(probes, found[0], after_accepted=after_accepted)
            if outcome == "not-sent":
                return outcome
            found.append(position)
            if outcome != bad:
                return outcome
        return bad

    def _recurs(self, probes: Sequence[Probe], found: Sequence[int]) -> bool:
        """Return whether a request with these probes failed, then one was accepted, and then one of `found` failed."""
        failed = (at for at, (step, outcome) in enumerate(self.sent) if outcome in FAILED and _has(step, probes))
        first = next(failed, len(self.sent))
        return any(at > first and self.sent[at - 1][1] in MADE_IMAGES for at in found)

    def _enough(self, probes: Sequence[Probe], found: Sequence[int]) -> int:
        """Return how often a request is refused, or its images are wrong, before that counts."""
        outcomes = {self.sent[at][1] for at in found}
        if "wrong" in outcomes:
            # What is in a response is hardly there by chance, and costs an image.
            return _WRONG
        # Of several probes, one may be refused now and then, and a 503 is temporary.
        by_accident = self.unstable or len(probes) > 1 or "unavailable" in outcomes
        return _REFUSALS_IF_UNSTABLE if by_accident else _REFUSALS

    def _accepts(self, packs: Iterable[tuple[Probe, ...]], at: int) -> Sending[Outcome]:
        """Send packs once more, alone, until one is not accepted, and return the last outcome."""
        for pack in packs:
            _, outcome = yield from self._try(pack, at)
            if outcome not in {"accepted", "declined"}:
                return outcome
        return "accepted"

    def _explain_wrong(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        """Tell whether other images than those requested are due to what was requested, or to the other probes.

        If they come to the request for the same images alone, the oracles report them, and the properties are accepted.
        """
        asking = tuple(probe for probe in pack if probe.axes & ASKING)
        others = tuple(probe for probe in pack if probe not in asking)
        if not others:
            self._of_probes(asking, "holds", at)
            return
        position, outcome = at, "wrong"
        if asking:
            position, outcome = yield from self._try(others, at)
        if outcome == "wrong":
            yield from self._reduce(others, [position], "wrong")
            yield from self.probe([asking] if asking else [])
        elif outcome == "accepted":
            self._of_probes(others, "holds", position)
            position, outcome = yield from self._try(asking, at)
            if outcome == "accepted":
                yield from self._culprit(pack, [at], "wrong")
            # Where there is no room for it, the response to the pack shows that what was requested is accepted.
            shown = outcome in MADE_IMAGES or outcome == "not-sent"
            self._of_probes(asking, "holds" if shown else "blocked", position)
        else:
            self._of_probes(pack, "blocked", at)


def _has(step: Step, probes: Sequence[Probe]) -> bool:
    return set(probes) <= set(step.probes)
