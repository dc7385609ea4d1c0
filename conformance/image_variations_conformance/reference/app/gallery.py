"""The store of the images that are served by link."""

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
    stored_at: float


class Gallery:
    """Store image files for 60 minutes under unguessable tokens, in bounded memory.

    `clock` returns the time in seconds. If the files have more than `capacity` bytes in total, the oldest are removed,
    but the newest is always kept.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, capacity: int = CAPACITY_BYTES) -> None:
        self.clock = clock
        self._capacity = capacity
        self._size = 0
        self._entries: dict[str, _Entry] = {}

    def hang(self, file: bytes) -> str:
        """Store a file and return its token."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._entries[token] = _Entry(file, self.clock())
        self._size += len(file)
        self._evict()
        return token

    def find(self, token: str) -> bytes | None:
        """Return the file stored under a token, or None if the token is unknown or its file was removed."""
        self._evict()
        entry = self._entries.get(token)
        return None if entry is None else entry.file

    def _evict(self) -> None:
        expired_at = self.clock() - LIFETIME_SECONDS
        while self._entries:
            # A dict keeps the order of insertion, so the first entry is the oldest.
            token, entry = next(iter(self._entries.items()))
            full = self._size > self._capacity and len(self._entries) > 1
            if entry.stored_at > expired_at and not full:
                return
            del self._entries[token]
            self._size -= len(entry.file)
