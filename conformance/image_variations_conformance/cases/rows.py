"""A row of the tables of features."""

from __future__ import annotations

from attrs import frozen

from .probes import Change, Probe


@frozen
class Row:
    """A row of the table of features: the ids and names as in the register, the axes in one text, and the change."""

    requirement: str
    feature: str
    value: str
    axes: str
    apply: Change
    quick: bool = False
    first: bool = False

    def probe(self) -> Probe:
        """Return the probe of the row."""
        axes = frozenset(self.axes.split("+"))
        return Probe(
            self.requirement, f"{self.feature}={self.value}", axes, self.apply, quick=self.quick, first=self.first
        )
