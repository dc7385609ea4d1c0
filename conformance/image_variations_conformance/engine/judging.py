"""Judges exchanges. This needs neither a plan nor a target, so recorded traffic can be judged as well."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

from ..cases.case import Case
from ..contract.document import Contract
from ..oracles import Finding, Observation, judge, observe
from ..wire.exchange import Exchange


@frozen
class Judged:
    """The observations of some exchanges, and all findings on them."""

    observations: tuple[Observation, ...] = field(repr=False)
    findings: tuple[Finding, ...] = field(repr=False)


def judge_cases(cases: Sequence[Case], exchanges: Sequence[Exchange], contract: Contract) -> Judged:
    """Judge the exchanges of cases and of their parts."""
    by_label = {each.label: each for case in cases for each in (case, *case.parts)}
    observations = tuple(
        observe(exchange, by_label[exchange.label].expectation, is_random=by_label[exchange.label].is_random)
        for exchange in exchanges
    )
    return Judged(observations, tuple(judge(observations, contract)))
