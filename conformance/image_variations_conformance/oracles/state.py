"""What one request does to another, and what must do nothing to a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from ..contract.document import Contract
from ..contract.expectation import Trait
from .base import Finding, Observation, judges_run
from .images import MAX_RANK, ranks
from .shape import shape


def _asked_before(observations: Sequence[Observation]) -> Iterator[tuple[int, Observation, int]]:
    """Yield each valid request that repeats an accepted one: its position, itself, the position of the accepted one."""
    first: dict[frozenset[Trait], int] = {}
    for position, it in enumerate(observations):
        comparable = it.exchange.batch is None and not it.drawn
        if it.appraisal.verdict == "valid" and comparable and it.untested is None:
            if it.appraisal.traits in first:
                yield position, it, first[it.appraisal.traits]
            elif it.accepted:
                first[it.appraisal.traits] = position


def with_shadows(observations: Sequence[Observation]) -> list[Observation]:
    """Mark what was asked while the server refused what it had accepted before, and so tells nothing by its failure.

    The first failure of such a spell stays as it is: it may well be what broke the server.
    """
    repeated = list(_asked_before(observations))
    known = {position: it.accepted for position, it, _ in repeated} | {first: True for _, _, first in repeated}
    shadowed: set[int] = set()
    for position in (position for position, accepted in known.items() if not accepted):
        start = max(at for at, accepted in known.items() if accepted and at < position)
        end = min((at for at, accepted in known.items() if accepted and at > position), default=len(observations))
        failures = [at for at in range(start + 1, end) if _fails(observations[at])]
        shadowed.update(at for at in failures[1:] if at not in known)
    return [
        it if it.shadowed == (at in shadowed) else evolve(it, shadowed=at in shadowed)
        for at, it in enumerate(observations)
    ]


def _fails(it: Observation) -> bool:
    """Whether a request was answered as no working server answers it."""
    broken = it.response is None or it.response.status >= 500
    return broken or (it.appraisal.verdict == "valid" and not it.accepted)


@judges_run("IV-STATE-RECOVERS", "IV-STATE-INDEPENDENT")
def answers_do_not_depend_on_what_went_before(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """The same request is answered alike, after errors too."""
    for position, it, since in _asked_before(observations):
        earlier = observations[since]
        after_error = any(not between.accepted for between in observations[since + 1 : position])
        before, now = shape(earlier), shape(it)
        message = f"the request of {earlier.exchange.label} again: first {before}, now {now}"
        if not it.accepted and after_error:
            yield it.finding("IV-STATE-RECOVERS", False, f"{message}, after requests that failed")
            return
        if after_error:
            yield it.finding("IV-STATE-RECOVERS", True)
        yield it.finding("IV-STATE-INDEPENDENT", before == now, message)


@judges_run("IV-WIRE-QUERY")
def the_query_string_is_ignored(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """A request whose query string says otherwise is answered by its form, as the same form without a query is."""
    accepted = [
        it for it in observations if it.appraisal.asked is not None and it.accepted and it.exchange.batch is None
    ]
    plain = {it.appraisal.asked: it for it in accepted if "?" not in it.exchange.request.target}
    for it in accepted:
        model = plain.get(it.appraisal.asked)
        if "?" in it.exchange.request.target and model is not None:
            expected, got = shape(model), shape(it)
            message = f"expected {expected} as for {model.exchange.label} without a query, got {got}"
            yield it.finding("IV-WIRE-QUERY", expected == got, message)


@judges_run("IV-STATE-PARALLEL")
def answers_do_not_depend_on_what_goes_on(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """A request among others at the same time is answered as it is alone."""
    batch = [it for it in observations if it.exchange.batch is not None and it.appraisal.asked is not None]
    if not batch:
        return
    alone = {
        it.appraisal.traits: it
        for it in observations
        if it.exchange.batch is None and it.appraisal.verdict == "valid" and it.accepted
    }
    for it in batch:
        if it.untested is not None:
            yield it.not_tested("IV-STATE-PARALLEL", it.untested)
            continue
        model = alone.get(it.appraisal.traits)
        if model is None:
            continue
        before, now = shape(model), shape(it)
        expected = f"{before} as for {model.exchange.label} alone"
        message = f"{len(batch)} requests at once: expected {expected}, got {now}"
        yield it.finding("IV-STATE-PARALLEL", before == now, message)
    yield from _mixed_up(observations, batch)


def _mixed_up(observations: Sequence[Observation], batch: Sequence[Observation]) -> Iterator[Finding]:
    """Whether images came back to another request than the one they were made for."""
    apart = [rank for _, rank in ranks([it for it in observations if it.exchange.batch is None])]
    together = list(ranks(batch))
    # Only a server whose images resemble their inputs when it is asked alone can be seen to mix them up.
    if len(apart) < 4 or sum(apart) / len(apart) > MAX_RANK / 2 or len(together) < 4:
        return
    wrong = [it for it, rank in together if rank > MAX_RANK]
    if len(wrong) > len(together) / 4:
        message = f"{len(batch)} requests at once: {len(wrong)} of {len(together)} images look like another request's"
        yield wrong[0].finding("IV-STATE-PARALLEL", False, message)
