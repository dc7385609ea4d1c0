"""What was found out about bytes, kept by their digest, so that the bytes themselves are not held for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import define, field

T = TypeVar("T")


@define
class Remembered(Generic[T]):
    """What was made of sources, or the `error` that was raised over them; of the latest ones, `most` at the most."""

    most: int
    error: type[ValueError]
    _found: dict[bytes, T | ValueError] = field(factory=dict, init=False, repr=False)

    def of(self, source: bytes, make: Callable[[], T]) -> T:
        """Return what `make` gives, or raise the error that it raises; without it, where the source is known."""
        digest = hashlib.sha256(source).digest()
        found = self._found.get(digest)
        if found is None:
            try:
                found = make()
            except self.error as error:
                # A new one: this one holds on to the source by its traceback.
                found = type(error)(*error.args)
            while len(self._found) >= self.most:
                del self._found[next(iter(self._found))]
            self._found[digest] = found
        if isinstance(found, ValueError):
            raise type(found)(*found.args)
        return found
