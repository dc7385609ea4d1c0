"""What one request does to another, and what must do nothing to a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from ..contract.document import Contract
from ..contract.expectation import Feature
from .base import Finding, Observation, judges_run
from .images import MAX_RANK, ranks
from .summary import summarize


def _asked_before(observations: Sequence[Observation]) -> Iterator[tuple[int, Observation, int]]:
    """Yield each valid request that repeats an accepted one: its position, itself, the position of the accepted one."""
    first: dict[frozenset[Feature], int] = {}
    for position, observation in enumerate(observations):
        comparable = observation.exchange.concurrent_with is None and not observation.is_random
        if observation.expectation.validity == "valid" and comparable and observation.untested is None:
            if observation.expectation.features in first:
                yield position, observation, first[observation.expectation.features]
            elif observation.accepted:
                first[observation.expectation.features] = position


def mark_server_down(observations: Sequence[Observation]) -> list[Observation]:
    """Mark what was asked while the server refused what it had accepted before, and so tells nothing by its failure.

    The first failure of such a spell stays as it is: it may well be what broke the server.
    """
    repeated = list(_asked_before(observations))
    known = {position: observation.accepted for position, observation, _ in repeated} | {
        first: True for _, _, first in repeated
    }
    server_down: set[int] = set()
    for position in (position for position, accepted in known.items() if not accepted):
        start = max(at for at, accepted in known.items() if accepted and at < position)
        end = min((at for at, accepted in known.items() if accepted and at > position), default=len(observations))
        failures = [at for at in range(start + 1, end) if _fails(observations[at])]
        server_down.update(at for at in failures[1:] if at not in known)
    return [
        observation
        if observation.server_down == (at in server_down)
        else evolve(observation, server_down=at in server_down)
        for at, observation in enumerate(observations)
    ]


def _fails(observation: Observation) -> bool:
    """Whether a request was answered as no working server answers it."""
    broken = observation.response is None or observation.response.status >= 500
    return broken or (observation.expectation.validity == "valid" and not observation.accepted)


@judges_run("IV-STATE-RECOVERS", "IV-STATE-INDEPENDENT")
def answers_do_not_depend_on_what_went_before(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """The same request is answered alike, after errors too."""
    for position, observation, since in _asked_before(observations):
        earlier = observations[since]
        after_error = any(not between.accepted for between in observations[since + 1 : position])
        before, now = summarize(earlier), summarize(observation)
        message = f"the request of {earlier.exchange.label} again: first {before}, now {now}"
        if not observation.accepted and after_error:
            yield observation.finding("IV-STATE-RECOVERS", False, f"{message}, after requests that failed")
            return
        if after_error:
            yield observation.finding("IV-STATE-RECOVERS", True)
        yield observation.finding("IV-STATE-INDEPENDENT", before.matches(now), message)


@judges_run("IV-WIRE-QUERY")
def the_query_string_is_ignored(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """A request whose query string says otherwise is answered by its form, as the same form without a query is."""
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
    """A request among others at the same time is answered as it is alone."""
    concurrent_with = [
        observation
        for observation in observations
        if observation.exchange.concurrent_with is not None and observation.expectation.requested is not None
    ]
    if not concurrent_with:
        return
    alone = {
        observation.expectation.features: observation
        for observation in observations
        if observation.exchange.concurrent_with is None
        and observation.expectation.validity == "valid"
        and observation.accepted
    }
    for observation in concurrent_with:
        if observation.untested is not None:
            yield observation.not_tested("IV-STATE-PARALLEL", observation.untested)
            continue
        model = alone.get(observation.expectation.features)
        if model is None:
            continue
        before, now = summarize(model), summarize(observation)
        expected = f"{before} as for {model.exchange.label} alone"
        message = f"{len(concurrent_with)} requests at once: expected {expected}, got {now}"
        yield observation.finding("IV-STATE-PARALLEL", before.matches(now), message)
    yield from _mixed_up(observations, concurrent_with)


def _mixed_up(observations: Sequence[Observation], concurrent_with: Sequence[Observation]) -> Iterator[Finding]:
    """Whether images came back to another request than the one they were made for."""
    apart = [
        rank
        for _, rank in ranks(
            [observation for observation in observations if observation.exchange.concurrent_with is None]
        )
    ]
    together = list(ranks(concurrent_with))
    # Only a server whose images resemble their inputs when it is asked alone can be seen to mix them up.
    if len(apart) < 4 or sum(apart) / len(apart) > MAX_RANK / 2 or len(together) < 4:
        return
    wrong = [observation for observation, rank in together if rank > MAX_RANK]
    if len(wrong) > len(together) / 4:
        message = f"{len(concurrent_with)} requests at once: {len(wrong)} of {len(together)} images look like another request's"
        yield wrong[0].finding("IV-STATE-PARALLEL", False, message)
