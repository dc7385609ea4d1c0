"""The requests of an experiment, what comes of them, and what they show."""

from __future__ import annotations

from collections.abc import Generator
from typing import Literal, TypeAlias, TypeVar

from attrs import frozen

from ..cases.builder import Base
from ..cases.probes import Probe
from ..oracles.base import State
from .packs import images

Outcome = Literal["accepted", "refused", "wrong", "declined", "limited", "unavailable", "not-sent"]
"""What came of a request.

accepted: 2xx with an item. wrong: 2xx with other images than those requested. declined: 4xx where the contract is
silent, or to a chunked body or an expectation, which a server may refuse. limited: 429 or 402. unavailable: 503.
not-sent: no budget, or the run has ended. refused: anything else.
"""
MADE_IMAGES = frozenset({"accepted", "wrong"})
LAST = ""
STABLE = "stable"
"""The item of what the same request was answered differently."""
PLAIN_AGAIN = "plain-at-the-end"
"""The label of the first accepted request when it is sent once more at the end, and the item of what that shows."""
ASKING = frozenset({"n", "size", "response_format"})
"""The axes of the probes that say which images are requested."""


@frozen
class Step:
    """One request to send: a base with probes, after a wait in seconds. Some have a label of their own.

    `narrowing` ones are sent to explain a refusal. `resend` sends the request of a case again instead, by its label, or
    where that is LAST the latest request before the control. Steps of one `group` are sent at the same time, those of
    one `connection` one after the other on a kept connection.
    """

    base: Base
    probes: tuple[Probe, ...] = ()
    wait_seconds: float = 0.0
    narrowing: bool = False
    group: str | None = None
    connection: str | None = None
    label: str = ""
    resend: str | None = None

    @property
    def images(self) -> int:
        """How many images the request costs if it is accepted."""
        return images(self.probes)

    @property
    def alone(self) -> bool:
        """Whether no other request has a part in the outcome, as far as can be seen."""
        return self.group is None and self.connection is None and self.resend is None


@frozen
class Result:
    """What the experiment says of one item of one requirement.

    `steps` are the positions of the steps that show it, the clearest first; `twin` is that of the accepted request that
    differs in nothing else, and `company` are the other probes of the request.
    """

    requirement: str
    item: str
    state: State
    steps: tuple[int, ...]
    twin: int | None = None
    company: tuple[Probe, ...] = ()


R = TypeVar("R")
Sending: TypeAlias = Generator[tuple[Step, ...], tuple[Outcome, ...], R]
"""Yields the next requests, is sent their outcomes, and returns a result."""
