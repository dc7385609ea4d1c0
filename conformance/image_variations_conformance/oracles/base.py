"""The basis of oracles: observations, findings, and the registry of oracles with the requirements that each judges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from attrs import field, frozen

from ..contract.document import Contract
from ..contract.expectation import Expectation
from ..media.pictures import Picture, Unreadable, look
from ..wire.exchange import Exchange, Failure, Response
from ..wire.reasons import RateLimited, Reason, RejectsEverything, ServerDown
from .content import Content, read_content

FindingResult = Literal["pass", "fail", "not-tested"]

_MESSAGE_CHARACTERS = 500


@frozen
class Finding:
    """The result of one oracle for one requirement and one exchange, whose case is `label`.

    For "fail", `message` says what was expected and what came; for "not-tested", `reason` is set.
    """

    requirement: str
    result: FindingResult
    message: str
    label: str
    reason: Reason | None = None


@frozen(eq=False)
class Observation:
    """An exchange, the expectation of its request, and the content of its response.

    `input` is the decoded image of a valid request. `server_down`: the server was down, so its response shows nothing
    about this request. `rejects_everything`: the server accepts no valid request, and answers this invalid one like a
    valid one. `is_random`: the request may have unknown features, so its outcome shows nothing about other requests
    with the same features.
    """

    exchange: Exchange
    expectation: Expectation
    content: Content = field(factory=Content, repr=False)
    input: Picture | None = field(default=None, repr=False)
    server_down: bool = False
    rejects_everything: bool = False
    is_random: bool = False

    @property
    def response(self) -> Response | None:
        """The response, or None."""
        return self.exchange.response

    @property
    def accepted(self) -> bool:
        """Whether the request was answered 200."""
        return self.exchange.response is not None and self.exchange.response.status == 200

    @property
    def differential_only(self) -> bool:
        """Whether the response is only compared with that to the same request sent alone.

        Otherwise a server that is wrong anyway would be blamed for parallel requests and query strings, too.
        """
        return self.exchange.concurrent_with is not None or "?" in self.exchange.request.target

    @property
    def rate_limited(self) -> bool:
        """Whether the server rejected every attempt because of its rate limit."""
        response = self.response
        return response is not None and response.status in {429, 503} and response.header("retry-after") is not None

    @property
    def untested(self) -> Reason | None:
        """Why the outcome does not show how the server treats the request, or None if it does."""
        if self.server_down:
            return ServerDown()
        if self.rejects_everything:
            return RejectsEverything(self.answer)
        if self.rate_limited:
            return RateLimited()
        return self.exchange.not_tested

    @property
    def answer(self) -> str:
        """The status, or the reason why there is no response, for messages."""
        outcome = self.exchange.outcome
        if isinstance(outcome, Response):
            return str(outcome.status)
        return f"no response ({outcome.message})" if isinstance(outcome, Failure) else "no response"

    def finding(self, requirement: str, ok: bool, message: str = "") -> Finding:
        """Return a "pass" finding if `ok`, or else a "fail" finding with the message.

        The message may quote the response, so it is made printable and cut to a maximum length here.
        """
        if ok:
            return Finding(requirement, "pass", "", self.exchange.label)
        return Finding(requirement, "fail", shortened(message, _MESSAGE_CHARACTERS), self.exchange.label)

    def not_tested(self, requirement: str, reason: Reason) -> Finding:
        """Return a "not-tested" finding for a reason."""
        return Finding(requirement, "not-tested", "", self.exchange.label, reason)


def observe(exchange: Exchange, expectation: Expectation, *, is_random: bool = False) -> Observation:
    """Return the observation of an exchange, with the response and the image of the request decoded."""
    sent = None
    if expectation.requested is not None and expectation.image is not None:
        try:
            sent = look(expectation.image)
        except Unreadable:
            sent = None
    return Observation(exchange, expectation, read_content(exchange), sent, is_random=is_random)


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
    """Register an oracle that needs all exchanges of a run, under these requirements and no others."""

    def register(oracle: RunOracle) -> RunOracle:
        RUN_ORACLES[oracle] = frozenset(requirements)
        return oracle

    return register


def shortened(value: object, characters: int = 80) -> str:
    """Return the text of a value for a message: printable, on one line, with at most `characters` characters."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text[:characters]
    )
    return text if len(text) < characters else f"{text[: characters - 1]}…"
