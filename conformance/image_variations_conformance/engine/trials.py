"""The requests of a run's experiments so far, and whether the server still works and is stable.

The control is a valid request that the server has accepted. It tells a server that refuses one request from a server
that refuses all of them, for a while or for good.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve, field

from ..cases.builder import Base
from ..cases.probes import Probe
from ..contract.document import Contract
from ..oracles.base import State
from .bases import bases, cheaper
from .steps import LAST, MADE_IMAGES, STABLE, Outcome, Result, Sending, Step

_CONTROL_WAITS = (0.5, 0.5, 0.5, 0.5, 1.0, 2.0, 4.0)
"""How long a refused control waits before it is sent again, in seconds."""
_RECOVERIES = 6
"""How often the control is refused after one and the same request, and accepted otherwise, before that counts."""
_MOST_ACCIDENTS = 3
"""How many accidents are explained in a run."""


@define
class Trials:
    """The requests of the experiments of a run, and their results. `sent` are all steps so far, with their outcomes.

    `narrowing_requests` and `narrowing_images` are what is left of the allowance for explaining refusals. `lost` is set
    once the control is refused for good: the position of the last accepted and of the refused control. `limited` is set
    once the server limits the rate for good, and `unstable` once it has given the same request different outcomes.
    """

    optional: frozenset[str] = frozenset()
    """The requirements that a server SHOULD meet: one that refuses two properties together, one of them such, may."""
    narrowing_requests: int = 90
    narrowing_images: int = 20
    base: Base | None = None
    cheap: Base | None = None
    sent: list[tuple[Step, Outcome]] = field(factory=list)
    results: list[Result] = field(factory=list)
    lost: tuple[int, int] | None = None
    limited: bool = False
    unstable: bool = False
    unanswered: set[int] = field(factory=set)
    """The positions of requests without a response. Each costs a timeout, so packs of them are halved at once."""
    # The position of the latest accepted control.
    _control: int = 0
    _accidents: int = 0
    # Where a request was refused that no earlier request is the reason for.
    _refused: dict[tuple[str, frozenset[Probe]], list[int]] = field(factory=dict)

    @property
    def ended(self) -> bool:
        """Whether no further request can show anything."""
        return self.lost is not None or self.limited

    # --- sending

    def _send(self, *steps: Step) -> Sending[tuple[Outcome, ...]]:
        """Send steps, keep their outcomes, and take what explains refusals off the allowance."""
        outcomes = (yield steps) if steps else ()
        for step, outcome in zip(steps, outcomes, strict=True):
            self._note(step, outcome)
            self.sent.append((step, outcome))
            if step.narrowing:
                self.narrowing_requests -= 1
                self.narrowing_images -= step.images if outcome in MADE_IMAGES else 0
        return outcomes

    @property
    def _follows_accepted(self) -> bool:
        """Whether the latest request was accepted, so that it cannot be the reason that the next one is refused."""
        return not self.sent or self.sent[-1][1] in MADE_IMAGES

    def _note(self, step: Step, outcome: Outcome) -> None:
        """Remember a refusal, and report it once the same request is accepted."""
        if not step.alone or (not step.probes and step.base == self.cheap):
            # `control` tells why the control is refused.
            return
        key = (str(step.base), frozenset(step.probes))
        if outcome in {"refused", "unavailable"} and self._follows_accepted:
            self._refused.setdefault(key, []).append(len(self.sent))
        elif outcome in MADE_IMAGES and key in self._refused:
            self._report_unstable(len(self.sent), *self._refused.pop(key))

    def _report_unstable(self, accepted: int, *others: int) -> None:
        """Report that the same request was accepted and refused. An overloaded server is not at fault."""
        self.unstable = True
        refused = [at for at in others if self.sent[at][1] == "refused"]
        if refused:
            self._conclude("IV-OP-VALID", STABLE, "contradicted", (accepted, *refused))

    def _conclude(
        self,
        requirement: str,
        item: str,
        state: State,
        steps: Sequence[int],
        twin: int | None = None,
        company: tuple[Probe, ...] = (),
    ) -> None:
        self.results.append(Result(requirement, item, state, tuple(steps), twin, company))

    def _of_probes(self, probes: Sequence[Probe], state: State, *steps: int, twin: int | None = None) -> None:
        for probe in probes:
            company = tuple(other for other in probes if other is not probe)
            self._conclude(probe.requirement, probe.item, state, steps, twin, company)

    # --- the base

    def find_base(self, contract: Contract) -> Sending[bool]:
        """Find the first accepted base and a cheap one. Return whether there is one."""
        for candidate in bases(contract):
            outcome = yield from self._send_base(candidate)
            self.limited = outcome == "limited"
            if outcome in {"limited", "not-sent"}:
                return False
            if outcome == "accepted":
                self.base = self.cheap = candidate
                self._control = len(self.sent) - 1
                yield from self._cheapen(contract)
                return True
        return False

    def _send_base(self, base: Base) -> Sending[Outcome]:
        """Send a base, and again if that is the first request that was answered 503, and return the outcome."""
        first_time = all(outcome != "unavailable" for _, outcome in self.sent)
        (outcome,) = yield from self._send(Step(base, label=f"base-{len(self.sent)}" if self.sent else "plain"))
        if outcome == "unavailable" and first_time:
            (outcome,) = yield from self._send(Step(base, label=f"base-{len(self.sent)}"))
        return outcome

    def _cheapen(self, contract: Contract) -> Sending[None]:
        """Make the base cheap: the image in the response, not a link, and the smallest size that is accepted."""
        for texts in cheaper(contract):
            cheap = self.cheap or Base()
            if texts.items() <= cheap.texts.items():
                continue
            candidate = evolve(cheap, texts={**cheap.texts, **texts})
            outcome = yield from self._send_base(candidate)
            if outcome == "accepted":
                self.cheap = candidate
                self._control = len(self.sent) - 1
                if "size" in texts:
                    return
            elif outcome == "limited" and not (yield from self.control()):
                return

    def control(self, explain: bool = True, probes: tuple[Probe, ...] = ()) -> Sending[bool]:
        """Send the cheap request, again after waits if it is refused, and return whether it is accepted.

        `probes` are those that the server has accepted with other requests, such as the image of one.
        """
        if self.ended:
            return False
        first, before = len(self.sent), self._control
        for wait in (0.0, *_CONTROL_WAITS):
            (outcome,) = yield from self._send(Step(self.cheap or Base(), probes, wait_seconds=wait))
            if outcome == "accepted":
                self._control = len(self.sent) - 1
                if wait and explain:
                    yield from self._explain_stumble(first, before)
                return self._follows_accepted
            if outcome in {"limited", "not-sent"}:
                self.limited = outcome == "limited"
                return False
        if outcome == "unavailable":
            self.limited = True
        else:
            self.lost = (before, len(self.sent) - 1)
        return False

    def _explain_stumble(self, refused: int, before: int) -> Sending[None]:
        """Tell whether the control was refused once because of the request before it, or by chance."""
        if self.sent[refused][1] == "unavailable":
            self.unstable = True
        else:
            yield from self._explain_accident(Step(self.cheap or Base(), resend=LAST), before, refused)

    def _explain_accident(self, cause: Step, accepted: int, refused: int) -> Sending[None]:
        """Tell whether a request was accepted and refused because of the one before the refusal, or by chance."""
        self._accidents += 1
        if self.recovers_always and self._accidents <= _MOST_ACCIDENTS and (yield from self._recovers(cause)):
            self._report_unstable(accepted, refused)

    @property
    def recovers_always(self) -> bool:
        """Whether no request is known to be the reason that the next one is refused."""
        return all(result.requirement != "IV-STATE-RECOVERS" for result in self.results)

    def recovers_from(self, label: str) -> Sending[bool]:
        """Send again a request that the server may not recover from, then the control. Return if that is accepted."""
        return (yield from self._recovers(Step(self.cheap or Base(), resend=label)))

    def _recovers(self, cause: Step) -> Sending[bool]:
        """Send a request, then the control, and return whether that is accepted.

        The server fails to recover from the request if both are sent some more times, and the control is refused after
        the request each time, but accepted otherwise.
        """
        if self.ended:
            return False
        refusals: list[int] = []
        while len(refusals) < _RECOVERIES:
            yield from self._send(cause)
            (outcome,) = yield from self._send(Step(self.cheap or Base()))
            if outcome != "refused":
                return outcome == "accepted"
            refusals.append(len(self.sent) - 1)
            if not (yield from self.control(explain=False)):
                return False
        self._conclude("IV-STATE-RECOVERS", "control", "contradicted", refusals, self._control)
        return False
