"""Whether valid requests are accepted, and which requirement is to blame where one is not.

A valid request puts several requirements to use at once (its traits). Where the server refuses it, the traits that it
accepted elsewhere are cleared, and what remains is to blame; of several refusals the one with the fewest suspects is
explained first, so that one defect of the server is reported under one requirement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..appraisal import Trait
from ..contract import Contract
from .base import Finding, Observation, judges_run

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
    yield from _blame(_in_working_order(refused, observations), cleared, contract)


def _in_working_order(refused: Sequence[Observation], observations: Sequence[Observation]) -> list[Observation]:
    """Leave out what was refused while the server refused the plain request too, which it had accepted before.

    Such a refusal says nothing of the request; the oracles of state report it.
    """
    kept = []
    for it in refused:
        earlier = [
            other.accepted
            for other in observations[: observations.index(it) + 1]
            if Trait("IV-OP-VALID") in other.appraisal.traits and other.untested is None
        ]
        if not (any(earlier) and not earlier[-1]):
            kept.append(it)
    return kept


def _blame(refused: Sequence[Observation], cleared: set[Trait], contract: Contract) -> Iterator[Finding]:
    blamed: set[Trait] = set()
    for it in sorted(refused, key=lambda it: len(it.appraisal.traits - cleared)):
        suspects = it.appraisal.traits - cleared
        if suspects & blamed:
            continue
        # That the request as a whole is plain is the weakest explanation, and a trait that a compliant server may
        # refuse is a sufficient one.
        specific = {trait for trait in suspects if trait.requirement != "IV-OP-VALID"} or suspects
        optional = {trait for trait in specific if contract.requirements[trait.requirement].level == "should"}
        for trait in sorted(optional or specific, key=lambda trait: trait.requirement):
            blamed.add(trait)
            with_value = f" with {trait.value}" if trait.value else ""
            yield it.finding(trait.requirement, False, f"a valid request{with_value}: expected 200, got {it.answer}")
