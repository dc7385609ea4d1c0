"""Judges whether valid requests are accepted, and which requirement is broken when one is refused.

A valid request has several features. If the server refuses it, the features that the server accepted in other requests
are cleared. Of the other features, the one that occurs in the most refused requests is blamed, and so on until all
refusals are explained. So one defect of the server is reported under one requirement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..contract.document import Contract
from ..contract.expectation import Feature
from ..contract.extensions import Statuses
from .base import Finding, Observation, judges_run, shortened

# Other oracles judge these by the content of the response, so a 200 alone is not a pass.
_JUDGED_BY_CONTENT = frozenset({"IV-N-DEFAULT", "IV-SIZE-DEFAULT", "IV-FORMAT-DEFAULT", "IV-WIRE-QUERY"})


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
            passed = {feature.requirement for feature in observation.expectation.features} - _JUDGED_BY_CONTENT
            yield from (observation.finding(requirement, True) for requirement in sorted(passed))
    chunked = contract.statuses("chunked-body")
    for observation in (observation for observation in valid if _is_allowed_refusal(observation, chunked)):
        yield observation.finding("IV-WIRE-CHUNKED", True)
    valid = [observation for observation in valid if not _is_allowed_refusal(observation, chunked)]
    refused = list(_refusals_to_judge(valid))
    if refused and not cleared:
        observation = refused[0]
        yield observation.finding(
            "IV-OP-VALID", False, f"expected 200, got {observation.answer}; no valid request was accepted at all"
        )
        return
    yield from _blame(refused, cleared, contract)


def _is_allowed_refusal(observation: Observation, chunked: Statuses) -> bool:
    """Return whether a server may refuse the request with its status, because the body is chunked."""
    response = observation.response
    return observation.exchange.request.chunked and response is not None and chunked.allows(response.status)


def _refusals_to_judge(valid: Sequence[Observation]) -> Iterator[Observation]:
    """Yield the refused requests that are judged here.

    Concurrent requests, and requests with the features of one that was accepted before, are judged by `state`. Random
    requests are always judged here, because they may have other features than those known.
    """
    accepted: set[frozenset[Feature]] = set()
    for observation in valid:
        if observation.accepted:
            accepted.add(observation.expectation.features)
        elif observation.exchange.concurrent_with is None and (
            observation.is_random or observation.expectation.features not in accepted
        ):
            yield observation


def _blame(refused: Sequence[Observation], cleared: set[Feature], contract: Contract) -> Iterator[Finding]:
    """Yield a finding on each feature that is blamed for refusals, for each request that it explains."""
    unexplained = {observation.exchange.label: observation for observation in refused}
    blamed: set[Feature] = set()
    # First the requests without suspects that a compliant server may refuse. Such a suspect is a sufficient explanation
    # of a refusal, unless a feature that is already blamed explains it, too.
    for optional in (False, True):
        suspected = {
            label: _suspects(observation, cleared, contract, optional) for label, observation in unexplained.items()
        }
        while suspected := {
            label: suspects
            for label, suspects in suspected.items()
            if suspects and not unexplained[label].expectation.features & blamed
        }:
            blamed_now = _most_frequent_suspects(suspected)
            for feature in blamed_now:
                explained = [unexplained[label] for label, suspects in suspected.items() if feature in suspects]
                # The simplest request comes first, because reports show how to repeat the first one.
                explained.sort(
                    key=lambda observation: (
                        len(observation.expectation.features),
                        _count_optional_features(observation, contract),
                    )
                )
                yield from (_refusal_finding(observation, feature) for observation in explained)
            blamed.update(blamed_now)
    for observation in unexplained.values():
        if not observation.expectation.features - cleared:
            message = (
                f"a valid request: expected 200, got {observation.answer}, "
                "though all its features were accepted in other requests"
            )
            yield observation.finding("IV-OP-VALID", False, message)


def _count_optional_features(observation: Observation, contract: Contract) -> int:
    """Return how many features of a request a compliant server may refuse."""
    return sum(
        contract.requirements[feature.requirement].level == "should" for feature in observation.expectation.features
    )


def _suspects(
    observation: Observation, cleared: set[Feature], contract: Contract, optional: bool
) -> frozenset[Feature]:
    """Return the features of a refused request that may explain the refusal.

    With `optional`, these are those that a compliant server may refuse. Without it, these are all, but none if one of
    them may be refused.
    """
    suspects = observation.expectation.features - cleared
    # IV-OP-VALID, that the request has an image alone, is only suspected if nothing else is.
    specific = frozenset(feature for feature in suspects if feature.requirement != "IV-OP-VALID") or suspects
    may_be_refused = frozenset(
        feature for feature in specific if contract.requirements[feature.requirement].level == "should"
    )
    if optional:
        return may_be_refused
    return frozenset() if may_be_refused else specific


def _most_frequent_suspects(suspected: Mapping[str, frozenset[Feature]]) -> list[Feature]:
    """Return the feature that is suspected in the most requests, and all others suspected in the same requests."""
    refusals: dict[Feature, list[str]] = {}
    for label, suspects in suspected.items():
        for feature in suspects:
            refusals.setdefault(feature, []).append(label)
    labels_of_most = max(refusals.values(), key=len)
    return sorted((feature for feature, labels in refusals.items() if labels == labels_of_most), key=str)


def _refusal_finding(observation: Observation, feature: Feature) -> Finding:
    with_value = f" with {shortened(feature.value, 40)}" if feature.value else ""
    return observation.finding(
        feature.requirement, False, f"a valid request{with_value}: expected 200, got {observation.answer}"
    )
