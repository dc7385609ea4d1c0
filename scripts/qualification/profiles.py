"""Servers that keep the contract but for differences that a profile declares, and faults that no profile expresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_variations_conformance.contract.document import Contract, load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.profile import EMPTY

SERVERS: Mapping[str, Mapping[str, Any]] = {
    "b64-only": {
        "models": ["sdxl"],
        "model_required": True,
        "sizes": ["512x512"],
        "default_size": "512x512",
        "response_formats": ["b64_json"],
        "default_response_format": "b64_json",
        "auth": "none",
    },
    "four-images": {"max_n": 4, "error_body": "detail", "error_statuses": [422]},
    "jpeg-and-oblong": {"image_kinds": ["png", "jpeg"], "square": False},
    "optional-key": {"auth": "optional", "error_statuses": {"wrong-image-kind": [415], "image-too-large": [413]}},
    "any-size": {"sizes": "any", "default_size": "input"},
    "brackets": {"image_field": "image[]", "models": ["flux-1", "dall-e-2"]},
    "two-names": {"image_field": ["image", "image[]"], "max_n": 2, "sizes": ["512x512", "1024x1024"]},
    "large-files": {
        "max_image_bytes": {"valid_below": 8_000_000, "invalid_from": 10_000_000},
        "max_n": "unlimited",
        "image_kinds": ["png", "webp"],
    },
}
"""What each server declares, by its name."""


def contract_of(server: str) -> Contract:
    """Return the contract of a server of this module; that without a profile for an empty name."""
    profile = EMPTY
    for key, value in SERVERS[server].items() if server else ():
        profile = profile.with_declared(key, value, server)
    return apply(load(), profile)


def expressed_by(server: str) -> frozenset[str]:
    """Return the ids of the requirements that the profile of a server says something about."""
    contract = contract_of(server)
    changed = frozenset(requirement for change in contract.changes for requirement in change.requirements)
    return changed | {requirement.id for requirement in contract.requirements.values() if requirement.is_open}
