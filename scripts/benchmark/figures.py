"""Medians, ratios, and whether targets are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

from attrs import frozen

BASE = "httpx"
"""The subject whose ratio to itself is 1."""

Unit = Literal["ms", "calls/s", "cases/s", "MiB"]


@frozen
class Target:
    """A bound on the ratio to the subject `beside`, or on the median itself if `beside` is None."""

    bound: float
    kind: Literal["at most", "at least"] = "at most"
    beside: str | None = None

    def met(self, found: float) -> bool:
        """Return whether a ratio or median is within the bound."""
        return found <= self.bound if self.kind == "at most" else found >= self.bound


@frozen
class Figure:
    """The result of one subject in one measure.

    `value` is the median over the rounds in `unit`, `ratio` the ratio to httpx, and `found` the number that the target
    bounds. All three are None if nothing was measured; `note` is the reason.
    """

    measure: str
    subject: str
    unit: Unit
    value: float | None = None
    ratio: float | None = None
    target: Target | None = None
    found: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met: None without a target, False if nothing was measured."""
        if self.target is None:
            return None
        return self.found is not None and self.target.met(self.found)


def ratio(subject: Sequence[float], base: Sequence[float]) -> float:
    """Return the median of the ratios of each round.

    Unlike the ratio of the medians, it does not change if the machine is slower in some rounds.
    """
    return median(ours / theirs for ours, theirs in zip(subject, base, strict=True))


def figures(
    measure: str,
    unit: Unit,
    subjects: Sequence[str],
    rounds: Mapping[str, Sequence[float]],
    notes: Mapping[str, str],
    targets: Mapping[str, Target],
) -> list[Figure]:
    """Return one figure per subject, from its values in `rounds`, or with its note if it has none.

    A measure in MiB has no ratio to httpx, because its values can be 0.
    """
    made = []
    for subject in subjects:
        target = targets.get(subject)
        if subject not in rounds:
            made.append(Figure(measure, subject, unit, target=target, note=notes[subject]))
            continue
        values, found = rounds[subject], None
        if target is not None:
            if target.beside is None:
                found = median(values)
            elif target.beside in rounds:
                found = ratio(values, rounds[target.beside])
        to_base = ratio(values, rounds[BASE]) if BASE in rounds and unit != "MiB" else None
        made.append(Figure(measure, subject, unit, median(values), to_base, target, found))
    return made
