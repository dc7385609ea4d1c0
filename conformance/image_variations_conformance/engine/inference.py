"""Judges whether random valid requests are accepted, and which requirement is broken when one is refused.

A valid request has several features. If the server refuses it, the features that the server accepted in other requests
are cleared. Of the other features, the one that occurs in the most refused requests is blamed, and so on until all
refusals are explained. So one defect of the server is reported under one requirement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from ..contract.document import Contract
from ..contract.expectation import Feature
from ..contract.extensions import Statuses
from ..oracles import Finding, Observation, judge
from ..oracles.base import shortened
from ..wire.reasons import RejectsEverything, ServerDown

# Other oracles judge these by the content of the response, so a 200 alone is not a pass.
_JUDGED_BY_CONTENT = frozenset({"IV-N-DEFAULT", "IV-SIZE-DEFAULT", "IV-FORMAT-DEFAULT", "IV-WIRE-QUERY"})


ACCEPTANCE = frozenset(
    {
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
    }
)
"""The requirements that are blamed when a valid request is refused."""


def judge_random(
    observations: Sequence[Observation], contract: Contract, context: Sequence[Observation]
) -> Iterator[Finding]:
    """Yield the findings on random requests. `context` are earlier observations, which are not judged again."""
    marked = mark_rejects_everything(mark_server_down([*context, *observations]))
    labels = {observation.exchange.label for observation in observations}
    yield from judge(marked[len(context) :], contract, marked[: len(context)])
    yield from (finding for finding in valid_requests_are_accepted(marked, contract) if finding.label in labels)


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


def _repeated(observations: Sequence[Observation]) -> Iterator[tuple[int, Observation, int]]:
    """Yield each valid request with the features of an accepted one: its position, itself, the position of that one."""
    first: dict[frozenset[Feature], int] = {}
    for position, observation in enumerate(observations):
        comparable = observation.exchange.concurrent_with is None and not observation.is_random
        if observation.expectation.validity == "valid" and comparable and observation.untested is None:
            if observation.expectation.features in first:
                yield position, observation, first[observation.expectation.features]
            elif observation.accepted:
                first[observation.expectation.features] = position


def mark_server_down(observations: Sequence[Observation]) -> list[Observation]:
    """Mark requests that failed while the server was down, because such a failure shows nothing about the request.

    The server was down around a refused request that it had accepted before: after the last repeated request that it
    accepted, and before the next. The first failure in that time is not marked, because it may have broken the server.
    Nor are the repeated requests themselves.
    """
    repeated = list(_repeated(observations))
    accepted_at = {position: observation.accepted for position, observation, _ in repeated} | {
        first: True for _, _, first in repeated
    }
    server_down: set[int] = set()
    for position in (position for position, accepted in accepted_at.items() if not accepted):
        start = max(at for at, accepted in accepted_at.items() if accepted and at < position)
        end = min((at for at, accepted in accepted_at.items() if accepted and at > position), default=len(observations))
        failures = [at for at in range(start + 1, end) if _fails(observations[at])]
        server_down.update(at for at in failures[1:] if at not in accepted_at)
    return [
        observation
        if (observation.blocked is not None) == (at in server_down)
        else evolve(observation, blocked=ServerDown() if at in server_down else None)
        for at, observation in enumerate(observations)
    ]


def _fails(observation: Observation) -> bool:
    """Return whether a request failed as on a broken server: no response, 5xx, or a valid request refused."""
    broken = observation.response is None or observation.response.status >= 500
    return broken or (observation.expectation.validity == "valid" and not observation.accepted)


def mark_rejects_everything(observations: Sequence[Observation]) -> list[Observation]:
    """Mark the invalid requests with the same status as a valid one, if the server accepts no valid request.

    Such a status does not show that the server checked the request: a server that lacks the operation does not check
    the image, and a server that refuses all keys does not check the key.
    """
    valid = [
        observation
        for observation in observations
        if observation.expectation.validity == "valid" and observation.untested is None
    ]
    if any(observation.accepted for observation in valid):
        return list(observations)
    statuses = {_status(observation) for observation in valid}
    return [
        evolve(observation, blocked=RejectsEverything(observation.answer))
        if observation.expectation.validity == "invalid"
        and observation.untested is None
        and _status(observation) in statuses
        else observation
        for observation in observations
    ]


def _status(observation: Observation) -> int:
    return observation.response.status if observation.response is not None else 0
