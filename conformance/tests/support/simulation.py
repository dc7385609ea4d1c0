"""Simulated servers for experiments, and a driver that asks them what a session would ask a real one.

A server is a list of behaviours. Each may answer a request; the first answer counts, and without one the request is
accepted. There is no HTTP: a request is what the behaviours look at.
"""

# ruff: noqa: ARG002 - a behaviour looks at what it needs of a request

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from attrs import Factory, define, evolve, field, frozen
from image_variations_conformance.cases.builder import Base
from image_variations_conformance.cases.features import probes
from image_variations_conformance.cases.open_probes import HARMLESS, ODD
from image_variations_conformance.cases.probes import Probe
from image_variations_conformance.contract import document
from image_variations_conformance.contract.evidence import ABSENT
from image_variations_conformance.engine.experiment import Experiment
from image_variations_conformance.engine.packs import PACK_SIZE, Arranged, images, packs
from image_variations_conformance.engine.steps import Outcome, Sending, Step
from image_variations_conformance.media import png

R = TypeVar("R")
CONTRACT = document.load()
_OPEN_PACK_SIZE = 15
_TOGETHER = 8
_ROWS_BETWEEN_CONTROLS = 60


@frozen
class Asked:
    """What a server sees of a request. `row` is the number of one that must be refused, or None for a valid one.

    `among` is the place among requests sent at the same time, `on_connection` the place on a kept connection.
    """

    texts: Mapping[str, str] = field(factory=dict)
    kind: png.Kind = png.PLAIN
    probes: frozenset[Probe] = frozenset()
    row: int | None = None
    among: int | None = None
    on_connection: int = 0

    @classmethod
    def of(cls, base: Base, tried: Iterable[Probe]) -> "Asked":
        """Return the request of a base with probes, which replace or remove its fields."""
        tried = frozenset(tried)
        texts = dict(base.texts)
        kind = base.kind
        for probe in tried:
            name, _, value = probe.item.partition("=")
            if name in CONTRACT.text_fields:
                texts.pop(name, None)
                texts |= {} if value == ABSENT else {name: value}
            elif probe.item == "png=rgb":
                kind = png.PLAIN
            elif probe.item == "png=rgba":
                kind = png.Kind(png.RGBA)
        return cls(texts, kind, tried)

    @property
    def alone(self) -> bool:
        return self.among is None and not self.on_connection


class Behaviour(Protocol):
    """A way in which a server is wrong. `number` counts its requests, `now` is the time in seconds."""

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None: ...


@frozen
class RefusesProbes:
    """Refuses each of some probes, whatever comes with it."""

    refused: frozenset[Probe]
    outcome: Outcome = "refused"

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        return self.outcome if self.refused & asked.probes else None


@frozen
class RefusesTogether:
    """Refuses sets of probes, but no part of them."""

    sets: tuple[frozenset[Probe], ...]

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        return "refused" if any(each <= asked.probes for each in self.sets) else None


@frozen
class Needs:
    """Refuses requests without a field, or whose image is not RGBA, from some request on."""

    needed: str
    since: int = 0

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        there = asked.kind != png.PLAIN if self.needed == "rgba" else self.needed in asked.texts
        return "refused" if not there and asked.row is None and number >= self.since else None


@frozen
class Everything:
    """Refuses everything."""

    outcome: Outcome = "refused"

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        return self.outcome


@frozen
class NowAndThen:
    """Gives each request an outcome with a probability, or only those with a probe."""

    rng: random.Random
    probability: float
    outcome: Outcome = "refused"
    only: Probe | None = None

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        if self.only is not None and self.only not in asked.probes:
            return None
        return self.outcome if self.rng.random() < self.probability else None


@frozen
class During:
    """Gives requests an outcome from a number on, for so many requests or for good."""

    first: int
    count: float
    outcome: Outcome = "limited"

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        return self.outcome if self.first <= number < self.first + self.count else None


@define
class Breaks:
    """Refuses everything after certain requests, for some seconds or for good. `by` tells which requests break it."""

    by: Callable[[Asked, int], bool]
    seconds: float
    each_time: bool = True
    _until: float = 0.0
    _done: bool = False

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        if now < self._until:
            return "refused"
        if not self._done and self.by(asked, number):
            self._done, self._until = not self.each_time, now + self.seconds
        return None


@frozen
class RefusesSomeTogether:
    """Refuses some of the requests that are sent at the same time: as many as `count`, but never the first."""

    rng: random.Random
    count: int
    _chosen: list[frozenset[int]] = field(factory=lambda: [frozenset()])

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        if asked.among is None:
            return None
        if asked.among == 0:
            self._chosen[0] = frozenset(self.rng.sample(range(1, _TOGETHER), min(self.count, _TOGETHER - 1)))
        return "refused" if asked.among in self._chosen[0] else None


@frozen
class RefusesSecondOnConnection:
    """Refuses every request on a connection but the first."""

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        return "refused" if asked.on_connection > 1 else None


@frozen
class RefusesOneOnConnection:
    """Refuses the request at one place on a connection, such as the one after a wrong key."""

    place: int

    def answer(self, asked: Asked, number: int, now: float) -> Outcome | None:
        return "refused" if asked.on_connection == self.place else None


_BY_TIME = (NowAndThen, During, Breaks)


def _first(given: Sequence[Outcome | None]) -> Outcome:
    """Return the first outcome that behaviours give a request; wrong images only if none refuses it."""
    accepted: Outcome = "accepted"
    by_images: Outcome = "wrong" if "wrong" in given else accepted
    return next((outcome for outcome in given if outcome not in {None, "wrong"}), None) or by_images


@define
class Server:
    """A simulated server. `poisoned`: the request after a refused one is refused, too.

    `wrong_rows` are the requests to be refused that it refuses in a wrong way, such as 500; `wrong_once` those that it
    refuses so the first time.
    """

    behaviours: Sequence[Behaviour] = ()
    poisoned: bool = False
    wrong_rows: frozenset[int] = frozenset()
    wrong_once: frozenset[int] = frozenset()
    now: float = 0.0
    asked: list[tuple[Asked, Outcome]] = field(factory=list)
    _after_refusal: bool = False

    def answer(self, asked: Asked) -> Outcome:
        """Return the outcome of a request: for a row, "declined" is as it must be and "refused" is wrong."""
        outcome = self._answer(asked)
        self.asked.append((asked, outcome))
        return outcome

    def _answer(self, asked: Asked) -> Outcome:
        if self._after_refusal:
            self._after_refusal = False
            return "refused" if asked.row is None else "declined"
        given = [behaviour.answer(asked, len(self.asked), self.now) for behaviour in self.behaviours]
        outcome = _first(given)
        if asked.row is not None and outcome in {"accepted", "wrong", "refused"}:
            wrong = asked.row in self.wrong_rows
            if asked.row in self.wrong_once:
                self.wrong_once -= {asked.row}
                wrong = True
            outcome = "refused" if wrong else "declined"
        self._after_refusal = self.poisoned and outcome != "accepted"
        return outcome

    def always_refuses(self, asked: Asked, number: int) -> bool:
        """Return whether this server refuses a request, sent alone, each time from a number on."""
        lasting = [behaviour for behaviour in self.behaviours if not isinstance(behaviour, _BY_TIME)]
        given = [behaviour.answer(asked, number, self.now) for behaviour in lasting]
        return _first(given) in {"refused", "unavailable", "wrong"}

    def has(self, *kinds: type) -> bool:
        return any(isinstance(behaviour, kinds) for behaviour in self.behaviours)


@frozen
class Simulated:
    """A plan in packs: of MUSTs, of SHOULDs, of open probes; and how many requests must be refused."""

    must: tuple[tuple[Probe, ...], ...]
    should: tuple[tuple[Probe, ...], ...]
    open: tuple[tuple[Probe, ...], ...]
    rows: int = 0

    @classmethod
    def of(cls, seed: int, rows: int = 0) -> "Simulated":
        """Return the packs of the standard plan for a seed."""
        found = probes(CONTRACT, seed)
        levels = {
            level: [probe for probe in found if CONTRACT.requirements[probe.requirement].level == level]
            for level in ("must", "should")
        }
        opened = [*packs(HARMLESS, seed, _OPEN_PACK_SIZE), *packs(ODD, seed, 1)]
        must, should = (tuple(packs(levels[level], seed, PACK_SIZE)) for level in ("must", "should"))
        return cls(must, should, tuple(opened), rows)

    @property
    def packs(self) -> tuple[tuple[Probe, ...], ...]:
        return (*self.must, *self.should, *self.open)

    @property
    def probes(self) -> tuple[Probe, ...]:
        return tuple(probe for pack in self.packs for probe in pack)

    @property
    def arranged(self) -> Arranged:
        return Arranged.of(self.must, self.rows // _ROWS_BETWEEN_CONTROLS)


@define
class Driver:
    """Drives an experiment on a server in the order of a session."""

    plan: Simulated
    server: Server
    experiment: Experiment = Factory(Experiment)
    # The latest request that is no control, and the rows that were sent again.
    _last: Asked | None = None
    _before: Asked | None = None
    _repeated: set[int] = field(factory=set)

    def run(self) -> None:
        experiment = self.experiment
        if not self._drive(experiment.find_base(CONTRACT)):
            self._refuse(range(self.plan.rows))
            return
        order = self.plan.arranged
        self._drive(experiment.probe(order.alone))
        if any(images(pack) > 1 for pack in order.alone):
            self._drive(experiment.control())
        if order.together:
            self._drive(experiment.together(order.together, "eight-mixed"))
        if order.on_one_connection:
            self._drive(experiment.on_one_connection(order.on_one_connection, "kept-connection"))
        self._refuse(range(self.plan.rows), order.between)
        self._drive(experiment.probe(self.plan.should))
        self._drive(experiment.probe(self.plan.open))
        self._refuse(range(self.plan.rows, self.plan.rows + self.plan.rows // 10))
        self._drive(experiment.together([()] * _TOGETHER, "eight-alike"))
        self._drive(experiment.first_again())
        self._drive(experiment.verify())

    def _drive(self, sending: Sending[R]) -> R:
        try:
            steps = next(sending)
            while True:
                steps = sending.send(tuple(self._outcomes(steps)))
        except StopIteration as ended:
            result: R = ended.value
            return result

    def _outcomes(self, steps: Sequence[Step]) -> Iterator[Outcome]:
        for place, step in enumerate(steps):
            self.server.now += step.wait_seconds
            asked = evolve(
                Asked.of(step.base, step.probes),
                among=place if step.group else None,
                # A session sends a request that must be refused before.
                on_connection=place + 2 if step.connection else 0,
            )
            if step.resend is not None:
                earlier = self._before if step.resend else self._last
                assert earlier is not None
                asked = evolve(earlier, among=None, on_connection=0)
            is_control = not (step.label or step.probes or step.narrowing or step.resend is not None)
            if not is_control:
                self._last = asked
            yield self.server.answer(asked)

    def _refuse(self, rows: Iterable[int], controls: Sequence[tuple[Probe, ...]] = ()) -> None:
        waiting, experiment = iter(controls), self.experiment
        for row in rows:
            if row % _ROWS_BETWEEN_CONTROLS == _ROWS_BETWEEN_CONTROLS - 1 and experiment.base and not experiment.ended:
                pack = next(waiting, None)
                self._drive(experiment.control() if pack is None else experiment.probe([pack]))
            if not experiment.ended:
                self._send_row(row)
        for pack in waiting:
            self._drive(experiment.probe([pack]))

    def _send_row(self, row: int) -> None:
        asked = Asked(row=row)
        self._before, self._last = self._last, asked
        answered = self.server.answer(asked)
        if self.experiment.base is None or answered != "refused":
            return
        if not self._drive(self.experiment.control()) or row in self._repeated:
            return
        self._repeated.add(row)
        self._last = asked
        if self.server.answer(asked) != "refused" and self._before is not None:
            self._drive(self.experiment.recovers_from("the request before"))


def simulate(server: Server, plan: Simulated, experiment: Experiment | None = None) -> Experiment:
    """Return the experiment, by default one with the usual allowances, after a session with a server."""
    driver = Driver(plan, server, experiment or Experiment())
    driver.run()
    return driver.experiment
