"""The extensions of the OpenAPI document that judges read. The head of spec/openapi.yaml describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

ViolationKind = Literal[
    "invalid-request",
    "unknown-model",
    "image-too-large",
    "wrong-image-kind",
    "not-multipart",
    "wrong-key",
    "other-method",
    "chunked-body",
]


@frozen
class ImageRules:
    """The `x-image` of the schema of a file: which files are valid.

    `kinds` are file formats, such as png. Servers may refuse a side, in pixels, below `min_side`, above
    `max_side` or that is no multiple of `multiple_of`. A file of `invalid_from_bytes` or more is too large, one below
    `valid_below_bytes` is not. `other_names` are other names of the form field.
    """

    kinds: tuple[str, ...]
    square: bool
    min_side: int
    max_side: int
    multiple_of: int
    valid_below_bytes: int
    invalid_from_bytes: int
    other_names: tuple[str, ...]

    @classmethod
    def of(cls, rules: Mapping[str, Any]) -> ImageRules:
        """Return the rules of an `x-image`."""
        sides = rules["sides"]
        return cls(
            tuple(rules["kinds"]),
            rules["square"],
            sides["minimum"],
            sides["maximum"],
            sides.get("multiple-of", 1),
            rules["valid-below-bytes"],
            rules["invalid-from-bytes"],
            tuple(rules.get("other-names", ())),
        )

    def allows_side(self, side: int) -> bool:
        """Return whether a width or height in pixels is valid."""
        return self.min_side <= side <= self.max_side and side % self.multiple_of == 0

    def nearest_side(self, wanted: int) -> int:
        """Return the largest valid width or height up to the wanted one, in pixels, or else the smallest valid one."""
        smallest = -(-self.min_side // self.multiple_of) * self.multiple_of
        largest = min(wanted, self.max_side)
        return max(smallest, largest - largest % self.multiple_of)


@frozen
class Statuses:
    """The statuses of a refusal: `must` are the only ones allowed, `should` the recommended ones among them."""

    must: tuple[str, ...]
    should: tuple[str, ...]

    @classmethod
    def of(cls, value: Mapping[str, list[int | str]]) -> Statuses:
        """Return the statuses of one kind of violation in `x-statuses`."""
        return cls(tuple(map(str, value["must"])), tuple(map(str, value["should"])))

    def allows(self, status: int) -> bool:
        """Return whether a refusal may have this status."""
        return _matches(self.must, status)

    def recommends(self, status: int) -> bool:
        """Return whether a refusal should have this status."""
        return _matches(self.should, status)

    @property
    def allowed(self) -> str:
        """The allowed statuses, for messages."""
        return " or ".join(status.replace("X", "x") for status in self.must)

    @property
    def recommended(self) -> str:
        """The recommended statuses, for messages."""
        return " or ".join(status.replace("X", "x") for status in self.should)


def _matches(statuses: tuple[str, ...], status: int) -> bool:
    return str(status) in statuses or f"{status // 100}XX" in statuses
