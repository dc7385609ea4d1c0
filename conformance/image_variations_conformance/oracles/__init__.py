"""Oracles: pure functions from exchanges to findings. Each is registered for the requirements that it judges.

An oracle does no I/O and does not know who sent a request. What it expects is classified from the bytes of the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..contract.document import Contract
from . import errors, images, links, refusal, response, secrets, state
from .base import EXCHANGE_ORACLES, RUN_ORACLES, Finding, Observation, observe

__all__ = ["JUDGED", "Finding", "Observation", "judge", "observe"]

_MODULES = (errors, images, links, refusal, response, secrets, state)

JUDGED = frozenset().union(*EXCHANGE_ORACLES.values(), *RUN_ORACLES.values())
"""The requirements that an oracle judges. The others are judged by the experiment: whether a feature is accepted."""


def judge(
    observations: Sequence[Observation], contract: Contract, context: Sequence[Observation] = ()
) -> Iterator[Finding]:
    """Yield the findings of all oracles on the observations of a run.

    `context` are earlier observations. They are taken into account but not judged again.
    """
    for observation in observations:
        for oracle in EXCHANGE_ORACLES:
            yield from oracle(observation, contract)
    labels = {observation.exchange.label for observation in observations}
    for run_oracle in RUN_ORACLES:
        yield from (finding for finding in run_oracle([*context, *observations], contract) if finding.label in labels)
