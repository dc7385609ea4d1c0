"""What one request does to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..appraisal import Trait
from ..contract import Contract
from .answer import items
from .base import Finding, Observation, judges_run
from .images import MAX_RANK, pictures, ranks

# What an answer is by its outside: status, number of items, their keys, and the sizes of the images.
Shape = tuple[int, int, frozenset[str], frozenset[str]]


def _shape(it: Observation) -> Shape:
    if it.response is None:
        return 0, 0, frozenset(), frozenset()
    found = items(it.response)
    sizes = frozenset(picture.size for _, picture in pictures(it))
    return it.response.status, len(found), frozenset(item.key for item in found), sizes


def _in_words(shape: Shape) -> str:
    status, count, keys, sizes = shape
    if status != 200:
        return str(status or "no answer")
    return f"{count} {'/'.join(sorted(keys)) or 'items'} of {', '.join(sorted(sizes)) or 'no readable size'}"


@judges_run("IV-STATE-RECOVERS", "IV-STATE-INDEPENDENT")
def answers_do_not_depend_on_what_went_before(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """The same request is answered alike, after errors too."""
    alone = [it for it in observations if it.exchange.batch is None and it.untested is None]
    first: dict[frozenset[Trait], tuple[int, Observation]] = {}
    for position, it in enumerate(alone):
        if it.appraisal.verdict != "valid":
            continue
        if it.appraisal.traits not in first:
            if it.accepted:
                first[it.appraisal.traits] = position, it
            continue
        since, earlier = first[it.appraisal.traits]
        after_error = any(between.response is None or not between.accepted for between in alone[since + 1 : position])
        before, now = _shape(earlier), _shape(it)
        message = f"the request of {earlier.exchange.label} again: first {_in_words(before)}, now {_in_words(now)}"
        if not it.accepted and after_error:
            yield it.finding("IV-STATE-RECOVERS", False, f"{message}, after requests that failed")
            return
        if after_error:
            yield it.finding("IV-STATE-RECOVERS", True)
        yield it.finding("IV-STATE-INDEPENDENT", before == now, message)


@judges_run("IV-STATE-PARALLEL")
def answers_do_not_depend_on_what_goes_on(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """A request among others at the same time is answered as it is alone."""
    alone = {
        it.appraisal.asked: it
        for it in observations
        if it.exchange.batch is None and it.appraisal.asked and it.accepted
    }
    batch = [it for it in observations if it.exchange.batch is not None and it.appraisal.asked is not None]
    for it in batch:
        if it.untested is not None:
            yield it.not_tested("IV-STATE-PARALLEL", it.untested)
            continue
        model = alone.get(it.appraisal.asked) if it.appraisal.asked is not None else None
        if model is None:
            continue
        before, now = _shape(model), _shape(it)
        expected = f"{_in_words(before)} as for {model.exchange.label} alone"
        message = f"{len(batch)} requests at once: expected {expected}, got {_in_words(now)}"
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
