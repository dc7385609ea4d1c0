"""The catalogue of all named cases and probes. plan.py says which are sent at which depth, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

from ..contract.document import Contract
from ..contract.evidence import RATE_LIMITED
from .features import FEATURES, probes
from .open_probes import OPEN
from .refusals import OPEN_CASES, REFUSALS
from .wrong_values import WRONG_VALUES

NAMED_CASES = (*REFUSALS, *WRONG_VALUES, *OPEN_CASES)

SEQUENCES = {
    "plain-at-the-end": ("IV-STATE-RECOVERS", "IV-STATE-INDEPENDENT"),
    "same-image": ("IV-STATE-INDEPENDENT",),
    "kept-connection": ("IV-STATE-CONNECTION",),
    "eight-alike": ("IV-STATE-PARALLEL",),
    "eight-mixed": ("IV-STATE-PARALLEL",),
}
"""What several requests together show: the items and the requirements."""


SITUATIONS = frozenset(
    {row.label for row in NAMED_CASES} | {probe.item for probe in OPEN} | set(SEQUENCES) | {RATE_LIMITED}
)
"""The names that evidence may give to what is seen of requests, refusals and sequences."""
FEATURE_VALUES = frozenset(
    {(row.requirement, row.feature, row.value) for row in FEATURES} | {("IV-OP-VALID", "fields", "image-only")}
)
"""The values of features that a probe tries out, each with its requirement."""


def labels_by_requirement(contract: Contract) -> dict[str, list[str]]:
    """Return the labels of the cases, probes and sequences that show each requirement."""
    found: dict[str, list[str]] = {}
    for requirement, label in _shown(contract):
        found.setdefault(requirement, []).append(label)
    return found


def _shown(contract: Contract) -> Iterator[tuple[str, str]]:
    for row in NAMED_CASES:
        yield from ((requirement, row.label) for requirement in row.requirements)
    for probe in (*probes(contract, seed=0), *OPEN):
        yield probe.requirement, probe.item
    for label, requirements in SEQUENCES.items():
        yield from ((requirement, label) for requirement in requirements)
