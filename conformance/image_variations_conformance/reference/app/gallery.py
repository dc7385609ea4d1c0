"""The images that are served by link."""

import secrets
import time
from collections.abc import Callable

from attrs import frozen

LIFETIME_SECONDS = 60 * 60
CAPACITY_BYTES = 256 * 1024 * 1024
TOKEN_BYTES = 24


@frozen
class _Entry:
    file: bytes
    made: float


class Gallery:
    """Keeps image files under tokens that cannot be guessed, for 60 minutes, and in bounded memory.

    `clock` gives seconds. When `capacity` bytes are not enough, the oldest files go first; the newest always stays.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, capacity: int = CAPACITY_BYTES) -> None:
        self._clock = clock
        self._capacity = capacity
        self._size = 0
        self._entries: dict[str, _Entry] = {}

    def hang(self, file: bytes) -> str:
        """Keeps a file. Gives its token."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._entries[token] = _Entry(file, self._clock())
        self._size += len(file)
        self._clear_out()
        return token

    def find(self, token: str) -> bytes | None:
        """The file of a token, or None when there is none, or no longer."""
        self._clear_out()
        entry = self._entries.get(token)
        return None if entry is None else entry.file

    def _clear_out(self) -> None:
        oldest = self._clock() - LIFETIME_SECONDS
        while self._entries:
            # A dict keeps the order of insertion, so that the first entry is the oldest.
            token, entry = next(iter(self._entries.items()))
            full = self._size > self._capacity and len(self._entries) > 1
            if entry.made > oldest and not full:
                return
            del self._entries[token]
            self._size -= len(entry.file)
