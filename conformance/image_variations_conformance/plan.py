"""The plan of a run: which cases are sent, in which order."""

from __future__ import annotations

from .cases import Builder, Case
from .corners import CORNERS
from .transport import Target


def plan(target: Target, seed: int) -> list[Case]:
    """Return the cases of a run. The same target and seed give the same bytes."""
    return [
        Case(corner.label, corner.note, corner.build(Builder.of(target, seed, corner.label)), corner.batch)
        for corner in CORNERS
        # Without a key of the target's, no request tells a right one from a wrong one.
        if target.api_key is not None or not corner.label.startswith("key-")
    ]
