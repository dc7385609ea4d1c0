"""Turns findings into evidence, and the evidence into one verdict for each requirement.

For an item: what was seen with it alone counts before what was seen in company, and a contradiction before what holds.
For a requirement, the first that applies: an item is contradicted: fail or warn. An item was kept from being seen by
the server: not tested. Every item holds: pass, or declared if a profile changed the requirement. Some hold: partial.
Else it was not tested.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product

from attrs import evolve, frozen

from ..cases.case import Case
from ..cases.features import KEY_ITEMS
from ..contract.document import Contract
from ..contract.evidence import Every
from ..contract.requirements import Requirement
from ..oracles import Finding
from ..oracles.base import State
from ..wire.reasons import (
    Declared,
    Deselected,
    Excluded,
    Interrupted,
    InvalidAccepted,
    InvalidCostsImage,
    MakesAsMany,
    Masked,
    NoKey,
    NotAtThisDepth,
    NotSeen,
    NotShown,
    Reason,
    ReportedAs,
    Unstable,
)
from .run import Item, Result, Verdict
from .session import AGAIN

# Evidence that a run shows only if it comes about: a server need not limit the rate.
_BY_CHANCE = frozenset({"IV-LIMIT-RETRY-AFTER"})
# What a request may show of an item, the first that counts before the others.
_SHOWN: tuple[State, ...] = ("contradicted", "unstable", "holds")
# How many findings are kept for an item, the clearest first, besides those of requests that were drawn at random: each
# of these shows another defect.
_MAX_FINDINGS = 3


@frozen
class Circumstances:
    """What a verdict depends on besides the findings.

    `left_out` are the items of evidence that the depth leaves out, `unsent` the reasons why cases were not sent, `only`
    the requirements that the user selected, or none for all. `inapplicable` are labels of cases, each with the id of a
    requirement that a profile keeps it from showing.
    """

    contract: Contract
    seed: int
    quick: bool
    strict: bool
    has_key: bool
    only: Collection[str]
    cases: Mapping[str, Case]
    unsent: Sequence[Reason]
    inapplicable: Collection[tuple[str, str]] = frozenset()
    left_out: Collection[str] = frozenset()


def verdicts(findings: Iterable[Finding], circumstances: Circumstances) -> tuple[Verdict, ...]:
    """Return the verdict on each requirement of the contract."""
    contract = circumstances.contract
    found: dict[str, list[Finding]] = {name: [] for name in contract.requirements}
    also: dict[str, list[str]] = {}
    for finding in findings:
        if finding.requirement in found:
            found[finding.requirement].append(finding)
        if finding.reported_as is not None and finding.reported_as != finding.requirement:
            also.setdefault(finding.reported_as, []).append(finding.requirement)
    planned = _planned(circumstances.cases.values())
    masked = _masked(found)
    made = []
    for requirement in contract.requirements.values():
        items = _items(requirement, found[requirement.id], planned.get(requirement.id, ()), masked, circumstances)
        verdict = _verdict(requirement, tuple(items), circumstances)
        made.append(verdict)
    reported = {verdict.requirement.id for verdict in made if verdict.result in {"fail", "warn"}}
    return tuple(
        evolve(it, also=tuple(name for name in dict.fromkeys(also.get(it.requirement.id, ())) if name not in reported))
        for it in made
    )


def _planned(cases: Iterable[Case]) -> dict[str, list[str]]:
    """Return the labels of the cases that were written for each requirement."""
    planned: dict[str, list[str]] = {}
    for case in cases:
        if not case.probes and AGAIN not in case.label:
            for name in case.tests:
                planned.setdefault(name, []).append(case.label)
    return planned


def _masked(found: Mapping[str, Sequence[Finding]]) -> dict[str, str]:
    """Return the values that the server refuses, each with the requirement that says so."""
    return {
        finding.item: name
        for name, findings in found.items()
        for finding in findings
        if finding.state == "contradicted" and "=" in finding.item
    }


def _items(
    requirement: Requirement,
    findings: Sequence[Finding],
    planned: Iterable[str],
    masked: Mapping[str, str],
    circumstances: Circumstances,
) -> Iterator[Item]:
    """Yield the items of a requirement: those of its evidence, those of its cases, and others that do not hold."""
    by_item: dict[str, list[Finding]] = {}
    for finding in findings:
        by_item.setdefault(finding.item, []).append(finding)
    for name in _expected(requirement, planned, circumstances):
        yield _item(name, by_item.pop(name, []), requirement, masked, circumstances)
    for name, others in by_item.items():
        item = _item(name, others, requirement, masked, circumstances)
        if item.state != "holds" or not isinstance(requirement.evidence, Every):
            yield item


def _expected(requirement: Requirement, planned: Iterable[str], circumstances: Circumstances) -> Iterator[str]:
    """Yield the items that a pass needs, each once."""
    evidence = requirement.evidence
    items = () if evidence is None else evidence.items(circumstances.contract, circumstances.seed)
    labels = [label for label in planned if isinstance(evidence, Every) and _stands_for(label, evidence, circumstances)]
    for item in dict.fromkeys((*items, *labels)):
        if (item, requirement.id) not in circumstances.inapplicable and not _is_turned_round(item, circumstances):
            yield item


def _is_turned_round(item: str, circumstances: Circumstances) -> bool:
    """Return whether an item is the id of a requirement that no request violates because of the profile."""
    requirement = circumstances.contract.requirements.get(item)
    changed = any(item in change.requirements for change in circumstances.contract.changes)
    return (
        requirement is not None
        and (requirement.is_open or changed)
        and not any(item in case.expectation.violated for case in circumstances.cases.values())
    )


def _stands_for(label: str, evidence: Every, circumstances: Circumstances) -> bool:
    """Return whether the label of a case is an item of its own, and not covered by the id of a requirement."""
    case = circumstances.cases[label]
    names = {case.concurrent_with, case.connection, *case.expectation.violated}
    return label in evidence.situations or not names.intersection(evidence.situations)


def _item(
    name: str,
    findings: Sequence[Finding],
    requirement: Requirement,
    masked: Mapping[str, str],
    circumstances: Circumstances,
) -> Item:
    cases = circumstances.cases
    alone = [finding for finding in findings if not finding.company]
    in_company = [finding for finding in findings if finding.company]
    held = any(finding.state == "holds" for finding in findings)
    for group, state in (*product((alone, in_company), _SHOWN), (findings, "blocked")):
        of_state = [finding for finding in group if finding.state == state]
        own = [finding for finding in of_state if finding.reported_as is None]
        if state == "contradicted" and of_state and not own:
            ids = tuple(dict.fromkeys(finding.reported_as or "" for finding in of_state))
            if not held or not _is_only_warned_of(ids, requirement, circumstances):
                return Item(name, None, tuple(of_state), ReportedAs(ids))
        if own:
            own.sort(key=lambda finding: AGAIN in finding.label)
            drawn = (it for it in own[_MAX_FINDINGS:] if it.label in cases and cases[it.label].code)
            return Item(name, own[0].state, (*own[:_MAX_FINDINGS], *drawn), own[0].reason)
    by = masked.get(name) or masked.get(f"response_format={name}")
    if by is not None and by != requirement.id:
        return Item(name, None, (), Masked(by))
    without_key = not circumstances.has_key and (name in KEY_ITEMS or name.startswith("IV-AUTH-"))
    return Item(name, None, (), NoKey() if without_key else _why_left_out(name, requirement, circumstances))


def _is_only_warned_of(ids: Iterable[str], requirement: Requirement, circumstances: Circumstances) -> bool:
    """Return whether what a MUST requirement is reported under is only warned of, so that it holds where it must."""
    levels = {circumstances.contract.requirements[name].level for name in ids}
    return requirement.level == "must" and "must" not in levels


def _why_left_out(name: str, requirement: Requirement, circumstances: Circumstances) -> Reason:
    if requirement.id in _BY_CHANCE:
        return NotSeen()
    if name in circumstances.left_out:
        return NotAtThisDepth()
    # That an invalid request costs an image is no reason for what other requests show.
    unsent = [
        it for it in circumstances.unsent if not isinstance(it, InvalidAccepted | InvalidCostsImage | MakesAsMany)
    ]
    if Interrupted() in unsent:
        return Interrupted()
    blocked = next((reason for reason in unsent if not reason.chosen), None)
    if blocked is not None:
        return blocked
    if unsent:
        return unsent[0]
    if circumstances.only:
        return Deselected()
    return NotAtThisDepth() if circumstances.quick else NotShown()


def _verdict(requirement: Requirement, items: tuple[Item, ...], circumstances: Circumstances) -> Verdict:
    untested = _by_design(requirement, circumstances)
    if untested is not None:
        return Verdict(requirement, "not-tested", reason=untested)
    broken: Result = "fail" if circumstances.strict or requirement.level == "must" else "warn"
    contradicted = [item for item in items if item.state == "contradicted"]
    if contradicted:
        findings = [finding for item in contradicted for finding in item.findings]
        return Verdict(requirement, broken, findings[0].message, _labels(findings), None, items)
    kept_back = [item for item in items if item.state in {"blocked", "unstable"}]
    by_server = [item for item in kept_back if item.reason is None or not item.reason.chosen]
    if by_server:
        reason = by_server[0].reason or Unstable()
        findings = [finding for item in by_server for finding in item.findings]
        return Verdict(requirement, "not-tested", "", _labels(findings), reason, items)
    held = [item for item in items if item.state == "holds"]
    labels = _labels(finding for item in held for finding in item.findings)
    missing = [item for item in items if item.state != "holds"]
    if held and not missing:
        changed = any(requirement.id in change.requirements for change in circumstances.contract.changes)
        return Verdict(requirement, "declared" if changed else "pass", "", labels, None, items)
    # What the user did not choose comes first, and what cannot be shown without a key last.
    reasons = sorted(
        (item.reason for item in missing if item.reason is not None),
        key=lambda reason: (reason == NoKey(), reason.chosen),
    )
    reason = next(iter(reasons), NotShown())
    return Verdict(requirement, "partial" if held else "not-tested", "", labels, reason, items)


def _by_design(requirement: Requirement, circumstances: Circumstances) -> Reason | None:
    """Return why a requirement is never tested in this run, or None."""
    if circumstances.only and requirement.id not in circumstances.only:
        return Deselected()
    if requirement.excluded is not None:
        return Excluded(requirement.excluded)
    if requirement.is_open:
        return Declared()
    if requirement.id.startswith("IV-AUTH-") and not circumstances.has_key and isinstance(requirement.evidence, Every):
        return NoKey()
    return None


def _labels(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.label for finding in findings))
