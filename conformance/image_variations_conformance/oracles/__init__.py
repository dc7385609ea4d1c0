"""The oracles: pure functions from exchanges to findings. Each names the requirements it judges; `judge` runs them all.

No oracle does I/O, none knows who sent the request, and what it expects it reads off the request's bytes (appraisal).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..contract.document import Contract
from . import acceptance, answer, errors, images, links, refusal, state
from .base import EXCHANGE_ORACLES, RUN_ORACLES, Finding, Observation, observe
from .images import look_ahead
from .refusal import with_indiscriminate
from .state import with_shadows

__all__ = ["JUDGED", "Finding", "Observation", "judge", "look_ahead", "observe"]

_MODULES = (acceptance, answer, errors, images, links, refusal, state)

JUDGED = frozenset().union(*EXCHANGE_ORACLES.values(), *RUN_ORACLES.values())


def judge(
    observations: Sequence[Observation], contract: Contract, context: Sequence[Observation] = ()
) -> Iterator[Finding]:
    """Yield all findings on a run: of each exchange by itself, and of all together.

    With a context, what went before is taken into account, and not judged again.
    """
    together = with_indiscriminate(with_shadows([*context, *observations]))
    observations = together[len(context) :]
    yield from _untested(together, observations)
    for it in observations:
        for oracle in EXCHANGE_ORACLES:
            yield from oracle(it, contract)
    labels = {it.exchange.label for it in observations}
    for run_oracle in RUN_ORACLES:
        yield from (finding for finding in run_oracle(together, contract) if finding.label in labels)


def _untested(together: Sequence[Observation], observations: Sequence[Observation]) -> Iterator[Finding]:
    """Yield what was to be put to the test by requests that came to nothing, and by no other."""
    untested = [(it, it.untested) for it in observations if it.untested is not None]
    if not untested:
        return
    tested = {test for it in together if it.untested is None for test in it.appraisal.tests}
    for it, why in untested:
        for test in sorted(it.appraisal.tests - tested, key=str):
            yield it.not_tested(test.requirement, why)
