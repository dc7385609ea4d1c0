"""Decodes the content codings of a body piece by piece (RFC 9110, section 8.4): gzip and deflate, also one in another.

Some servers apply them without being asked to.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import reduce

from .failed import ExchangeFailed

_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})
_MAX_CODINGS = 3
_INFLATED_AT_ONCE_BYTES = 1 << 20
# With what a gzip stream begins. RFC 1952, section 2.2: one may follow another.
_GZIP_BEGINS = b"\x1f"


class Decoder:
    """Decodes a body with the codings of a Content-Encoding header, of which each may hold `limit` bytes at most.

    Raises ExchangeFailed for a coding that is not known.
    """

    def __init__(self, codings: str, limit: int) -> None:
        names = [name.strip().lower() for name in codings.split(",")]
        applied = [name for name in names if name not in {"", "identity"}]
        if len(applied) > _MAX_CODINGS or not _KNOWN.issuperset(applied):
            message = f"expected no content coding, gzip or deflate, got {codings[:20]!r}"
            raise ExchangeFailed.failed("malformed", message)
        self._stages = [_Inflate(name, limit) for name in reversed(applied)]

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what a piece of the body decodes to. Raises ExchangeFailed."""
        return reduce(lambda pieces, stage: stage.decode(pieces), self._stages, iter((data,)))

    @property
    def truncated(self) -> str | None:
        """The coding whose data is not complete yet, or None."""
        return next((stage.coding for stage in self._stages if stage.is_within), None)


class _Inflate:
    """Decodes one coding. `is_within`: its data has begun and is not complete."""

    def __init__(self, coding: str, limit: int) -> None:
        self.coding = coding
        self._limit, self._received_bytes = limit, 0
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)

    @property
    def is_within(self) -> bool:
        return self._received_bytes > 0 and not self._stream.eof

    def decode(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            # A compressed stream may be endless and inflate to nothing.
            self._received_bytes += len(piece)
            if self._received_bytes > self._limit:
                raise ExchangeFailed.failed("too-large", f"a response of more than {self._limit} bytes")
            yield from self._inflated(piece)

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof:
                if not data.startswith(_GZIP_BEGINS):
                    return
                self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                yield self._stream.decompress(data, _INFLATED_AT_ONCE_BYTES)
            except zlib.error as error:
                raise ExchangeFailed.failed("malformed", f"not {self.coding}: {error}") from error
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
