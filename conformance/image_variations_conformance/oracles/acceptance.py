"""Whether valid requests are accepted, and which requirement is to blame where one is not.

A valid request exercises several requirements (its features). Where the server refuses it, the features that it accepted
elsewhere are cleared, and of the rest the feature that explains the most refusals is to blame, and so on until all are
explained: one defect of the server is reported under one requirement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..contract.document import Contract
from ..contract.expectation import Feature
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
    valid = [
        observation
        for observation in observations
        if observation.expectation.validity == "valid" and observation.untested is None
    ]
    cleared: set[Feature] = set().union(
        *(observation.expectation.features for observation in valid if observation.accepted)
    )
    for observation in valid:
        if observation.accepted:
            passed = {feature.requirement for feature in observation.expectation.features} - _JUDGED_BY_THE_ANSWER
            yield from (observation.finding(requirement, True) for requirement in sorted(passed))
    refused = list(_refused_at_first(valid))
    if refused and not cleared:
        observation = refused[0]
        yield observation.finding(
            "IV-OP-VALID", False, f"expected 200, got {observation.answer}; no valid request was accepted at all"
        )
        return
    yield from _blame(refused, cleared, contract)


def _refused_at_first(valid: Sequence[Observation]) -> Iterator[Observation]:
    """Yield the refused requests, but for those after an accepted one with the same features: that is a matter of state."""
    accepted: set[frozenset[Feature]] = set()
    for observation in valid:
        if observation.accepted:
            accepted.add(observation.expectation.features)
        elif observation.exchange.concurrent_with is None and (
            observation.is_random or observation.expectation.features not in accepted
        ):
            yield observation


def _blame(refused: Sequence[Observation], cleared: set[Feature], contract: Contract) -> Iterator[Finding]:
    unexplained = {observation.exchange.label: observation for observation in refused}
    blamed: set[Feature] = set()
    # First what a compliant server has to accept. A feature that it may refuse is a sufficient explanation, but only
    # where nothing else explains the refusal.
    for optional in (False, True):
        suspected = {
            label: _suspects(observation, cleared, contract, optional) for label, observation in unexplained.items()
        }
        while suspected := {
            label: suspects
            for label, suspects in suspected.items()
            if suspects and not unexplained[label].expectation.features & blamed
        }:
            most = _traits_of_most_refusals(suspected)
            for feature in most:
                shown = [unexplained[label] for label, suspects in suspected.items() if feature in suspects]
                # The plainest first: the first is what a report shows how to send again.
                shown.sort(
                    key=lambda observation: (len(observation.expectation.features), _optional(observation, contract))
                )
                yield from (_refusal(observation, feature) for observation in shown)
            blamed.update(most)
    for observation in unexplained.values():
        if not observation.expectation.features - cleared:
            message = f"a valid request: expected 200, got {observation.answer}, though all that is in it is accepted elsewhere"
            yield observation.finding("IV-OP-VALID", False, message)


def _optional(observation: Observation, contract: Contract) -> int:
    """Return how many features a request has that a compliant server may refuse."""
    return sum(
        contract.requirements[feature.requirement].level == "should" for feature in observation.expectation.features
    )


def _suspects(
    observation: Observation, cleared: set[Feature], contract: Contract, optional: bool
) -> frozenset[Feature]:
    """Return the features that may be why a request was refused.

    With `optional`, only those that a compliant server may refuse; without, none at all where there is one of them.
    """
    suspects = observation.expectation.features - cleared
    # That a request is plain is the weakest explanation of all.
    specific = frozenset(feature for feature in suspects if feature.requirement != "IV-OP-VALID") or suspects
    may_be_refused = frozenset(
        observation for observation in specific if contract.requirements[observation.requirement].level == "should"
    )
    if optional:
        return may_be_refused
    return frozenset() if may_be_refused else specific


def _traits_of_most_refusals(suspected: Mapping[str, frozenset[Feature]]) -> list[Feature]:
    """Return the feature that explains the most refusals, with those that cannot be told apart from it."""
    refusals: dict[Feature, list[str]] = {}
    for label, suspects in suspected.items():
        for feature in suspects:
            refusals.setdefault(feature, []).append(label)
    most = max(refusals.values(), key=len)
    return sorted((feature for feature, labels in refusals.items() if labels == most), key=str)


def _refusal(observation: Observation, feature: Feature) -> Finding:
    with_value = f" with {shortened(feature.value, 40)}" if feature.value else ""
    return observation.finding(
        feature.requirement, False, f"a valid request{with_value}: expected 200, got {observation.answer}"
    )
