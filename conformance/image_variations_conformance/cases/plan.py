"""The plan of a run: what is sent at which depth, and in which order.

Wrong values cost no images, so every known one is sent at every seed. The seed decides the pictures, the boundaries,
the sampled numbers of images, and which probes travel together. All of it comes from our own tables, so the same seed
gives the same bytes on every installation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from attrs import evolve, frozen

from ..contract.document import Contract
from ..contract.evidence import Every
from ..contract.expectation import Expectation, classify
from ..wire.exchange import Request
from ..wire.target import Target
from .builder import Base, Builder, Draft
from .case import MOST_IMAGES, Case
from .features import probes
from .field_cases import invalid_field_cases
from .named_case import DEPTHS, Depth, NamedCase, is_of_key
from .open_probes import HARMLESS, ODD
from .probes import DRAWN, IMAGE, KEY, NO_5XX, TEXT_TYPE, WHOLE, Change, Probe
from .refusals import OPEN_CASES, REFUSALS, SHOWN_BY_RESPONSE
from .wrong_values import WRONG_VALUES


@frozen
class DepthProfile:
    """The limits of a depth.

    A server that has links alone gives one for each image. The first of a response is followed twice, and some of a run
    again at its end.
    """

    max_requests: int | None
    max_images: int | None
    max_fetches: int | None


DEPTH_PROFILES: dict[Depth, DepthProfile] = {
    "quick": DepthProfile(110, 26, 60),
    "standard": DepthProfile(320, 80, 170),
    "deep": DepthProfile(None, None, None),
}
_AT_THE_SAME_TIME = 8
ALIKE = "eight-alike"
"""The group of equal requests at the same time, which a quick run leaves out."""


@frozen
class Plan:
    """What a run sends: `refusals` must be refused, `open_cases` must not break the server, and probes be accepted.

    `seed` is that of the run, `at_the_same_time` is how many equal requests are. Cases are built once the base is
    known. A narrowed plan has only what shows the requirements that the user selected. `inapplicable` are the labels of
    rows with each requirement that they do not show because of a profile. `left_out` are the items of evidence that the
    depth leaves out.
    """

    contract: Contract
    target: Target
    seed: int
    refusals: tuple[NamedCase, ...]
    open_cases: tuple[NamedCase, ...]
    must_probes: tuple[Probe, ...]
    should_probes: tuple[Probe, ...]
    harmless_probes: tuple[Probe, ...]
    odd_probes: tuple[Probe, ...]
    at_the_same_time: int
    inapplicable: frozenset[tuple[str, str]] = frozenset()
    left_out: frozenset[str] = frozenset()
    is_narrowed: bool = False

    @classmethod
    def of(
        cls, contract: Contract, target: Target, seed: int, depth: Depth = "standard", only: Collection[str] = ()
    ) -> Plan:
        """Return the plan of a run; with `only`, what shows these requirements."""

        def sent(row: NamedCase) -> bool:
            return DEPTHS.index(row.depth) <= DEPTHS.index(depth)

        def tried(probe: Probe) -> bool:
            return probe.quick or depth != "quick"

        all_probes, all_rows = probes(contract, seed), [*REFUSALS, *WRONG_VALUES, *invalid_field_cases(contract)]
        found, rows = list(filter(tried, all_probes)), list(filter(sent, all_rows))
        opened = list(filter(sent, OPEN_CASES))
        left_out = {row.label for row in (*all_rows, *OPEN_CASES) if not sent(row)}
        left_out |= {probe.item for probe in (*all_probes, *HARMLESS, *ODD) if not tried(probe)}
        left_out |= {ALIKE} if depth == "quick" else set()
        if target.api_key is None:
            # No request has a wrong key, nor a right one in another spelling.
            rows, opened = ([row for row in each if not is_of_key(row.label)] for each in (rows, opened))
            found = [probe for probe in found if KEY not in probe.axes]
        # Without a profile, each row violates what it names.
        expected = [(row, _expectation(row, contract, target)) for row in rows if contract.base is not None]
        # Under a profile, a number of images that no run asks for may be valid.
        too_many = {row.label for row, expectation in expected if expectation.image_count > MOST_IMAGES}
        rows = [row for row in rows if row.label not in too_many]
        found += _turned_round(it for it in expected if it[0].label not in too_many)
        plan = cls(
            contract,
            target,
            seed,
            tuple(_round_robin(rows, contract)),
            tuple(opened),
            tuple(probe for probe in found if contract.requirements[probe.requirement].level == "must"),
            tuple(probe for probe in found if contract.requirements[probe.requirement].level == "should"),
            tuple(filter(tried, HARMLESS)),
            tuple(filter(tried, ODD)),
            0 if depth == "quick" else _AT_THE_SAME_TIME,
            frozenset(_inapplicable(expected)),
            frozenset(left_out),
        )
        if contract.base is not None and _valid_bytes(contract) < _valid_bytes(contract.base):
            plan = plan._without_large_images()
        return plan._narrowed(frozenset(only)) if only else plan

    def _without_large_images(self) -> Plan:
        """Return the plan without the valid images of more bytes than a server must accept under a profile."""
        base = Base(self.contract.required_texts)
        large = {
            probe
            for probe in (*self.must_probes, *self.should_probes)
            if IMAGE in probe.axes and self.valid("plain", "", base, (probe,)).expectation.validity != "valid"
        }
        return evolve(
            self,
            must_probes=tuple(probe for probe in self.must_probes if probe not in large),
            should_probes=tuple(probe for probe in self.should_probes if probe not in large),
            inapplicable=self.inapplicable | {(probe.item, probe.requirement) for probe in large},
        )

    def _narrowed(self, only: frozenset[str]) -> Plan:
        """Return the plan without what shows none of these requirements, if each of them has something of its own."""
        own = {probe.requirement for probe in (*self.must_probes, *self.should_probes)}
        own |= {name for row in (*self.refusals, *self.open_cases) for name in row.requirements}
        if not own.issuperset(only):
            return self

        def rows(table: Iterable[NamedCase]) -> tuple[NamedCase, ...]:
            return tuple(row for row in table if only.intersection(row.requirements))

        def of(table: Iterable[Probe]) -> tuple[Probe, ...]:
            return tuple(probe for probe in table if probe.requirement in only)

        return evolve(
            self,
            refusals=rows(self.refusals),
            open_cases=rows(self.open_cases),
            must_probes=of(self.must_probes),
            should_probes=of(self.should_probes),
            harmless_probes=of(self.harmless_probes),
            odd_probes=of(self.odd_probes),
            is_narrowed=True,
        )

    @property
    def open_probes(self) -> tuple[Probe, ...]:
        """The properties that must not break the server."""
        return (*self.harmless_probes, *self.odd_probes)

    def refusal_cases(self, base: Base) -> Iterator[Case]:
        """Yield the cases that must be refused under the contract, each the base with one thing wrong."""
        for row in self.refusals:
            case = self.named(row, base)
            if case.expectation.violations:
                yield case

    def named(self, row: NamedCase, base: Base) -> Case:
        """Return the case of a row of a table."""
        builder = Builder.of(self.contract, self.target, self.seed, row.label, base)
        return self._case(builder, row.note, row.build(builder), row.requirements)

    def valid(self, label: str, note: str, base: Base, tried: tuple[Probe, ...]) -> Case:
        """Return the case of a base with probes."""
        builder, draft = self._drafted(label, base, tried)
        tests = tuple(dict.fromkeys(probe.requirement for probe in tried))
        return evolve(self._case(builder, note, builder.encode(draft), tests), probes=tried, base=base)

    def attributed(self, tried: tuple[Probe, ...], base: Base) -> tuple[Probe, ...]:
        """Return probes that were drawn at random, each with the requirement that says that it is accepted, or not."""
        plain = self.valid("plain", "", base, ()).expectation

        def requirement(probe: Probe) -> str:
            expectation = self.valid("plain", "", base, (probe,)).expectation
            if expectation.unspecified:
                return NO_5XX
            named = {it.requirement for it in expectation.features - plain.features}
            by_level = sorted(named, key=lambda name: (self.contract.requirements[name].level == "must", name))
            return next(iter(by_level), probe.requirement)

        return tuple(
            evolve(probe, requirement=requirement(probe)) if probe.requirement == DRAWN else probe for probe in tried
        )

    def image_of(self, label: str, base: Base, tried: tuple[Probe, ...]) -> bytes:
        """Return the image of the case of a base with probes."""
        return self._drafted(label, base, tried)[1].image.content

    def _drafted(self, label: str, base: Base, tried: tuple[Probe, ...]) -> tuple[Builder, Draft]:
        builder = Builder.of(self.contract, self.target, self.seed, label, base)
        draft = builder.draft()
        # The type of the text parts last: another probe may add or replace one of them.
        for probe in sorted(tried, key=lambda probe: TEXT_TYPE in probe.axes):
            draft = probe.apply(builder, draft)
        return builder, draft

    def _case(self, builder: Builder, note: str, request: Request, tests: tuple[str, ...]) -> Case:
        expectation = classify(request, self.contract, self.target.api_key)
        return Case(builder.label, note, request, expectation, tests)


def _valid_bytes(contract: Contract) -> int:
    return contract.image_rules.valid_below_bytes


def _expectation(row: NamedCase, contract: Contract, target: Target) -> Expectation:
    builder = Builder.of(contract, target, 0, row.label, Base(contract.required_texts))
    return classify(row.build(builder), contract, target.api_key)


def _turned_round(expected: Iterable[tuple[NamedCase, Expectation]]) -> Iterator[Probe]:
    """Yield a probe for each request that a profile makes valid, such as a JPEG where that is declared."""
    for row, expectation in expected:
        requirement = row.requirements[0]
        if requirement in _exercised(expectation):
            yield Probe(requirement, row.label, frozenset({WHOLE}), _whole(row), quick=True)


def _inapplicable(expected: Iterable[tuple[NamedCase, Expectation]]) -> Iterator[tuple[str, str]]:
    """Yield the label of each row with each requirement that it does not show, such as n=11 where that is declared."""
    for row, expectation in expected:
        shown = expectation.violated | _exercised(expectation)
        shown |= SHOWN_BY_RESPONSE if expectation.violations else frozenset()
        yield from ((row.label, name) for name in row.requirements if name not in shown)


def _exercised(expectation: Expectation) -> frozenset[str]:
    """Return the ids of the requirements that a valid request exercises."""
    return frozenset(it.requirement for it in expectation.features if expectation.validity == "valid")


def _whole(row: NamedCase) -> Change:
    """Return the change to the request of a row."""
    return lambda b, draft: draft.finally_(lambda _: row.build(b))


def _round_robin(rows: Iterable[NamedCase], contract: Contract) -> list[NamedCase]:
    """Return rows of MUSTs before others, and the first row of each requirement before the second rows.

    The rows that the evidence of a requirement names come before its others. So a run that ends early, or a server that
    makes images for invalid requests, has seen the most telling ones of each.
    """
    rules = contract.requirements.values()
    named = {label for rule in rules if isinstance(rule.evidence, Every) for label in rule.evidence.situations}
    turns: Counter[str] = Counter()
    ranked = []
    for row in sorted(rows, key=lambda row: row.label not in named):
        requirement = next((name for name in row.requirements if name in contract.requirements), None)
        if requirement is not None:
            turns[requirement] += 1
            ranked.append((contract.requirements[requirement].level != "must", turns[requirement], row))
    return [row for *_, row in sorted(ranked, key=lambda each: each[:2])]
