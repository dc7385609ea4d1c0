"""Profiles and effective contracts for tests."""

from typing import Any

from image_variations_conformance.contract.document import Contract, load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.profile import EMPTY, Profile


def declared(**keys: Any) -> Profile:
    """Return a profile with these declarations, all at one place."""
    profile = EMPTY
    for key, value in keys.items():
        profile = profile.with_declared(key, value, "a test")
    return profile


def effective(**keys: Any) -> Contract:
    """Return the contract as a profile with these declarations changes it."""
    return apply(load(), declared(**keys))
