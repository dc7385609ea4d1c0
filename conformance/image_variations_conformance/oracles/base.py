"""What oracles are made of: observations in, findings out, and the registry that says who judges which requirement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from attrs import field, frozen

from ..contract.document import Contract
from ..contract.expectation import Appraisal, appraise
from ..wire.exchange import Exchange, Failure, Response
from ..wire.reasons import RateLimited, Reason, RejectsEverything, ServerDown

Outcome = Literal["pass", "fail", "not-tested"]

_MESSAGE_CHARACTERS = 500


@frozen
class Finding:
    """What one oracle says of one requirement, by one exchange.

    `message` says what was expected and what came, where the outcome is "fail"; `reason` says why there is nothing to
    say, where it is "not-tested".
    """

    requirement: str
    outcome: Outcome
    message: str
    label: str
    reason: Reason | None = None


@frozen(eq=False)
class Observation:
    """An exchange, and what the contract says of its request. Equal to itself alone."""

    exchange: Exchange
    appraisal: Appraisal
    # Whether the server had stopped working by then, so that its answer says nothing of this request.
    shadowed: bool = False
    # Whether the server accepts nothing, and answers this wrong request as it answers right ones.
    indiscriminate: bool = False
    # Whether the request was drawn at random, so that it may differ from those with the same traits in what no trait
    # says: what came of one such request tells nothing of the next.
    drawn: bool = False
    # The answer, or None where none came; and whether it is 200. As with exchanges.
    response: Response | None = field(init=False, repr=False)
    accepted: bool = field(init=False, repr=False)

    @response.default
    def _response(self) -> Response | None:
        return self.exchange.response

    @accepted.default
    def _accepted(self) -> bool:
        return self.response is not None and self.response.status == 200

    @property
    def compared(self) -> bool:
        """Whether the answer is held against that to the same request alone, and not against the request itself.

        So that a server that is wrong anyway is not blamed for parallel requests and query strings besides.
        """
        return self.exchange.batch is not None or "?" in self.exchange.request.target

    @property
    def limited(self) -> bool:
        """Whether the server turned the request away for its rate alone, to the end."""
        response = self.response
        return response is not None and response.status in {429, 503} and response.header("retry-after") is not None

    @property
    def untested(self) -> Reason | None:
        """Why this exchange says nothing of the server's judgement, or None where it does."""
        if self.shadowed:
            return ServerDown()
        if self.indiscriminate:
            return RejectsEverything(self.answer)
        if self.limited:
            return RateLimited()
        return self.exchange.not_tested

    @property
    def answer(self) -> str:
        """The answer in a few words, for messages."""
        outcome = self.exchange.outcome
        if isinstance(outcome, Response):
            return str(outcome.status)
        return f"no answer ({outcome.message})" if isinstance(outcome, Failure) else "no answer"

    def finding(self, requirement: str, ok: bool, message: str = "") -> Finding:
        """Return a finding on this exchange; the message is for the case that it is not ok.

        Whatever of the response an oracle put into the message, it becomes printable and of a bounded length here.
        """
        if ok:
            return Finding(requirement, "pass", "", self.exchange.label)
        return Finding(requirement, "fail", shortened(message, _MESSAGE_CHARACTERS), self.exchange.label)

    def not_tested(self, requirement: str, reason: Reason) -> Finding:
        """Return a finding that says why this exchange cannot tell."""
        return Finding(requirement, "not-tested", "", self.exchange.label, reason)


def observe(exchange: Exchange, contract: Contract, api_key: str | None, *, drawn: bool = False) -> Observation:
    """Return an exchange with the appraisal of its request, which may have been drawn at random."""
    return Observation(exchange, appraise(exchange.request, contract, api_key), drawn=drawn)


ExchangeOracle = Callable[[Observation, Contract], Iterator[Finding]]
RunOracle = Callable[[Sequence[Observation], Contract], Iterator[Finding]]

EXCHANGE_ORACLES: dict[ExchangeOracle, frozenset[str]] = {}
RUN_ORACLES: dict[RunOracle, frozenset[str]] = {}


def judges(*requirements: str) -> Callable[[ExchangeOracle], ExchangeOracle]:
    """Register an oracle that judges one exchange at a time, under these requirements and no others."""

    def register(oracle: ExchangeOracle) -> ExchangeOracle:
        EXCHANGE_ORACLES[oracle] = frozenset(requirements)
        return oracle

    return register


def judges_run(*requirements: str) -> Callable[[RunOracle], RunOracle]:
    """Register an oracle that needs all exchanges of a run at once, under these requirements and no others."""

    def register(oracle: RunOracle) -> RunOracle:
        RUN_ORACLES[oracle] = frozenset(requirements)
        return oracle

    return register


def shortened(value: object, characters: int = 80) -> str:
    """Return a value for a message: printable, on one line, and not longer than that."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text[:characters]
    )
    return text if len(text) < characters else f"{text[: characters - 1]}…"
