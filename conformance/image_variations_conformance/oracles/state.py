"""Judges whether requests influence each other, and whether the query string influences a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..contract.document import Contract
from .base import Finding, Observation, judges_run
from .images import MAX_RANK, ranks, repeated_images
from .summary import differences, summarize


@judges_run("IV-STATE-RECOVERS", "IV-STATE-INDEPENDENT")
def answers_do_not_depend_on_what_went_before(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """A repeated request is answered like before, also after requests that failed."""
    first: dict[object, Observation] = {}
    failed = False
    for observation in observations:
        failed = failed or (observation.untested is None and not observation.accepted)
        comparable = observation.is_alone and not observation.is_random
        if not comparable or observation.expectation.validity != "valid" or not observation.accepted:
            continue
        earlier = first.setdefault(observation.asks, observation)
        if earlier is observation:
            continue
        before, now = summarize(earlier), summarize(observation)
        how = "" if observation.input == earlier.input else " with another image"
        message = f"the request of {earlier.exchange.label}, sent again{how}: expected {before} as before, got {now}"
        if failed:
            yield observation.finding("IV-STATE-RECOVERS", True)
        yield observation.finding("IV-STATE-INDEPENDENT", before.matches(now), message)


@judges_run("IV-WIRE-QUERY")
def the_query_string_is_ignored(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """A form sent with other values in the query string is answered like the same form without a query string."""
    accepted = [
        observation
        for observation in observations
        if observation.expectation.requested is not None
        and observation.accepted
        and observation.exchange.concurrent_with is None
    ]
    plain = {
        observation.expectation.requested: observation
        for observation in accepted
        if "?" not in observation.exchange.request.target and not differences(observation)
    }
    for observation in accepted:
        model = plain.get(observation.expectation.requested)
        if "?" in observation.exchange.request.target and model is not None:
            expected, got = summarize(model), summarize(observation)
            message = f"expected {expected} as for {model.exchange.label} without a query, got {got}"
            yield observation.finding("IV-WIRE-QUERY", expected.matches(got), message)


@judges_run("IV-STATE-PARALLEL", "IV-STATE-CONNECTION")
def answers_do_not_depend_on_what_goes_on(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """An accepted request that is sent with others is answered like the same request sent alone."""
    alone = {
        observation.asks: observation
        for observation in observations
        if observation.is_alone and observation.expectation.validity == "valid" and observation.accepted
    }
    for observation in observations:
        model = alone.get(observation.asks)
        if observation.is_alone or not observation.accepted or model is None or observation.has_query:
            continue
        parallel = observation.exchange.concurrent_with is not None
        requirement = "IV-STATE-PARALLEL" if parallel else "IV-STATE-CONNECTION"
        how = "at the same time as others" if parallel else "on a kept connection"
        before, now = summarize(model), summarize(observation)
        message = f"{how}: expected {before} as for {model.exchange.label} alone, got {now}"
        yield observation.finding(requirement, before.matches(now), message)
    repeated = list(repeated_images(observations))
    for observation, earlier in repeated:
        connection = observation.exchange.connection
        if connection is not None and connection == earlier.exchange.connection:
            message = f"the image of {earlier.exchange.label}, which was sent on the same connection for another input"
            yield observation.finding("IV-STATE-CONNECTION", False, message)
    # Repeated images are reported by themselves.
    if not repeated:
        yield from _mixed_up(observations)


def _mixed_up(observations: Sequence[Observation]) -> Iterator[Finding]:
    """Yield a finding if images were returned to other requests than those that they were made for."""
    concurrent = [observation for observation in observations if observation.exchange.concurrent_with is not None]
    ranked = list(ranks(concurrent))
    if len(ranked) < 4:
        return
    # Mixed-up images can only be told if images resemble their own inputs when requests are sent alone.
    ranks_alone = [rank for _, rank in ranks([observation for observation in observations if observation.is_alone])]
    if len(ranks_alone) < 4 or sum(ranks_alone) / len(ranks_alone) > MAX_RANK / 2:
        return
    wrong = [observation for observation, rank in ranked if rank > MAX_RANK]
    if len(wrong) > len(ranked) / 4:
        message = (
            f"{len(concurrent)} concurrent requests: {len(wrong)} of {len(ranked)} images resemble the inputs of other "
            "requests more than their own"
        )
        yield wrong[0].finding("IV-STATE-PARALLEL", False, message)
