"""Whether valid requests are accepted, and which requirement is to blame where one is not.

A valid request puts several requirements to use at once (its traits). Where the server refuses it, the traits that it
accepted elsewhere are cleared, and of the rest the trait that explains the most refusals is to blame, and so on until
all are explained: one defect of the server is reported under one requirement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..appraisal import Trait
from ..contract import Contract
from .base import Finding, Observation, judges_run, shortened

# The answer to a request without these fields shows more than its status: other oracles pass them.
_JUDGED_BY_THE_ANSWER = frozenset({"IV-N-DEFAULT", "IV-SIZE-DEFAULT", "IV-FORMAT-DEFAULT", "IV-WIRE-QUERY"})


@judges_run(
    "IV-OP-VALID",
    "IV-IMAGE-PNG",
    "IV-IMAGE-PNG-KINDS",
    "IV-IMAGE-UP-TO-LIMIT",
    "IV-IMAGE-BY-BYTES",
    "IV-IMAGE-OCTET-STREAM",
    "IV-IMAGE-NO-FILENAME",
    "IV-N-RANGE",
    "IV-N-DEFAULT",
    "IV-SIZE-ENUM",
    "IV-SIZE-DEFAULT",
    "IV-FORMAT-ENUM",
    "IV-FORMAT-DEFAULT",
    "IV-MODEL-ACCEPTED",
    "IV-MODEL-OPTIONAL",
    "IV-USER-TEXT",
    "IV-WIRE-FILENAME",
    "IV-WIRE-ORDER",
    "IV-WIRE-BOUNDARY",
    "IV-WIRE-CHUNKED",
    "IV-WIRE-HEADER-CASE",
    "IV-WIRE-QUERY",
)
def valid_requests_are_accepted(observations: Sequence[Observation], contract: Contract) -> Iterator[Finding]:
    """A valid request is answered 200."""
    valid = [it for it in observations if it.appraisal.verdict == "valid" and it.untested is None]
    cleared: set[Trait] = set().union(*(it.appraisal.traits for it in valid if it.accepted))
    for it in valid:
        if it.accepted:
            passed = {trait.requirement for trait in it.appraisal.traits} - _JUDGED_BY_THE_ANSWER
            yield from (it.finding(requirement, True) for requirement in sorted(passed))
    refused = [it for it in valid if not it.accepted and it.exchange.batch is None]
    if refused and not cleared:
        it = refused[0]
        yield it.finding("IV-OP-VALID", False, f"expected 200, got {it.answer}; no valid request was accepted at all")
        return
    yield from _blame(refused, cleared, contract)


def _blame(refused: Sequence[Observation], cleared: set[Trait], contract: Contract) -> Iterator[Finding]:
    unexplained = {it.exchange.label: (it, _suspects(it, cleared, contract)) for it in refused}
    while any(suspects for _, suspects in unexplained.values()):
        refusals: dict[Trait, list[str]] = {}
        for label, (_, suspects) in unexplained.items():
            for trait in suspects:
                refusals.setdefault(trait, []).append(label)
        most = max(refusals.values(), key=len)
        # Traits that were refused together and only together cannot be told apart: each is named.
        for trait in sorted((trait for trait, labels in refusals.items() if labels == most), key=str):
            with_value = f" with {shortened(trait.value, 40)}" if trait.value else ""
            for label in most:
                it = unexplained[label][0]
                yield it.finding(
                    trait.requirement, False, f"a valid request{with_value}: expected 200, got {it.answer}"
                )
        for label in most:
            del unexplained[label]


def _suspects(it: Observation, cleared: set[Trait], contract: Contract) -> frozenset[Trait]:
    """Return the traits that may be why a request was refused."""
    suspects = it.appraisal.traits - cleared
    # That the request is plain is the weakest explanation; a trait that a compliant server may refuse is a sufficient
    # one.
    specific = frozenset(trait for trait in suspects if trait.requirement != "IV-OP-VALID") or suspects
    optional = frozenset(trait for trait in specific if contract.requirements[trait.requirement].level == "should")
    return optional or specific
