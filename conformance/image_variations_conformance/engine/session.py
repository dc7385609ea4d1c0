"""One conversation with a server: drives the experiment, sends what must be refused, and keeps every observation.

The order: the base; what MUST be accepted, some of it at the same time or on one connection; what must be refused, with
a control now and then and after each failure; what the contract leaves open, before and after eight requests for links
at once; what SHOULD be accepted; the plain request and the links again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeVar

from attrs import define, evolve, field

from ..cases.builder import Base
from ..cases.case import Case
from ..cases.changes import SAME_IMAGE
from ..cases.named_case import NamedCase
from ..cases.plan import ALIKE, Plan
from ..cases.preparations import preparations
from ..cases.probes import Probe
from ..cases.transforms import kept_open
from ..cases.variations import Drawn, code_of
from ..contract.evidence import MANY_IMAGES
from ..oracles.base import Observation, observe
from ..oracles.links import AT_THE_END
from ..oracles.refusal import is_server_error, is_wrong_refusal, status_of
from ..oracles.summary import differences
from ..wire.exchange import Exchange, NotTested
from ..wire.reasons import ControlRefused, NothingAccepted, Preparation, RateLimited, Reason, RejectsEverything
from .experiment import Experiment
from .outcomes import outcome_of
from .packs import PACK_SIZE, Arranged, images, packs
from .repetitions import Repetitions
from .scheduler import Scheduler, not_sent
from .steps import PLAIN_AGAIN, Outcome, Sending, Step

R = TypeVar("R")

CONTROL_EVERY = 60
"""After so many requests that must be refused, a valid one shows whether the server still works."""
_OPEN_PACK_SIZE = 15
AGAIN = "-again"
"""The end of the label of a request that was sent again."""
_ACCEPTED_BEFORE_DEFERRAL = 2
_MOST_CONFIRMED = 20
"""After so many wrong refusals that occurred again, further ones are believed at once."""
_MOST_REPRODUCED = 5
"""After so many accidents that the request before them did not cause, no such cause is looked for any more."""
_FIRST_LINKS_AT_THE_END = 5
_ALIKE_LINKS_AT_THE_END = 3
_REQUESTS_AT_THE_END = 4
"""To find out what of what SHOULD be accepted is refused leaves so many for what MUST hold at the end."""


@define
class Session:
    """The conversation of one run. `observations` are by label, in the order in which the requests were sent."""

    plan: Plan
    scheduler: Scheduler
    experiment: Experiment = field(factory=Experiment)
    cases: dict[str, Case] = field(factory=dict)
    observations: dict[str, Observation] = field(factory=dict)
    labels: list[str] = field(factory=list)
    """The label of each step of the experiment, by its position."""
    of_order: list[tuple[str, str, str, tuple[str, ...]]] = field(factory=list)
    """What is broken only after other requests: the requirement, the labels of the request and of the same one sent
    alone, and those of the others."""
    sent_again: Drawn | None = None
    """The request drawn at random that is sent again now."""
    repeated: dict[str, str] = field(factory=dict)
    """The label of the second sending of a request that broke the server, by that of the first."""
    alone: dict[str, str] = field(factory=dict)
    """The label of a request sent alone, by that of the same request sent with others."""
    # The requirements under which the server has failed, how many wrong refusals occurred again, and how many did not.
    _failed: set[str] = field(factory=set)
    _confirmed: int = 0
    _accidents: int = 0
    _pack_labels: dict[tuple[Probe, ...], str] = field(factory=dict)
    # The labels of the latest request that is no control, and of the one before the latest that must be refused.
    _last: str = ""
    _before: str | None = None
    # How many requests were accepted that break each requirement, and the cases that were put off because of that.
    _accepted: Counter[str] = field(factory=Counter)
    _put_off: list[Case] = field(factory=list)
    _to_come: int = 0

    def run(self) -> None:
        """Send the plan. Raises Unreachable and KeyRefused."""
        plan, experiment = self.plan, self.experiment
        repetitions = Repetitions(plan, experiment)
        refusals, opened = plan.refusals, [row for row in plan.open_cases if not row.last]
        last = [row for row in plan.open_cases if row.last]
        packed = self._packs(plan.must_probes, "must")
        must = [pack for pack in packed if images(pack) <= MANY_IMAGES]
        harmless = self._packs(plan.harmless_probes, "open", _OPEN_PACK_SIZE)
        odd = self._packs(plan.odd_probes, "odd", 1)
        self._to_come = len(refusals) + len(opened) + 2 * len(must) + plan.at_the_same_time + 12
        rules = plan.contract.requirements.values()
        experiment.optional = frozenset(requirement.id for requirement in rules if requirement.level == "should")
        has_base = self.drive(experiment.find_base(plan.contract))
        if not has_base:
            self._refuse([*refusals, *opened, *last])
            return
        self.scheduler.budget.fetches_kept_back = _FIRST_LINKS_AT_THE_END
        if plan.at_the_same_time and not plan.is_narrowed:
            self.scheduler.budget.fetches_kept_back += _ALIKE_LINKS_AT_THE_END
        set_aside = {self._pack_labels[pack]: images(pack) for pack in must}
        self.scheduler.budget.set_aside(set_aside | self._last_images(), last=PLAIN_AGAIN)
        order = Arranged.of(must, len(refusals) // CONTROL_EVERY)
        self.drive(experiment.probe(order.alone))
        several = [pack for pack in order.alone if images(pack) > 1 and experiment.was_accepted(pack)]
        if several:
            # A server may have remembered the values of the request for the most images, which was the last, or what
            # it made of the image of another one, or what a user requested.
            labels = {pack: self._pack_labels[pack] for pack in several}
            self.drive(experiment.control(probes=(repetitions.of_several(labels),)))
        if order.together:
            self.drive(experiment.together(order.together, "eight-mixed"))
            self._send_alone("eight-mixed")
        if order.on_one_connection:
            self.drive(experiment.on_one_connection(order.on_one_connection, "kept-connection"))
            self._send_alone("kept-connection")
        self._refuse(refusals, order.between)
        self.drive(experiment.probe(odd))
        self._refuse(opened)
        if plan.at_the_same_time and not plan.is_narrowed:
            sent = zip(self.labels, experiment.sent, strict=True)
            first = next(label for label, (step, _) in sent if step.base == experiment.cheap and not step.probes)
            self.drive(experiment.together(repetitions.at_the_same_time(first), ALIKE))
            self._send_alone(ALIKE)
        # A server may have remembered that links were asked for; these ask for something else.
        self.drive(experiment.probe(harmless))
        self._finish(repetitions.other_values(), [pack for pack in packed if pack not in must])
        self._refuse(last)

    def _finish(self, others: Sequence[Probe], large: Sequence[tuple[Probe, ...]]) -> None:
        """Send what SHOULD be accepted with `others`, packs of very many images, and what comes at the end of a run."""
        plan, experiment = self.plan, self.experiment
        self.scheduler.budget.kept_back = _REQUESTS_AT_THE_END
        # One link more at the end: a server may have kept only its newest images. And the last request before the one
        # for the defaults asks for something else, which a server may have remembered.
        should = self._packs([*plan.should_probes, *others], "should")
        self.drive(experiment.probe([*should[1:], *should[:1]]))
        self.scheduler.budget.kept_back = 0
        # With the images that all others leave.
        self.drive(experiment.probe(sorted(large, key=images)))
        if self._control_differences:
            # It may be a value of an earlier request that the server had remembered, in place of a default.
            self.drive(experiment.control())
        if not plan.is_narrowed:
            self.drive(experiment.first_again())
        self._follow_links_again()
        for few in _slices(self._put_off, self.scheduler.workers):
            self.send_refusals(few)
        self.drive(experiment.verify())

    def _last_images(self) -> dict[str, int]:
        """Return how many images are set aside for the end, by label. They show what MUST hold of the whole run."""
        alike = {f"{ALIKE}-{number}": 1 for number in range(1, self.plan.at_the_same_time + 1)}
        last = {row.label: 1 for row in self.plan.open_cases if row.last}
        return {} if self.plan.is_narrowed else {**alike, PLAIN_AGAIN: 1, **last}

    def _packs(self, probes: Sequence[Probe], name: str, size: int = PACK_SIZE) -> list[tuple[Probe, ...]]:
        """Return probes in packs, whose cases will be labelled with the name and a number."""
        made = packs(probes, self.plan.seed, size)
        self._pack_labels |= {pack: f"{name}-{number}" for number, pack in enumerate(made, start=1)}
        return made

    # --- sending

    def drive(self, sending: Sending[R]) -> R:
        """Send what an experiment asks for until it ends, and return its result."""
        try:
            steps = next(sending)
            while True:
                steps = sending.send(self._outcomes(steps))
        except StopIteration as ended:
            result: R = ended.value
            return result

    def _outcomes(self, steps: Sequence[Step]) -> tuple[Outcome, ...]:
        """Send steps and return their outcomes."""
        cases = []
        for step in steps:
            if step.wait_seconds:
                self.scheduler.sleep(step.wait_seconds)
            cases.append(
                self._case(step) if step.resend is None else self._again(self.cases[step.resend or self._last])
            )
        self.labels += [case.label for case in cases]
        if steps[0].connection:
            broken = {it.item for it in self.experiment.results if it.state == "contradicted"}
            base, chunked = self.experiment.cheap or Base(), "body=chunked" not in broken
            before = preparations(self.plan, base, steps[0].connection, chunked=chunked, without=self._taken())
            # There are fewer cases than rows where the plan has too few packs.
            self.send([each for few, case in zip(before, cases, strict=False) for each in (*few, case)])
        else:
            self.send(cases)
        first = len(self.experiment.sent)
        unanswered = (at for at, case in enumerate(cases, first) if self.observations[case.label].response is None)
        self.experiment.unanswered.update(unanswered)
        return tuple(self._outcome(it) for it in cases)

    def _taken(self) -> set[str]:
        """Return the labels of the rows that prepared a connection and were accepted: each costs an image."""
        prepared = ((label, case) for label, case in self.cases.items() if case.is_preparation)
        return {label.removeprefix(f"{it.connection}-") for label, it in prepared if self.observations[label].accepted}

    def _outcome(self, case: Case) -> Outcome:
        """Return what came of a step. A success that is not as requested is wrong, unless the control is so as well."""
        observation = self.observations[case.label]
        outcome = outcome_of(observation, case, self.plan.contract)
        tried = [probe for probe in case.probes if probe.item != SAME_IMAGE]
        if outcome != "accepted" or not tried or any(probe.open for probe in tried):
            return outcome
        return "accepted" if differences(observation) <= self._control_differences else "wrong"

    @property
    def _control_differences(self) -> frozenset[str]:
        """The fields that the responses to the base and to the control are not as requested in."""
        bases = [self.observations[label] for label in self.labels if label == "plain" or label.startswith("base-")]
        return frozenset().union(*(differences(it) for it in bases if it.accepted))

    def _again(self, case: Case) -> Case:
        """Return a case to be sent again under another label."""
        number = sum(label.startswith(f"{case.label}{AGAIN}") for label in self.cases)
        label = f"{case.label}{AGAIN}{f'-{number + 1}' if number else ''}"
        return evolve(case, label=label, note=f"{case.note}, sent again", concurrent_with=None, connection=None)

    def _case(self, step: Step) -> Case:
        items = ", ".join(probe.item for probe in step.probes)
        label = step.label or self._label(step)
        note = items or (str(step.base) if step.base != Base() else "nothing but an image")
        case = self.plan.valid(label, note, step.base, step.probes)
        if step.connection is not None:
            case = evolve(case, request=kept_open(case.request))
        code = "" if self.sent_again is None else code_of(step.probes, cheap=self.sent_again.cheap)
        case = evolve(case, concurrent_with=step.group, connection=step.connection, code=code)
        self.cases[label] = case
        return case

    def _label(self, step: Step) -> str:
        label = self._pack_labels.get(step.probes)
        if label is not None and not step.narrowing and label not in self.cases:
            return label
        if step.group == ALIKE and not step.narrowing:
            return f"{step.group}-{1 + sum(case.concurrent_with == step.group for case in self.cases.values())}"
        is_control = all(probe.item == SAME_IMAGE for probe in step.probes)
        kind = "narrowed" if step.narrowing else "control" if is_control else "again"
        return f"{kind}-{len(self.cases)}"

    def send(self, cases: Sequence[Case]) -> Sequence[Case]:
        """Send cases, which are part of the run, and return them."""
        for case in cases:
            self.cases[case.label] = case
            if not case.label.startswith("control"):
                self._last = case.label
        for case, exchange in zip(cases, self.scheduler.run(cases, self._to_come), strict=True):
            self._observe(case, exchange)
        self._to_come = max(0, self._to_come - len(cases))
        return cases

    def _observe(self, case: Case, exchange: Exchange, blocked: Reason | None = None) -> None:
        items = sorted(probe.item for probe in case.probes if probe.item != SAME_IMAGE)
        key = None if case.base is None else f"{case.base}, {items}"
        observation = observe(exchange, case.expectation, blocked=blocked, key=key)
        if case.is_preparation and not observation.accepted:
            # What is left of the request before it may be the reason for the answer.
            observation = evolve(observation, blocked=Preparation())
        self.observations[case.label] = observation

    def _send_alone(self, group: str) -> None:
        """Send the requests of a group whose responses are not as requested again, alone, to be compared with."""
        for label, case in list(self.cases.items()):
            if group in {case.concurrent_with, case.connection} and not self.experiment.ended:
                observation = self.observations[label]
                if observation.accepted and differences(observation):
                    alone = evolve(case, label=f"{label}-alone", concurrent_with=None, connection=None)
                    self.send([alone])
                    self.alone[label] = alone.label

    # --- what must be refused

    def _refuse(self, rows: Sequence[NamedCase], controls: Sequence[tuple[Probe, ...]] = ()) -> None:
        """Send rows of the catalogue, and between them packs that show whether the server still works."""
        waiting = iter(controls)
        made = (self.plan.named(row, self._base_of(row)) for row in rows)
        cases = [case for case in made if case.expectation.validity != "valid"]
        for at in range(0, len(cases), CONTROL_EVERY):
            for few in _slices(cases[at : at + CONTROL_EVERY], self.scheduler.workers):
                self.send_refusals([case for case in few if not self._deferred(case)])
            if at + CONTROL_EVERY < len(cases):
                self._working(next(waiting, None))
        for pack in waiting:
            self.drive(self.experiment.probe([pack]))

    def _base_of(self, row: NamedCase) -> Base:
        """Return the cheap base or the first one, by the seed: a server may check a value in one of them alone."""
        bases = (self.experiment.cheap or Base(), self.experiment.base or Base())
        return random.Random(f"{self.plan.seed}/base of {row.label}").choice(bases)  # noqa: S311 - test data

    def _deferred(self, case: Case) -> bool:
        """Put a case off to the end of the run if enough like it were accepted: each costs an image."""
        ids = case.expectation.violated
        if not ids or max(self._accepted[name] for name in ids) < _ACCEPTED_BEFORE_DEFERRAL:
            return False
        self._put_off.append(case)
        return True

    def _working(self, pack: tuple[Probe, ...] | None) -> bool:
        """Return whether the server still works, as a pack or else the control shows."""
        if self.experiment.base is None or self.experiment.ended:
            return False
        if pack is not None:
            self.drive(self.experiment.probe([pack]))
            return not self.experiment.ended
        return self.drive(self.experiment.control())

    def send_refusals(self, cases: Sequence[Case]) -> None:
        """Send cases that must be refused, and find out what it means where one is refused wrongly."""
        if self.experiment.ended:
            for case in cases:
                self._block(case)
            return
        self._before = self._last or None
        self.send(cases)
        for case in cases:
            observation = self.observations[case.label]
            if observation.accepted:
                self._accepted.update(case.expectation.violated)
            if self.experiment.base is None:
                self._require_difference(case, observation)
            elif observation.untested is None and is_wrong_refusal(observation, self.plan.contract):
                self._after_failure(case)

    def _block(self, case: Case) -> None:
        self.cases[case.label] = case
        reason = RateLimited() if self.experiment.limited else ControlRefused()
        self._observe(case, not_sent(case, reason))

    def _require_difference(self, case: Case, observation: Observation) -> None:
        """Without a base, an answer like that to valid requests shows nothing about what is wrong with this one."""
        if observation.untested is None:
            valid = [self.observations[label] for label in self.labels]
            statuses = {status_of(it) for it in valid if it.untested is None}
            same = RejectsEverything(observation.answer) if status_of(observation) in statuses else NothingAccepted()
            # Where a limit kept every valid request from being sent or answered, that is the reason.
            reason = same if statuses else valid[-1].untested
            self.observations[case.label] = evolve(observation, blocked=reason)

    def _after_failure(self, case: Case) -> None:
        """Tell what a wrong refusal means: each time, now and then, or because of the request before it."""
        experiment, observation = self.experiment, self.observations[case.label]
        violated = case.expectation.violated
        hangs = observation.response is None
        if is_server_error(observation, self.plan.contract) and (hangs or not violated <= self._failed):
            # A control costs an image, so one for each requirement has to do. It may not fit the limits of the run.
            self._failed |= violated
            if not self.drive(experiment.control()) and experiment.sent[-1][1] != "not-sent":
                return
        if case.label in self.repeated or self._confirmed >= _MOST_CONFIRMED:
            return
        (again,) = self.send([self._again(case)])
        self.repeated[case.label] = again.label
        if is_wrong_refusal(self.observations[again.label], self.plan.contract):
            self._confirmed += 1
            return
        self._accidents += 1
        if self._before is not None and self._accidents <= _MOST_REPRODUCED and experiment.recovers_always:
            self.drive(experiment.recovers_from(self._before))

    # --- the end

    def _follow_links_again(self) -> None:
        """Follow some links of the run again, and add the exchanges to the requests whose responses have the links."""
        self.scheduler.budget.fetches_kept_back = 0
        for label, again in self._links_again() if not self.experiment.ended else ():
            observation = self.observations[label]
            exchange = evolve(observation.exchange, fetches=(*observation.exchange.fetches, again))
            self._observe(self.cases[label], exchange, observation.blocked)

    def _links_again(self) -> Iterator[tuple[str, Exchange]]:
        """Yield the labels of requests with links, and for each the exchange that followed one of its links again."""
        linked: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
        for label, it in self.observations.items():
            if it.exchange.fetches and it.exchange.fetches[0].request.target[:4].lower() == "http":
                alike = self.cases[label].concurrent_with == ALIKE
                linked[alike].append((label, it.exchange.fetches[0].request.target))
        # The first may have ended, and those of the same images at the same time may have been confused.
        for label, link in (*linked[False][:_FIRST_LINKS_AT_THE_END], *linked[True][:_ALIKE_LINKS_AT_THE_END]):
            fetch = self.scheduler.fetch_again(f"{label}{AT_THE_END}", link)
            if not isinstance(fetch.outcome, NotTested):
                yield label, fetch


def original(label: str) -> str:
    """Return the label of the case whose request was sent again under this label."""
    return label.partition(AGAIN)[0]


def _slices(cases: Sequence[Case], size: int) -> Iterator[Sequence[Case]]:
    return (cases[at : at + size] for at in range(0, len(cases), size))
