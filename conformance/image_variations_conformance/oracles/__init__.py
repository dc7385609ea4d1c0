"""The oracles: pure functions from exchanges to findings. Each names the requirements it judges; `judge` runs them all.

No oracle does I/O, none knows who sent the request, and what it expects it reads off the request's bytes (appraisal).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..contract import Contract
from . import acceptance, answer, errors, images, links, refusal, state
from .base import EXCHANGE_ORACLES, RUN_ORACLES, Finding, Observation, observe

__all__ = ["JUDGED", "Finding", "Observation", "judge", "judge_exchange", "observe"]

_MODULES = (acceptance, answer, errors, images, links, refusal, state)

JUDGED = frozenset().union(*EXCHANGE_ORACLES.values(), *RUN_ORACLES.values())


def judge_exchange(it: Observation, contract: Contract) -> Iterator[Finding]:
    """Yield what one exchange shows by itself."""
    if it.untested is not None:
        for requirement in sorted(it.appraisal.requirements):
            yield it.not_tested(requirement, it.untested)
    for oracle in EXCHANGE_ORACLES:
        yield from oracle(it, contract)


def judge(observations: Sequence[Observation], contract: Contract) -> Iterator[Finding]:
    """Yield all findings of a run: of each exchange by itself, and of all together."""
    for it in observations:
        yield from judge_exchange(it, contract)
    for oracle in RUN_ORACLES:
        yield from oracle(observations, contract)
