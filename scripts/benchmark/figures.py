"""From what was measured to figures: medians, ratios, and whether a target is met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

from attrs import frozen

BASE = "httpx"
"""The subject that all others are compared with."""

Unit = Literal["ms", "s", "calls/s", "cases/s", "MiB", "packages", "MB"]


@frozen
class Target:
    """What a figure has to be: at most, or at least, `bound` times the figure of `beside`, or `bound` itself."""

    bound: float
    kind: Literal["at most", "at least"] = "at most"
    beside: str | None = None

    def met(self, found: float) -> bool:
        """Whether a ratio to `beside`, or a figure by itself, is good enough."""
        return found <= self.bound if self.kind == "at most" else found >= self.bound


@frozen
class Figure:
    """One subject in one measure.

    `value` is the median over the rounds, in `unit`, and `ratio` how many times that of httpx it is. `found` is what
    the target is about: a ratio, or the value. All are None where nothing was measured; `note` says why.
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
        """Whether the target is met; None without a target. What was not measured meets none."""
        if self.target is None:
            return None
        return self.found is not None and self.target.met(self.found)


def ratio(subject: Sequence[float], base: Sequence[float]) -> float:
    """Return the median of the ratios round by round.

    Not the ratio of the medians: a machine that is slow for some rounds slows both in them, and the ratio stays.
    """
    return median(ours / theirs for ours, theirs in zip(subject, base, strict=True))


def figures(
    measure: str,
    unit: Unit,
    subjects: Sequence[str],
    rounds: Mapping[str, Sequence[float]],
    *,
    notes: Mapping[str, str] | None = None,
    targets: Mapping[str, Target] | None = None,
    compared: bool = True,
) -> list[Figure]:
    """Return a figure for each of the subjects: of its `rounds`, or with its note where it could not be measured.

    Without `compared` they have no ratio: one to next to nothing says nothing.
    """
    notes, targets = notes or {}, targets or {}
    made = []
    for subject in subjects:
        target = targets.get(subject)
        if subject not in rounds:
            made.append(Figure(measure, subject, unit, target=target, note=notes.get(subject, "not measured")))
            continue
        values, found = rounds[subject], None
        if target is not None and target.beside is None:
            found = median(values)
        elif target is not None and target.beside is not None and target.beside in rounds:
            found = ratio(values, rounds[target.beside])
        to_base = ratio(values, rounds[BASE]) if compared and BASE in rounds else None
        made.append(Figure(measure, subject, unit, median(values), to_base, target, found))
    return made
