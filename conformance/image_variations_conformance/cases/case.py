"""A case: one request of a run, with what the contract expects of its response."""

from __future__ import annotations

from attrs import frozen

from ..contract.expectation import Expectation
from ..wire.exchange import Request
from .builder import Base
from .probes import Probe

MOST_IMAGES = 100
"""The most images that a server may make for one request. More may be valid under a profile, but cost too much."""


@frozen
class Case:
    """One request of a run. `label` is its stable id, `note` describes it in a few words.

    `tests` are the ids of the requirements that the case was written for, `probes` what a valid request tries out.
    Cases with the same `concurrent_with` are sent at the same time, and those with the same `connection` one after the
    other on one kept connection. `base` is what a valid request has besides its probes. `is_random` marks requests
    whose valid features are not all known, `is_preparation` those that are not judged themselves.
    `code` makes a request again that was drawn at random.
    """

    label: str
    note: str
    request: Request
    expectation: Expectation
    tests: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()
    concurrent_with: str | None = None
    connection: str | None = None
    base: Base | None = None
    is_random: bool = False
    is_preparation: bool = False
    code: str = ""

    @property
    def image_count(self) -> int:
        """How many images a correct server makes for the request."""
        return self.expectation.image_count
