"""The basis of oracles: observations, findings, and the registry of oracles with the requirements that each judges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from attrs import field, frozen

from ..contract.document import Contract
from ..contract.expectation import Expectation
from ..media.pictures import Picture, Unreadable, look
from ..wire.exchange import Exchange, Failure, Response
from ..wire.reasons import RateLimited, Reason
from .content import Content, read_content

State = Literal["holds", "contradicted", "unstable", "blocked"]

_MESSAGE_CHARACTERS = 300


@frozen
class Finding:
    """What one exchange shows of one item of the evidence of a requirement. `label` is that of the exchange's case.

    holds; contradicted: `message` says what was expected and what came; unstable: the same request had both outcomes;
    blocked: `reason` says what kept it from being seen. `twin` is the label of the accepted case that differs in
    nothing else, `company` the other items of the request. `reported_as` is the requirement under which the same defect
    is reported already.
    """

    requirement: str
    state: State
    message: str
    label: str
    item: str = ""
    reason: Reason | None = None
    twin: str | None = None
    company: tuple[str, ...] = ()
    reported_as: str | None = None


@frozen(eq=False)
class Observation:
    """An exchange, the expectation of its request, and the content of its response.

    `input` is the decoded image of a valid request. `blocked`: the response shows nothing about the request, for this
    reason. `is_random`: the request may have unknown features, so its outcome shows nothing about other requests with
    the same features. Requests with the same `key` ask for the same in the same way.
    """

    exchange: Exchange
    expectation: Expectation
    content: Content = field(factory=Content, repr=False)
    input: Picture | None = field(default=None, repr=False)
    blocked: Reason | None = None
    is_random: bool = False
    key: str | None = None

    @property
    def asks(self) -> object:
        """What tells whether two valid requests ask for the same in the same way."""
        return self.key or self.expectation.features

    @property
    def response(self) -> Response | None:
        """The response, or None."""
        return self.exchange.response

    @property
    def accepted(self) -> bool:
        """Whether the request was answered 2xx, with something else than an error."""
        response, document = self.exchange.response, self.content.document
        if response is None or not 200 <= response.status < 300:
            return False
        return not (isinstance(document, dict) and "error" in document and "data" not in document)

    @property
    def has_query(self) -> bool:
        """Whether the request has a query string, so that the response is only compared with that to one without."""
        return "?" in self.exchange.request.target

    @property
    def is_alone(self) -> bool:
        """Whether the request was neither sent at the same time as others nor on a connection that others used."""
        return self.exchange.concurrent_with is None and self.exchange.connection is None

    @property
    def limited(self) -> bool:
        """Whether the server refused every attempt because of a limit of the rate or of the account."""
        return is_limit(self.response)

    @property
    def untested(self) -> Reason | None:
        """Why the outcome does not show how the server treats the request, or None if it does."""
        if self.blocked is not None:
            return self.blocked
        return RateLimited() if self.limited else self.exchange.not_tested

    @property
    def answer(self) -> str:
        """The status, or the reason why there is no response, for messages."""
        outcome = self.exchange.outcome
        if isinstance(outcome, Response):
            return str(outcome.status)
        return f"no response ({outcome.message})" if isinstance(outcome, Failure) else "no response"

    def finding(self, requirement: str, ok: bool, message: str = "", item: str = "") -> Finding:
        """Return a finding: the requirement holds if `ok`, or else is contradicted as the message says.

        The message may quote the response, so it is made printable and cut to a maximum length here.
        """
        if ok:
            return Finding(requirement, "holds", "", self.exchange.label, item)
        text = shortened(message, _MESSAGE_CHARACTERS)
        return Finding(requirement, "contradicted", text, self.exchange.label, item)

    def not_tested(self, requirement: str, reason: Reason) -> Finding:
        """Return a finding that the requirement was kept from being seen, for a reason."""
        return Finding(requirement, "blocked", "", self.exchange.label, reason=reason)


def is_limit(response: Response | None) -> bool:
    """Return whether a response says that a limit of the rate or of the account is reached."""
    if response is None:
        return False
    return response.status in {402, 429} or (response.status == 503 and response.header("retry-after") is not None)


def observe(
    exchange: Exchange,
    expectation: Expectation,
    *,
    blocked: Reason | None = None,
    is_random: bool = False,
    key: str | None = None,
) -> Observation:
    """Return the observation of an exchange, with the response and the image of the request decoded."""
    sent = None
    if expectation.requested is not None and expectation.image is not None:
        try:
            sent = look(expectation.image)
        except Unreadable:
            sent = None
    return Observation(exchange, expectation, read_content(exchange), sent, blocked, is_random, key)


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
