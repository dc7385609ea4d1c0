"""Whether valid requests are accepted, and which requirement is to blame where one is not.

A valid request puts several requirements to use at once (its traits). Where the server refuses it, the traits that it
accepted elsewhere are cleared, and of the rest the trait that explains the most refusals is to blame, and so on until
all are explained: one defect of the server is reported under one requirement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..contract.document import Contract
from ..contract.expectation import Trait
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
    "IV-USER-OPTIONAL",
    "IV-WIRE-FILENAME",
    "IV-WIRE-ORDER",
    "IV-WIRE-PART-HEADERS",
    "IV-WIRE-PREAMBLE",
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
    refused = list(_refused_at_first(valid))
    if refused and not cleared:
        it = refused[0]
        yield it.finding("IV-OP-VALID", False, f"expected 200, got {it.answer}; no valid request was accepted at all")
        return
    yield from _blame(refused, cleared, contract)


def _refused_at_first(valid: Sequence[Observation]) -> Iterator[Observation]:
    """Yield the refused requests that no accepted one came before with the same traits: those are a matter of state."""
    accepted: set[frozenset[Trait]] = set()
    for it in valid:
        if it.accepted:
            accepted.add(it.appraisal.traits)
        elif it.exchange.batch is None and (it.drawn or it.appraisal.traits not in accepted):
            yield it


def _blame(refused: Sequence[Observation], cleared: set[Trait], contract: Contract) -> Iterator[Finding]:
    unexplained = {it.exchange.label: it for it in refused}
    blamed: set[Trait] = set()
    # First what a compliant server has to accept. A trait that it may refuse is a sufficient explanation, but only
    # where nothing else explains the refusal.
    for optional in (False, True):
        suspected = {label: _suspects(it, cleared, contract, optional) for label, it in unexplained.items()}
        while suspected := {
            label: suspects
            for label, suspects in suspected.items()
            if suspects and not unexplained[label].appraisal.traits & blamed
        }:
            most = _traits_of_most_refusals(suspected)
            for trait in most:
                shown = [unexplained[label] for label, suspects in suspected.items() if trait in suspects]
                # The plainest first: the first is what a report shows how to send again.
                shown.sort(key=lambda it: (len(it.appraisal.traits), _optional(it, contract)))
                yield from (_refusal(it, trait) for it in shown)
            blamed.update(most)
    for it in unexplained.values():
        if not it.appraisal.traits - cleared:
            message = f"a valid request: expected 200, got {it.answer}, though all that is in it is accepted elsewhere"
            yield it.finding("IV-OP-VALID", False, message)


def _optional(it: Observation, contract: Contract) -> int:
    """Return how many traits a request has that a compliant server may refuse."""
    return sum(contract.requirements[trait.requirement].level == "should" for trait in it.appraisal.traits)


def _suspects(it: Observation, cleared: set[Trait], contract: Contract, optional: bool) -> frozenset[Trait]:
    """Return the traits that may be why a request was refused.

    With `optional`, only those that a compliant server may refuse; without, none at all where there is one of them.
    """
    suspects = it.appraisal.traits - cleared
    # That a request is plain is the weakest explanation of all.
    specific = frozenset(trait for trait in suspects if trait.requirement != "IV-OP-VALID") or suspects
    may_be_refused = frozenset(it for it in specific if contract.requirements[it.requirement].level == "should")
    if optional:
        return may_be_refused
    return frozenset() if may_be_refused else specific


def _traits_of_most_refusals(suspected: Mapping[str, frozenset[Trait]]) -> list[Trait]:
    """Return the trait that explains the most refusals, with those that cannot be told apart from it."""
    refusals: dict[Trait, list[str]] = {}
    for label, suspects in suspected.items():
        for trait in suspects:
            refusals.setdefault(trait, []).append(label)
    most = max(refusals.values(), key=len)
    return sorted((trait for trait, labels in refusals.items() if labels == most), key=str)


def _refusal(it: Observation, trait: Trait) -> Finding:
    with_value = f" with {shortened(trait.value, 40)}" if trait.value else ""
    return it.finding(trait.requirement, False, f"a valid request{with_value}: expected 200, got {it.answer}")
