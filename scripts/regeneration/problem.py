"""A mistake in an OpenAPI document: where it is, and what to do."""

import difflib
from collections.abc import Iterable
from typing import Self

from attrs import frozen

from regeneration.document import NodePath, pointer


@frozen
class Problem:
    """One mistake: the JSON pointer to it, and a message."""

    pointer: str
    message: str

    @classmethod
    def at(cls, path: NodePath, message: str) -> Self:
        """Return the mistake at a place of a document."""
        return cls(pointer(path), message)

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


def hint(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return the end of a message that names the known word that a wrong one is most like, or nothing."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=likeness)
    return f"; did you mean {near[0]!r}?" if near else ""
