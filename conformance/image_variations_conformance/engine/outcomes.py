"""Tells what came of a request, in the terms of the experiment."""

from __future__ import annotations

from ..cases.case import Case
from ..contract.document import Contract
from ..oracles.base import Observation
from ..oracles.refusal import refuses_framing, status_of
from ..wire.reasons import AnswerDiscarded, Limited
from .steps import Outcome


def outcome_of(observation: Observation, case: Case, contract: Contract) -> Outcome:
    """Return what came of a step of the experiment, whatever images the response has."""
    reason, status = observation.exchange.not_tested, status_of(observation)
    if reason is not None:
        unseen = isinstance(reason, Limited | AnswerDiscarded) or not observation.exchange.sent
        return "not-sent" if unseen else "refused"
    if status in {402, 429}:
        return "limited"
    if any(probe.open for probe in case.probes):
        if status == 503:
            return "unavailable"
        return "refused" if status >= 500 or status == 0 else "accepted" if observation.accepted else "declined"
    if observation.accepted:
        return "accepted"
    if refuses_framing(observation, contract):
        return "declined"
    return "unavailable" if status == 503 else "refused"
