"""A draft of a profile: what a server seems to do differently, with what was seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen


@frozen
class Line:
    """One declaration of a draft, and what was seen of it."""

    key: str
    value: Any
    seen: str


@define
class Draft:
    """A draft: its declarations, what looks like a bug, what could not be seen, and what it took."""

    lines: list[Line] = field(factory=list)
    bugs: Sequence[str] = ()
    unseen: Sequence[str] = ()
    requests: int = 0
    images: int = 0

    def declare(self, key: str, value: Any, *seen: str) -> None:
        """Add a declaration."""
        self.lines.append(Line(key, value, "; ".join(seen)))

    def value(self, key: str) -> Any:
        """Return what is declared of a key, or None."""
        return next((line.value for line in self.lines if line.key == key), None)
