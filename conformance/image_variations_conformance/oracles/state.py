"""Judges whether requests influence each other, and whether the query string influences a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from ..contract.document import Contract
from ..contract.expectation import Feature
from .base import Finding, Observation, judges_run
from .images import MAX_RANK, ranks
from .summary import summarize


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
        if observation.server_down == (at in server_down)
        else evolve(observation, server_down=at in server_down)
        for at, observation in enumerate(observations)
    ]


def _fails(observation: Observation) -> bool:
    """Return whether a request failed as on a broken server: no response, 5xx, or a valid request refused."""
    broken = observation.response is None or observation.response.status >= 500
    return broken or (observation.expectation.validity == "valid" and not observation.accepted)


@judges_run("IV-STATE-RECOVERS", "IV-STATE-INDEPENDENT")
def answers_do_not_depend_on_what_went_before(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """A repeated request is answered like before, also after requests that failed."""
    for position, observation, since in _repeated(observations):
        earlier = observations[since]
        after_error = any(not between.accepted for between in observations[since + 1 : position])
        before, now = summarize(earlier), summarize(observation)
        message = f"the request of {earlier.exchange.label}, sent again: expected {before} as before, got {now}"
        if not observation.accepted and after_error:
            yield observation.finding("IV-STATE-RECOVERS", False, f"{message}, after requests that failed")
            return
        if after_error:
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
        if "?" not in observation.exchange.request.target
    }
    for observation in accepted:
        model = plain.get(observation.expectation.requested)
        if "?" in observation.exchange.request.target and model is not None:
            expected, got = summarize(model), summarize(observation)
            message = f"expected {expected} as for {model.exchange.label} without a query, got {got}"
            yield observation.finding("IV-WIRE-QUERY", expected.matches(got), message)


@judges_run("IV-STATE-PARALLEL")
def answers_do_not_depend_on_what_goes_on(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """A request that is sent concurrently with others is answered like the same request sent alone."""
    concurrent = [
        observation
        for observation in observations
        if observation.exchange.concurrent_with is not None and observation.expectation.requested is not None
    ]
    if not concurrent:
        return
    alone = {
        observation.expectation.features: observation
        for observation in observations
        if observation.exchange.concurrent_with is None
        and observation.expectation.validity == "valid"
        and observation.accepted
    }
    for observation in concurrent:
        if observation.untested is not None:
            yield observation.not_tested("IV-STATE-PARALLEL", observation.untested)
            continue
        model = alone.get(observation.expectation.features)
        if model is None:
            continue
        before, now = summarize(model), summarize(observation)
        expected = f"{before} as for {model.exchange.label} alone"
        message = f"{len(concurrent)} concurrent requests: expected {expected}, got {now}"
        yield observation.finding("IV-STATE-PARALLEL", before.matches(now), message)
    yield from _mixed_up(observations, concurrent)


def _mixed_up(observations: Sequence[Observation], concurrent: Sequence[Observation]) -> Iterator[Finding]:
    """Yield a finding if images were returned to other requests than those that they were made for."""
    ranks_alone = [
        rank
        for _, rank in ranks(
            [observation for observation in observations if observation.exchange.concurrent_with is None]
        )
    ]
    ranked = list(ranks(concurrent))
    # Mixed-up images can only be told if images resemble their own inputs when requests are sent alone.
    if len(ranks_alone) < 4 or sum(ranks_alone) / len(ranks_alone) > MAX_RANK / 2 or len(ranked) < 4:
        return
    wrong = [observation for observation, rank in ranked if rank > MAX_RANK]
    if len(wrong) > len(ranked) / 4:
        message = (
            f"{len(concurrent)} concurrent requests: {len(wrong)} of {len(ranked)} images resemble the inputs of other "
            "requests more than their own"
        )
        yield wrong[0].finding("IV-STATE-PARALLEL", False, message)
