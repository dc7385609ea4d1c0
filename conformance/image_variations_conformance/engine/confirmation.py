"""Sends what failed at random again, as a part of the run: only what fails again is reported, with what is at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import define, evolve

from ..cases.builder import Base
from ..cases.case import Case
from ..cases.variations import Drawn
from ..oracles import Observation
from .session import Session

_NARROWING_REQUESTS, _NARROWING_IMAGES = 40, 8
"""How many requests and images may be spent to tell what is at fault in one request."""
_AS_MANY = 4
"""And so many times the images of the request: without all else, without one property after the other, and again."""


@define
class Confirmation:
    """The requests of a session that were drawn at random and failed. `sent` counts them, for their labels."""

    session: Session
    sent: int = 0

    def confirm(self, drawn: Drawn, base: Base, failed: Observation) -> None:
        """Send a request again, and find out which of its properties are at fault. `failed` is what came of it before.

        The experiment leaves out one property after the other. What must be refused is sent as it is. Where too few
        images are left to send it again, what came of it before counts.
        """
        session, experiment, case = self.session, self.session.experiment, self._case(drawn, base)
        if case.expectation.violations:
            session.send_refusals([evolve(case, is_random=False, probes=drawn.probes)])
            return
        images, left = case.expectation.image_count, session.scheduler.budget.images_left()
        if left is not None and left < images:
            self._keep(case, failed)
            return
        first = len(experiment.sent)
        allowance = _NARROWING_IMAGES + _AS_MANY * images
        experiment.narrowing_requests = _NARROWING_REQUESTS
        experiment.narrowing_images = allowance if left is None else min(allowance, left - images)
        cheap, experiment.cheap = experiment.cheap, base
        session.sent_again = drawn
        session.drive(experiment.probe([session.plan.attributed(drawn.probes, base)]))
        session.sent_again, experiment.cheap = None, cheap
        if first < len(experiment.sent) and experiment.sent[first][1] == "accepted" and not failed.accepted:
            # The same request had both outcomes.
            self._keep(case, failed)
            session.repeated[case.label] = session.labels[first]

    def _keep(self, case: Case, failed: Observation) -> None:
        """Make what came of a random request a part of the run."""
        exchange = evolve(failed.exchange, label=case.label)
        self.session.cases[case.label] = case
        self.session.observations[case.label] = evolve(failed, exchange=exchange, is_random=False)

    def confirm_order(
        self,
        drawn: Sequence[tuple[Drawn, Base]],
        requirement: str,
        breaks: Callable[[Observation], Iterator[str]],
    ) -> None:
        """Send requests again, in order, and find out whether the response to the last depends on the others.

        It does if it is wrong after them, and right without them, twice each. `breaks` yields what a response breaks.
        """
        session = self.session
        *before, last = (self._case(*each) for each in drawn)
        for attempt in ("", "-again"):
            alone, after = (evolve(last, label=f"{last.label}-{how}{attempt}") for how in ("alone", "after"))
            others = [evolve(case, label=f"{case.label}{attempt}") for case in before]
            if not session.drive(session.experiment.control()) or session.experiment.ended:
                return
            session.send([alone, *others, after])
            found = [list(breaks(session.observations[case.label])) for case in (alone, after)]
            if found[0] or not found[1]:
                return
        session.of_order.append((requirement, after.label, alone.label, tuple(case.label for case in before)))

    def _case(self, drawn: Drawn, base: Base) -> Case:
        self.sent += 1
        case = self.session.plan.valid(f"random-{self.sent}", "drawn at random", base, drawn.probes)
        return evolve(case, code=repr(drawn), probes=(), base=None, tests=(), is_random=True)
