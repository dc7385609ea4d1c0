"""Requests for the tests: the target they go to, the contract they are appraised by, and their making."""

from image_variations_conformance.cases.case import Builder
from image_variations_conformance.contract import document as contract
from image_variations_conformance.contract.expectation import Appraisal, appraise
from image_variations_conformance.wire.exchange import Request
from image_variations_conformance.wire.target import Target

KEY = "sk-test-0123456789abcdef"
CONTRACT = contract.load()
TARGET = Target.parse("http://127.0.0.1:8000/v1", KEY)


def builder(label: str = "a-test", seed: int = 1, target: Target = TARGET) -> Builder:
    """Return the builder for one case."""
    return Builder.of(target, seed, label)


def appraised(request: Request, api_key: str | None = KEY) -> Appraisal:
    """Return what the contract says of a request."""
    return appraise(request, CONTRACT, api_key)
