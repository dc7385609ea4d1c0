"""What random requests are known to break, so that later ones show something else."""

from __future__ import annotations

from attrs import define, field

from ..cases.changes import SAME_IMAGE
from ..cases.probes import NO_5XX
from ..cases.variations import Drawn, kind_of
from ..oracles import Finding, Observation
from .echoes import OF_FORMS
from .session import Session


@define
class Known:
    """What is reported already. `settled` are the requirements that are not looked for any more."""

    settled: set[str] = field(factory=set)
    # The names of the properties of valid requests that break a requirement, and the requirements whose violation
    # comes to a 5xx.
    _broken_by: dict[str, list[frozenset[str]]] = field(factory=dict)
    _crashes: set[str] = field(factory=set)
    # The names of properties without which later requests are sent.
    _properties: list[frozenset[str]] = field(factory=list)

    def learn(self, finding: Finding, session: Session) -> None:
        """Note a failure of the plan."""
        case, observation = session.cases[finding.label], session.observations[finding.label]
        names = frozenset(probe.item for probe in case.probes) - {SAME_IMAGE}
        if finding.requirement.startswith("IV-STATE-"):
            names = frozenset()
        if self._is_by_names(finding.requirement, case.expectation.violated, names):
            self._broken_by.setdefault(finding.requirement, []).append(names)
            if not observation.accepted or finding.requirement.startswith(OF_FORMS):
                # A server that does not read such forms shows that in whatever they ask, and one that refuses a value
                # may name that where another value is wrong.
                self._leave_out(names)

    def add(self, requirement: str, drawn: Drawn, observation: Observation) -> None:
        """Note that a random request breaks a requirement."""
        if self._is_by_names(requirement, observation.expectation.violated, drawn.names):
            self._leave_out(drawn.names)

    def is_news(self, requirement: str, drawn: Drawn, observation: Observation) -> bool:
        """Return whether it is not reported already that such a request breaks a requirement."""
        if requirement in self.settled:
            return False
        if requirement == NO_5XX and observation.expectation.violations:
            return not observation.expectation.violated & self._crashes
        return not any(names <= drawn.names for names in self._broken_by.get(requirement, ()))

    def without(self, drawn: Drawn) -> Drawn:
        """Return a request without the properties that are known to break something."""
        for known in self._properties:
            while known <= drawn.names.union(map(kind_of, drawn.names)):
                drawn = drawn.without(known)
        return drawn

    def _is_by_names(self, requirement: str, violated: frozenset[str], names: frozenset[str]) -> bool:
        """Return whether the names of a valid request say what breaks a requirement, and else note what does."""
        if violated and requirement == NO_5XX:
            self._crashes |= violated
        elif violated or not names:
            self.settled.add(requirement)
        else:
            return True
        return False

    def _leave_out(self, names: frozenset[str]) -> None:
        """Leave out these properties from now on; where others of their kinds failed before, those of all values."""
        kinds = frozenset(map(kind_of, names))
        same = any(frozenset(map(kind_of, known)) == kinds for known in self._properties)
        self._properties.append(kinds if same else names)
