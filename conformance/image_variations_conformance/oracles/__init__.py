"""The oracles: pure functions from exchanges to findings. Each names the requirements it judges; `judge` runs them all.

No oracle does I/O, none knows who sent the request, and what it expects it reads off the request's bytes (expectation).
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
    """Yield all findings on a run: of each exchange by itself, and of all together.

    With a context, what went before is taken into account, and not judged again.
    """
    together = mark_rejects_everything(mark_server_down([*context, *observations]))
    observations = together[len(context) :]
    yield from _untested(together, observations)
    for observation in observations:
        for oracle in EXCHANGE_ORACLES:
            yield from oracle(observation, contract)
    labels = {observation.exchange.label for observation in observations}
    for run_oracle in RUN_ORACLES:
        yield from (finding for finding in run_oracle(together, contract) if finding.label in labels)


def _untested(together: Sequence[Observation], observations: Sequence[Observation]) -> Iterator[Finding]:
    """Yield what was to be put to the test by requests that came to nothing, and by no other."""
    untested = [(observation, observation.untested) for observation in observations if observation.untested is not None]
    if not untested:
        return
    tested = {
        test for observation in together if observation.untested is None for test in observation.expectation.tests
    }
    for observation, why in untested:
        for test in sorted(observation.expectation.tests - tested, key=str):
            yield observation.not_tested(test.requirement, why)
