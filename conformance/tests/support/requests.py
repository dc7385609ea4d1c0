"""Helpers that build and classify requests, with a default target and the contract of the suite."""

from image_variations_conformance.cases.builder import Base, Builder
from image_variations_conformance.cases.case import Case
from image_variations_conformance.contract import document as contract
from image_variations_conformance.contract.document import Contract
from image_variations_conformance.contract.expectation import Expectation, classify
from image_variations_conformance.oracles import Observation, observe
from image_variations_conformance.wire.exchange import Exchange, Request
from image_variations_conformance.wire.target import Target

KEY = "sk-test-0123456789abcdef"
CONTRACT = contract.load()
TARGET = Target.parse("http://127.0.0.1:8000/v1", KEY)
SMALL = {"size": "256x256", "response_format": "b64_json"}
"""Fields of a request whose response is cheap."""


def builder(
    label: str = "a-test", seed: int = 1, target: Target = TARGET, base: Base | None = None, used: Contract = CONTRACT
) -> Builder:
    """Return the builder of the requests of one case."""
    return Builder.of(used, target, seed, label, base)


def classified(request: Request, api_key: str | None = KEY) -> Expectation:
    """Return the expectation of the contract for a request. `api_key` is the valid key; None: none is required."""
    return classify(request, CONTRACT, api_key)


def case(label: str, note: str, request: Request, target: Target = TARGET) -> Case:
    """Return a case that sends a request to a target, with its expectation."""
    return Case(label, note, request, classify(request, CONTRACT, target.api_key))


def observed(exchange: Exchange, api_key: str | None = KEY, contract: Contract = CONTRACT) -> Observation:
    """Return the observation of an exchange: the exchange with the expectation of its request."""
    return observe(exchange, classify(exchange.request, contract, api_key))
