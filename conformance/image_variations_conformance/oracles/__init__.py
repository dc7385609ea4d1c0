"""Oracles: pure functions from exchanges to findings. Each is registered for the requirements that it judges.

An oracle does no I/O and does not know who sent a request. What it expects is classified from the bytes of the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..contract.document import Contract
from . import acceptance, errors, images, links, refusal, response, state
from .base import EXCHANGE_ORACLES, RUN_ORACLES, Finding, Observation, observe
from .refusal import mark_rejects_everything
from .state import mark_server_down

__all__ = ["JUDGED", "Finding", "Observation", "judge", "observe"]

_MODULES = (acceptance, errors, images, links, refusal, response, state)

JUDGED = frozenset().union(*EXCHANGE_ORACLES.values(), *RUN_ORACLES.values())


def judge(
    observations: Sequence[Observation], contract: Contract, context: Sequence[Observation] = ()
) -> Iterator[Finding]:
    """Yield the findings of all oracles on the observations of a run.

    `context` are earlier observations. They are taken into account but not judged again.
    """
    all_observations = mark_rejects_everything(mark_server_down([*context, *observations]))
    observations = all_observations[len(context) :]
    yield from _untested(all_observations, observations)
    for observation in observations:
        for oracle in EXCHANGE_ORACLES:
            yield from oracle(observation, contract)
    labels = {observation.exchange.label for observation in observations}
    for run_oracle in RUN_ORACLES:
        yield from (finding for finding in run_oracle(all_observations, contract) if finding.label in labels)


def _untested(all_observations: Sequence[Observation], observations: Sequence[Observation]) -> Iterator[Finding]:
    """Yield a "not-tested" finding for each test of an untested observation that no other observation makes up for."""
    untested = [(observation, observation.untested) for observation in observations if observation.untested is not None]
    if not untested:
        return
    tested = {
        test
        for observation in all_observations
        if observation.untested is None
        for test in observation.expectation.tests
    }
    for observation, reason in untested:
        for test in sorted(observation.expectation.tests - tested, key=str):
            yield observation.not_tested(test.requirement, reason)
