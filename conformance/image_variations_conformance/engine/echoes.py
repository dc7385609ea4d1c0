"""One defect gives one failure: findings that only echo a failure under another requirement name it.

Each rule is a method of Echoes that returns the requirement under which the same defect is reported, or None. The first
rule that applies counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, field, frozen

from ..cases.probes import NO_5XX
from ..contract.evidence import ABSENT
from ..oracles import Finding
from .session import Session, original

OF_RESPONSES = ("IV-RES-", "IV-N-", "IV-SIZE-", "IV-FORMAT-", "IV-OUT-SIZE")
"""How the ids of requirements begin that say what a response has, and that an ignored field breaks."""
# Where the one is broken, the other cannot hold.
_IMPLIED: Mapping[str, frozenset[str]] = {
    "IV-AUTH-FIRST": frozenset({"IV-AUTH-REQUIRED", "IV-AUTH-WRONG"}),
    "IV-URL-END": frozenset({"IV-URL-FETCH"}),
}
# Where the second item is refused, the first one is, too: only RGB pictures have a transparent colour.
_IMPLIED_BY_ITEM = {"chunks=transparent-colour": "png=rgb"}
_OF_ERRORS = frozenset(
    {"IV-ERR-JSON", "IV-ERR-OBJECT", "IV-ERR-MESSAGE", "IV-ERR-READABLE", "IV-ERR-NULL", "IV-ERR-PARAM"}
)
_OF_OTHERS = frozenset({"IV-STATE-PARALLEL", "IV-STATE-CONNECTION"})
_SERVER_ERROR = 500


@frozen
class Echoes:
    """The rules for the findings of a session. `found` are all findings, with their items."""

    session: Session
    found: Sequence[Finding]
    names: frozenset[str] = field(init=False)
    """The requirements that are contradicted."""
    _held: frozenset[tuple[str, str]] = field(init=False)
    _by_label: Mapping[str, str] = field(init=False)
    _by_item: Mapping[str, str] = field(init=False)
    _broken: frozenset[tuple[str, str]] = field(init=False)

    @names.default
    def _contradicted_names(self) -> frozenset[str]:
        return frozenset(finding.requirement for finding in self._contradicted)

    @_held.default
    def _held_items(self) -> frozenset[tuple[str, str]]:
        return frozenset((it.requirement, it.item) for it in self.found if it.state == "holds")

    @_by_label.default
    def _first_by_label(self) -> Mapping[str, str]:
        return {it.label: it.requirement for it in reversed(self._specific)}

    @_by_item.default
    def _first_by_item(self) -> Mapping[str, str]:
        open_ones = {
            it.item: NO_5XX for it in self._contradicted if it.requirement == NO_5XX and it.item != original(it.label)
        }
        return {it.item: it.requirement for it in reversed(self._specific)} | open_ones

    @_broken.default
    def _broken_labels(self) -> frozenset[tuple[str, str]]:
        return frozenset((it.label, it.requirement) for it in self._contradicted)

    @property
    def _contradicted(self) -> list[Finding]:
        return [finding for finding in self.found if finding.state == "contradicted"]

    @property
    def _specific(self) -> list[Finding]:
        return [it for it in self._contradicted if it.requirement not in {NO_5XX, *_OF_ERRORS}]

    def marked(self) -> Iterator[Finding]:
        """Yield the findings. Those that only echo another failure name its requirement in `reported_as`."""
        rules = (
            self.of_a_lost_server,
            self.of_a_server_error,
            self.of_what_implies_it,
            self.of_an_earlier_request,
            self.of_an_ignored_field,
            self.of_company,
        )
        for finding in self.found:
            if finding.state == "contradicted":
                echo = next((echo for echo in (rule(finding) for rule in rules) if echo is not None), None)
                yield evolve(finding, reported_as=echo if echo != finding.requirement else None)
            else:
                yield finding

    def of_a_lost_server(self, finding: Finding) -> str | None:
        """Nothing can confirm what came of the requests since the last accepted control, if the server was lost then."""
        lost = self.session.experiment.lost
        if lost is None or finding.requirement == "IV-STATE-RECOVERS":
            return None
        observations = self.session.observations
        labels = list(observations)
        accepted, refused = (labels.index(self.session.labels[at]) for at in lost)
        since = {label for label in labels[accepted:refused] if not observations[label].accepted}
        last = [label for label in labels[:refused] if not label.startswith("control")][-1:]
        return "IV-STATE-RECOVERS" if finding.label in {*since, *last} else None

    def of_a_server_error(self, finding: Finding) -> str | None:
        """A 5xx, and what its body lacks, is reported under what the request was about."""
        response = self.session.observations[finding.label].response
        failed = response is None or response.status >= _SERVER_ERROR
        of_any = finding.requirement == NO_5XX and finding.item == original(finding.label)
        return self._cause(finding) if failed and (of_any or finding.requirement in _OF_ERRORS) else None

    def of_what_implies_it(self, finding: Finding) -> str | None:
        """Some requirements cannot hold where another is broken."""
        broken = _IMPLIED.get(finding.requirement, frozenset()) & self.names
        if broken:
            return min(broken)
        return self._by_item.get(_IMPLIED_BY_ITEM.get(finding.item, ""))

    def of_an_earlier_request(self, finding: Finding) -> str | None:
        """What holds for the same item elsewhere depends on what went before, where that is known to matter."""
        if finding.item == "stable" and "IV-STATE-RECOVERS" in self.names:
            return "IV-STATE-RECOVERS"
        depends = "IV-STATE-INDEPENDENT" in self.names and finding.requirement.startswith(OF_RESPONSES)
        return "IV-STATE-INDEPENDENT" if depends and (finding.requirement, finding.item) in self._held else None

    def of_an_ignored_field(self, finding: Finding) -> str | None:
        """An accepted property makes the server ignore what is requested."""
        if not finding.requirement.startswith(OF_RESPONSES):
            return None
        session = self.session
        wrong = {
            (it.requirement, it.item)
            for it in session.experiment.results
            if it.state == "contradicted" and session.observations[session.labels[it.steps[0]]].accepted
        }
        probes = session.cases[finding.label].probes
        return next((it.requirement for it in probes if (it.requirement, it.item) in wrong), None)

    def of_company(self, finding: Finding) -> str | None:
        """A response that is wrong in company and right alone is wrong because of the company."""
        alone = self.session.alone.get(finding.label)
        if alone is None or finding.requirement in _OF_OTHERS or (alone, finding.requirement) in self._broken:
            return None
        parallel = self.session.cases[finding.label].concurrent_with is not None
        return "IV-STATE-PARALLEL" if parallel else "IV-STATE-CONNECTION"

    def _cause(self, finding: Finding) -> str | None:
        """Return the requirement that explains why the server failed at a request, or None."""
        label = original(finding.label)
        if label in self._by_label:
            return self._by_label[label]
        if finding.requirement in _OF_ERRORS and (finding.label, NO_5XX) in self._broken:
            return NO_5XX
        items = [probe.item for probe in self.session.cases[finding.label].probes] or self._items_of_base(label)
        lost = "IV-STATE-RECOVERS" if self.session.experiment.lost is not None else None
        found = next((self._by_item[item] for item in items if item in self._by_item), None)
        return found or self._by_item.get("stable") or lost

    def _items_of_base(self, label: str) -> list[str]:
        """Return the items of evidence that a request of the experiment shows by its base alone."""
        session = self.session
        if label not in session.labels:
            return []
        texts = session.experiment.sent[session.labels.index(label)][0].base.texts
        return [f"{name}={texts.get(name, ABSENT)}" for name in session.plan.contract.text_fields]
