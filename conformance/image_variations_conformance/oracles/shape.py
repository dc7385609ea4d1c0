"""What an answer is by its outside, for comparing answers to requests that ask for the same."""

from __future__ import annotations

from attrs import frozen

from ..wire.json_body import items
from .base import Observation
from .images import pictures


@frozen
class Shape:
    """Status (0 for no answer), number of items, the keys of the items, and the sizes of the images."""

    status: int
    count: int
    keys: frozenset[str]
    sizes: frozenset[str]

    def __str__(self) -> str:
        if self.status != 200:
            return str(self.status or "no answer")
        sizes = ", ".join(sorted(self.sizes)) or "no readable size"
        return f"{self.count} {'/'.join(sorted(self.keys)) or 'items'} of {sizes}"


def shape(it: Observation) -> Shape:
    """Return what an answer is by its outside."""
    if it.response is None:
        return Shape(0, 0, frozenset(), frozenset())
    found = items(it.response)
    sizes = frozenset(picture.size for _, picture in pictures(it))
    return Shape(it.response.status, len(found), frozenset(item.key for item in found), sizes)
