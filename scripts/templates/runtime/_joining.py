"""Send a form in chunks that are not small, without blocking an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import cast

import httpx
from anyio import to_thread

_JOINED_BYTES = 1 << 16


class JoinedForm(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Joins small chunks of a body, because each chunk is sent separately and a form has about a dozen.

    What reading a file raises is added to `errors`. A form that is not in memory is read in a thread by an event loop.
    """

    def __init__(
        self, stream: httpx.SyncByteStream | httpx.AsyncByteStream, errors: list[Exception], is_in_memory: bool
    ) -> None:
        self._stream = cast("httpx.SyncByteStream", stream)  # the stream of a form is both synchronous and asynchronous
        self._errors = errors
        self._is_in_memory = is_in_memory

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._joined()
        except Exception as error:
            self._errors.append(error)
            raise

    def _joined(self) -> Iterator[bytes]:
        pending: list[bytes] = []
        size = 0
        for chunk in self._stream:
            if pending and size + len(chunk) > _JOINED_BYTES:
                yield b"".join(pending)
                pending, size = [], 0
            pending.append(chunk)
            size += len(chunk)
        yield b"".join(pending)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = iter(self)
        if self._is_in_memory:
            for chunk in chunks:
                yield chunk
            return
        while some := await to_thread.run_sync(_next, chunks, abandon_on_cancel=True):
            for chunk in some:
                yield chunk


def _next(chunks: Iterator[bytes]) -> list[bytes]:
    """Return several chunks, because each change of the thread takes time."""
    return list(islice(chunks, 4))
