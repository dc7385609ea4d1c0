"""The properties of one request that the contract says something about: what the steps of a classification collect."""

from __future__ import annotations

from attrs import define, field, frozen

from .extensions import ViolationKind

_VIOLATION_KINDS: dict[str, ViolationKind] = {
    "IV-AUTH-REQUIRED": "wrong-key",
    "IV-AUTH-WRONG": "wrong-key",
    "IV-IMAGE-FORMAT": "wrong-image-kind",
    "IV-IMAGE-INTACT": "wrong-image-kind",
    "IV-IMAGE-MAX-BYTES": "image-too-large",
    "IV-MODEL-UNKNOWN": "unknown-model",
    "IV-OP-METHOD": "other-method",
    "IV-OP-MULTIPART": "not-multipart",
}


@frozen
class Feature:
    """A requirement that a valid request exercises, and the value with which it does."""

    requirement: str
    value: str = ""


@frozen
class Violation:
    """A requirement under which a request must be refused. `field` is the form field at fault, `what` says how."""

    requirement: str
    field: str | None
    what: str

    @property
    def kind(self) -> ViolationKind:
        """The kind of the violation, which the statuses of the refusal depend on."""
        return _VIOLATION_KINDS.get(self.requirement, "invalid-request")


@define
class Properties:
    """What was found in a request. `unspecified` are the properties that the contract does not specify.

    `image_size` is the width and height of the input image, such as 64x64.
    """

    features: set[Feature] = field(factory=set)
    violations: list[Violation] = field(factory=list)
    unspecified: list[str] = field(factory=list)
    image_size: str | None = None

    def feature(self, requirement: str, value: str = "") -> None:
        """Add a feature."""
        self.features.add(Feature(requirement, value))

    def violation(self, requirement: str, field: str | None, what: str) -> None:
        """Add a violation."""
        self.violations.append(Violation(requirement, field, what))
