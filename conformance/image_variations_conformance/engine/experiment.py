"""Finds out by experiment which values a server accepts, and which one thing is wrong where it refuses a valid request.

Everything here is pure: generators that yield the requests to send and are told the outcomes. A request is a base
(fields that the server is known to accept) and some probes, each of which changes one property of the request. Probes
travel in packs. A refused pack is halved until the refused probe is alone, and the same request without it, the control,
is accepted. So a contradiction is always shown by two requests that differ in nothing else.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from itertools import product
from typing import Literal, TypeAlias, TypeVar

from attrs import define, evolve, field, frozen

from ..cases.builder import Base
from ..cases.probes import NO_5XX, Probe
from ..contract.document import Contract
from ..contract.fields import enum_values, is_bounded, kind_of
from ..media import png

Outcome = Literal["accepted", "refused", "declined", "limited", "unavailable", "not-sent"]
"""What came of a request.

accepted: 2xx with an item. declined: 4xx where the contract is silent. limited: 429 or 402. unavailable: 503. not-sent:
no budget, or the run has ended. refused: anything else.
"""
State = Literal["holds", "contradicted", "unstable", "blocked"]
PACK_SIZE = 6
MAX_BASES = 20
LAST = ""
CONTROL_WAITS = (1.0, 2.0, 4.0)
"""How long a refused control waits before it is sent again, in seconds."""
_CONFIRMATIONS = 2
# On a server that answers the same request now so, now so, a refusal must repeat more often to count.
_CONFIRMATIONS_IF_UNSTABLE = 6


@frozen
class Step:
    """One request to send: a base with probes, after a wait in seconds. Some have a label of their own.

    `narrowing` ones are sent to explain a refusal. `resend` sends the request of a case again instead, by its label, or
    where that is LAST the latest request before the control. Steps of one `group` are sent at the same time, those of one
    `connection` one after the other on a kept connection.
    """

    base: Base
    probes: tuple[Probe, ...] = ()
    wait_seconds: float = 0.0
    narrowing: bool = False
    group: str | None = None
    connection: str | None = None
    label: str = ""
    resend: str | None = None


@frozen
class Result:
    """What the experiment says of one item of one requirement.

    `steps` are the positions of the steps that show it, the clearest first; `twin` is that of the accepted request that
    differs in nothing else, and `company` are the other probes of the request.
    """

    requirement: str
    item: str
    state: State
    steps: tuple[int, ...]
    twin: int | None = None
    company: tuple[Probe, ...] = ()


R = TypeVar("R")
Sending: TypeAlias = Generator[tuple[Step, ...], tuple[Outcome, ...], R]
"""Yields the next requests, is sent their outcomes, and returns a result."""


@define
class Experiment:
    """The experiments of one run, and their results. `sent` are all steps so far, with their outcomes.

    `lost` is set once the control is refused for good: the position of the last accepted and of the refused control.
    `limited` is set once the server limits the rate for good.
    """

    narrowing_requests: int = 60
    narrowing_images: int = 20
    base: Base | None = None
    cheap: Base | None = None
    sent: list[tuple[Step, Outcome]] = field(factory=list)
    results: list[Result] = field(factory=list)
    lost: tuple[int, int] | None = None
    limited: bool = False
    unstable: bool = False
    _control: int | None = None
    # The requests that were refused at some time.
    _refused: set[tuple[str, frozenset[str]]] = field(factory=set)

    @property
    def ended(self) -> bool:
        """Whether no further request can show anything."""
        return self.lost is not None or self.limited

    @property
    def forgets_errors(self) -> bool:
        """Whether requests were seen to fail after others."""
        return any(result.requirement == "IV-STATE-RECOVERS" for result in self.results)

    # --- sending

    def _send(self, *steps: Step) -> Sending[tuple[Outcome, ...]]:
        outcomes = yield steps
        for step, outcome in zip(steps, outcomes, strict=True):
            self._note(len(self.sent), step, outcome)
            self.sent.append((step, outcome))
        return outcomes

    def _note(self, at: int, step: Step, outcome: Outcome) -> None:
        if outcome not in {"accepted", "refused"} or step.group or step.connection or step.resend is not None:
            return
        if not step.probes and step.base == self.cheap:
            # `control` tells why the control is refused.
            return
        key = (str(step.base), frozenset(probe.item for probe in step.probes))
        if outcome == "refused":
            self._refused.add(key)
        elif key in self._refused:
            self._refused.discard(key)
            self.unstable = True
            earlier = [n for n, (other, result) in enumerate(self.sent) if _same(other, step) and result == "refused"]
            self._conclude("IV-OP-VALID", "stable", "contradicted", (at, *earlier))

    def _conclude(
        self,
        requirement: str,
        item: str,
        state: State,
        steps: tuple[int, ...],
        twin: int | None = None,
        company: tuple[Probe, ...] = (),
    ) -> None:
        self.results.append(Result(requirement, item, state, steps, twin, company))

    def _of_probes(
        self, probes: Sequence[Probe], state: State, steps: tuple[int, ...], twin: int | None = None
    ) -> None:
        for probe in probes:
            company = tuple(other for other in probes if other is not probe)
            self._conclude(probe.requirement, probe.item, state, steps, twin, company)

    # --- the base

    def find_base(self, contract: Contract) -> Sending[bool]:
        """Find the first accepted base and a cheap one. Return whether there is one."""
        for candidate in bases(contract):
            label = "plain" if not self.sent else f"base-{len(self.sent)}"
            (outcome,) = yield from self._send(Step(candidate, label=label))
            if outcome == "limited":
                self.limited = True
            if outcome in {"limited", "not-sent"}:
                return False
            if outcome == "accepted":
                self.base = self.cheap = candidate
                self._control = len(self.sent) - 1
                yield from self._cheapen(contract)
                return True
        return False

    def _cheapen(self, contract: Contract) -> Sending[None]:
        """Make the base cheap: the image in the response rather than a link, and the smallest size that is accepted."""
        for texts in cheaper(contract):
            cheap = self.cheap or Base()
            if texts.items() <= cheap.texts.items():
                continue
            candidate = evolve(cheap, texts={**cheap.texts, **texts})
            (outcome,) = yield from self._send(Step(candidate, label=f"base-{len(self.sent)}"))
            if outcome == "accepted":
                self.cheap = candidate
                self._control = len(self.sent) - 1
                if "size" in texts:
                    return

    def control(self, explain: bool = True) -> Sending[bool]:
        """Send the cheap request, again after waits if it is refused, and return whether it is accepted."""
        if self.ended:
            return False
        first = len(self.sent)
        outcome: Outcome = "refused"
        for wait in (0.0, *CONTROL_WAITS):
            (outcome,) = yield from self._send(Step(self.cheap or Base(), wait_seconds=wait))
            if outcome == "accepted":
                before, self._control = self._control, len(self.sent) - 1
                if wait and explain:
                    yield from self._explain_stumble(first, before)
                return True
            if outcome in {"limited", "not-sent"}:
                self.limited = self.limited or outcome == "limited"
                return False
        if outcome == "unavailable":
            self.limited = True
        elif self._control is not None:
            self.lost = (self._control, len(self.sent) - 1)
        return False

    def _explain_stumble(self, refused: int, before: int | None) -> Sending[None]:
        """Tell whether the control was refused once because of the request before it, or by chance."""
        if self.forgets_errors:
            return
        if (yield from self.recovers_from(LAST)) and self.sent[refused][1] == "refused":
            self.unstable = True
            steps = (refused, *(() if before is None else (before,)))
            self._conclude("IV-OP-VALID", "stable", "contradicted", steps)

    def recovers_from(self, label: str) -> Sending[bool]:
        """Send a request again that the server may not recover from, then the control, and return if that is accepted."""
        yield from self._send(Step(self.cheap or Base(), resend=label))
        (outcome,) = yield from self._send(Step(self.cheap or Base()))
        if outcome == "refused":
            self._conclude("IV-STATE-RECOVERS", "control", "contradicted", (len(self.sent) - 1,), self._control)
            yield from self.control(explain=False)
        return outcome != "refused"

    # --- probes

    def probe(self, packs: Sequence[tuple[Probe, ...]]) -> Sending[None]:
        """Send each pack with the cheap base, and narrow the refused ones down."""
        if self.cheap is None:
            return
        if self.ended:
            for pack in packs:
                self._of_probes(pack, "blocked", (len(self.sent) - 1,))
            return
        first = len(self.sent)
        outcomes = yield from self._send(*(Step(self.cheap, pack) for pack in packs))
        for at, (pack, outcome) in enumerate(zip(packs, outcomes, strict=True), start=first):
            yield from self._explain(pack, at, outcome)

    def _explain(self, pack: tuple[Probe, ...], at: int, outcome: Outcome) -> Sending[None]:
        if outcome == "accepted":
            self._of_probes(pack, "holds", (at,))
        elif outcome == "not-sent" or self.ended:
            self._of_probes(pack, "blocked", (at,))
        elif outcome == "limited":
            # The control shows whether that is so for other requests, too.
            yield from self.control()
            self._of_probes(pack, "blocked", (at,))
        elif outcome == "declined":
            yield from self._split(pack, at)
        elif not (yield from self.control()):
            self._of_probes(pack, "blocked", (at,))
        elif outcome == "unavailable":
            # A server may be overloaded for a moment; one that is so again for this request alone refuses it.
            yield from self._again(pack, at)
        else:
            yield from self._narrow(pack, at)

    def _split(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        """Send the probes of a pack that was declined apart, since one may have hidden what the others do."""
        if len(pack) == 1:
            self._of_probes(pack, "holds", (at,))
            return
        yield from self.probe([pack[: len(pack) // 2], pack[len(pack) // 2 :]])

    def _again(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        if not self._allowed(pack):
            self._of_probes(pack, "blocked", (at,))
            return
        (outcome,) = yield from self._send(Step(self.cheap or Base(), pack, narrowing=True))
        if outcome in {"refused", "unavailable"} and (yield from self.control()):
            yield from self._narrow(pack, at)
        else:
            yield from self._explain(pack, len(self.sent) - 1, "limited" if outcome == "unavailable" else outcome)

    def _allowed(self, probes: Sequence[Probe]) -> bool:
        """Take a request, and the images that it may cost, off the allowance for narrowing, if there is room."""
        images = max((probe.images for probe in probes), default=1)
        if self.narrowing_requests < 1 or self.narrowing_images < images or self.ended:
            return False
        self.narrowing_requests -= 1
        return True

    def _try(self, probes: tuple[Probe, ...]) -> Sending[tuple[int, Outcome]]:
        """Send probes to explain a refusal, and return the position and the outcome; "not-sent" if it is not allowed."""
        if not self._allowed(probes):
            return len(self.sent) - 1, "not-sent"
        (outcome,) = yield from self._send(Step(self.cheap or Base(), probes, narrowing=True))
        if outcome == "accepted":
            self.narrowing_images -= max((probe.images for probe in probes), default=1)
        if outcome == "unavailable":
            outcome = "refused"
        return len(self.sent) - 1, outcome

    def _narrow(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        """Find out which of the probes of a refused pack is refused alone. The control was accepted after the pack."""
        if len(pack) == 1:
            yield from self._confirm(pack, at)
            return
        refused: list[tuple[tuple[Probe, ...], int]] = []
        for half in _halves(pack):
            position, outcome = yield from self._try(half)
            if outcome == "accepted":
                self._of_probes(half, "holds", (position,))
            elif outcome == "declined":
                yield from self._split(half, position)
            elif outcome == "refused":
                refused.append((half, position))
            else:
                self._of_probes(half, "blocked", (at, position))
                return
        if not refused:
            yield from self._combination(pack, at)
        for half, position in refused:
            yield from self._narrow(half, position)

    def _confirm(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        """Send a refused probe again, alone, with a control after it: contradicted if it is refused each time."""
        refusals = [at]
        while len(refusals) <= (_CONFIRMATIONS_IF_UNSTABLE if self.unstable else _CONFIRMATIONS):
            position, outcome = yield from self._try(pack)
            if outcome in {"accepted", "declined"}:
                self._of_probes(pack, "unstable", (position, at))
                return
            if outcome != "refused" or not (yield from self.control()):
                self._of_probes(pack, "blocked", (at,))
                return
            refusals.append(position)
        self._of_probes(pack, "contradicted", tuple(refusals), self._control)

    def _combination(self, pack: tuple[Probe, ...], at: int) -> Sending[None]:
        """Explain a pack that is refused although its halves are accepted: reduce it while it is refused."""
        position, outcome = yield from self._try(pack)
        if outcome != "refused":
            # Accepted now: `_note` has reported that the same request had both outcomes.
            return
        at = position
        for probe in pack:
            fewer = tuple(other for other in pack if other is not probe)
            if len(fewer) < 2:
                break
            position, outcome = yield from self._try(fewer)
            if outcome == "refused":
                pack, at = fewer, position
        refusals = [at]
        while len(refusals) <= (_CONFIRMATIONS_IF_UNSTABLE if self.unstable else _CONFIRMATIONS):
            position, outcome = yield from self._try(pack)
            if outcome != "refused" or not (yield from self.control()):
                return
            refusals.append(position)
        names = " and ".join(sorted(probe.item for probe in pack))
        requirement = NO_5XX if any(probe.open for probe in pack) else "IV-OP-VALID"
        self._conclude(requirement, names, "contradicted", tuple(refusals), self._control, pack)

    # --- several requests at a time

    def together(self, packs: Sequence[tuple[Probe, ...]], group: str) -> Sending[None]:
        """Send packs at the same time. Each must be answered like alone."""
        if self.cheap is None or self.ended:
            return
        first = len(self.sent)
        outcomes = yield from self._send(*(Step(self.cheap, pack, group=group) for pack in packs))
        steps = tuple(range(first, len(self.sent)))
        if all(outcome == "accepted" for outcome in outcomes):
            for at, pack in zip(steps, packs, strict=True):
                self._of_probes(pack, "holds", (at,))
            self._conclude("IV-STATE-PARALLEL", group, "holds", steps)
            return
        yield from self._compare_with_alone(packs, outcomes, first, "IV-STATE-PARALLEL", group)

    def on_one_connection(self, packs: Sequence[tuple[Probe, ...]], connection: str) -> Sending[None]:
        """Send packs one after the other on one connection. Each must be answered like on a connection of its own."""
        if self.cheap is None or self.ended:
            return
        first = len(self.sent)
        outcomes = yield from self._send(*(Step(self.cheap, pack, connection=connection) for pack in packs))
        if all(outcome == "accepted" for outcome in outcomes):
            for at, pack in enumerate(packs, start=first):
                self._of_probes(pack, "holds", (at,))
            self._conclude("IV-STATE-CONNECTION", connection, "holds", tuple(range(first, len(self.sent))))
            return
        yield from self._compare_with_alone(packs, outcomes, first, "IV-STATE-CONNECTION", connection)

    def _compare_with_alone(
        self,
        packs: Sequence[tuple[Probe, ...]],
        outcomes: Sequence[Outcome],
        first: int,
        requirement: str,
        item: str,
    ) -> Sending[None]:
        """Send the packs that were refused in company of other requests again, alone, to tell what is at fault."""
        suspects: list[tuple[int, int]] = []
        kept_back: list[int] = []
        for at, (pack, outcome) in enumerate(zip(packs, outcomes, strict=True), start=first):
            if outcome == "accepted":
                self._of_probes(pack, "holds", (at,))
                continue
            position, alone = yield from self._alone(pack, outcome)
            if (outcome, alone) == ("refused", "accepted"):
                suspects.append((at, position))
            elif alone in {"accepted", "limited"}:
                kept_back.append(at)
        if not suspects or self.ended:
            self._conclude(requirement, item, "blocked" if kept_back or self.ended else "holds", (*kept_back, first))
            return
        # Would a server that refuses now and then have refused so many without company as well?
        for _ in range(len(packs)):
            if not (yield from self.control()) or self.unstable:
                self._conclude(requirement, item, "unstable", (suspects[0][0],))
                return
        self._conclude(requirement, item, "contradicted", tuple(at for at, _ in suspects), suspects[0][1])

    def _alone(self, pack: tuple[Probe, ...], outcome: Outcome) -> Sending[tuple[int, Outcome]]:
        """Send a pack again that was not accepted in company; "limited" if that shows nothing of the company."""
        if outcome in {"limited", "not-sent"} or self.ended or not (yield from self.control()):
            # Requests at the same time may exceed a rate that single ones do not.
            yield from self.probe([pack] if pack else [])
            return len(self.sent) - 1, "limited"
        (alone,) = yield from self._send(Step(self.cheap or Base(), pack))
        position = len(self.sent) - 1
        if pack:
            yield from self._explain(pack, position, alone)
        elif alone == "refused" and self._control is not None:
            # This is the control, which was accepted a moment ago.
            self.unstable = True
            self._conclude("IV-OP-VALID", "stable", "contradicted", (position, self._control))
            return position, "limited"
        return position, alone

    # --- the end

    def first_again(self) -> Sending[None]:
        """Send the first accepted request once more: what came in between must have changed nothing."""
        if self.base is None or self.ended:
            return
        first = next(
            at for at, (step, outcome) in enumerate(self.sent) if outcome == "accepted" and step.base == self.base
        )
        refusals: list[int] = []
        while len(refusals) <= (_CONFIRMATIONS_IF_UNSTABLE if self.unstable else _CONFIRMATIONS):
            label = f"plain-at-the-end{f'-{len(refusals) + 1}' if refusals else ''}"
            (outcome,) = yield from self._send(Step(self.base, label=label))
            if outcome != "refused" or not (yield from self.control()):
                return
            refusals.append(len(self.sent) - 1)
        self._conclude("IV-STATE-INDEPENDENT", "plain-at-the-end", "contradicted", tuple(refusals), first)

    def verify(self) -> Sending[None]:
        """Send every contradicted request again if the server turned out to be unstable after it was contradicted."""
        if not self.unstable:
            return
        for at, result in enumerate(self.results):
            if result.state != "contradicted" or result.item == "stable" or result.requirement.startswith("IV-STATE-"):
                continue
            step = self.sent[result.steps[0]][0]
            count = len(result.steps)
            while count <= _CONFIRMATIONS_IF_UNSTABLE and not self.ended:
                (outcome,) = yield from self._send(Step(step.base, step.probes, narrowing=True))
                count += 1
                if outcome == "accepted":
                    self.results[at] = Result(result.requirement, result.item, "unstable", result.steps)
                    break
                if outcome != "refused":
                    break


def _same(one: Step, other: Step) -> bool:
    alone = one.group is None and one.connection is None
    return alone and (one.base, set(one.probes)) == (other.base, set(other.probes))


def _halves(pack: tuple[Probe, ...]) -> tuple[tuple[Probe, ...], tuple[Probe, ...]]:
    """Return a pack in two parts, the second one with the dearest probe: alone, if it is dear."""
    ordered = sorted(pack, key=lambda probe: probe.images)
    middle = len(ordered) - 1 if ordered[-1].images > 1 else len(ordered) // 2
    return tuple(ordered[:middle]), tuple(ordered[middle:])


def packs(probes: Sequence[Probe], seed: int, size: int = PACK_SIZE) -> list[tuple[Probe, ...]]:
    """Return probes of one level in packs of compatible ones. The seed decides which travel together.

    Packs with the first probes of requirements come first, so that a run that ends early has seen some of each.
    """
    order = list(probes)
    random.Random(f"{seed}/packs").shuffle(order)  # noqa: S311 - test data
    turns: Counter[str] = Counter()
    ranks = {}
    for probe in order:
        turns[probe.requirement] += 1
        ranks[probe] = 0 if probe.first else turns[probe.requirement]
    # The probes that fit the fewest others are placed first, which needs the fewest packs.
    crowds = Counter(axis for probe in order for axis in probe.axes)
    order.sort(key=lambda probe: (not probe.first, -max(crowds[axis] for axis in probe.axes)))
    made: list[list[Probe]] = []
    for probe in order:
        fitting = (pack for pack in made if len(pack) < size and all(probe.fits(other) for other in pack))
        pack = next(fitting, None)
        if pack is None:
            made.append([probe])
        else:
            pack.append(probe)
    made.sort(key=lambda pack: min(ranks[probe] for probe in pack))
    return [tuple(pack) for pack in made]


def bases(contract: Contract) -> list[Base]:
    """Return what is tried as a base, in order.

    An image alone, then with one value of a field, then everything at once, then an RGBA image, then model, size and
    format together.
    """
    values = {name: _values(contract, name) for name in contract.text_fields}
    single = [{name: value} for name, each in values.items() for value in each]
    everything = {name: each[0] for name, each in values.items() if each}
    of_three = [[(name, value) for value in values.get(name, ())] for name in ("model", "size", "response_format")]
    together = [dict(pairs) for pairs in product(*filter(None, of_three))] if any(of_three) else []
    required = contract.required_texts
    texts = [{**required, **each} for each in ({}, *single, everything)]
    found = [Base(each) for each in texts] + [Base(each, png.Kind(png.RGBA)) for each in (texts[0], texts[-1])]
    found += [Base({**required, **each}) for each in together]
    unique = {str(base): base for base in found}
    return list(unique.values())[:MAX_BASES]


def cheaper(contract: Contract) -> list[Mapping[str, str]]:
    """Return values that make a response cheaper, in the order in which they are tried."""
    formats = _values(contract, "response_format")
    inline: list[Mapping[str, str]] = [{"response_format": "b64_json"}] if "b64_json" in formats else []
    sizes = sorted(_values(contract, "size"), key=_pixels)
    together: list[Mapping[str, str]] = [{"size": sizes[0], **inline[0]}] if sizes and inline else []
    return [*together, *inline, *({"size": size} for size in sizes)]


def _pixels(size: str) -> int:
    width, _, height = size.partition("x")
    return int(width) * int(height) if width.isdigit() and height.isdigit() else 0


def _values(contract: Contract, name: str) -> tuple[str, ...]:
    """Return values of a field to be tried: those of an enum, examples, the smallest number, or a plain text."""
    schema = contract.text_fields.get(name, {})
    kind = kind_of(schema)
    if kind == "enum":
        return enum_values(schema)
    if schema.get("examples") and not (kind == "integer" and "minimum" in schema):
        return tuple(map(str, schema["examples"]))
    if kind == "integer":
        return (str(schema.get("minimum", 1)),)
    return ("user-1234",) if kind == "text" and not is_bounded(schema) else ()
