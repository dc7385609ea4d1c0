# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Decompress response bodies in small pieces, because a few bytes can expand to gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_PIECE_BYTES = 1 << 16
_GZIP_OR_ZLIB = zlib.MAX_WBITS + 32
_RAW = -zlib.MAX_WBITS
_MAX_LAYERS = 4


class Inflater:
    """Decompresses a body by its `Content-Encoding`.

    Raises `ValueError` for an encoding other than gzip and deflate, for more than four layers, and for invalid data.
    """

    def __init__(self, content_encoding: str) -> None:
        encodings = [each.strip().lower() for each in content_encoding.split(",")]
        encodings = [each for each in encodings if each not in {"", "identity"}]
        if len(encodings) > _MAX_LAYERS or not {"gzip", "x-gzip", "deflate"}.issuperset(encodings):
            raise ValueError("a Content-Encoding that was not asked for")
        self._layers = [_Layer() for _ in encodings]

    def pieces(self, chunk: bytes) -> Iterable[bytes]:
        """Return the decompressed pieces of the next chunk, of at most 64 KiB each if it is compressed."""
        pieces: Iterable[bytes] = (chunk,)
        for layer in reversed(self._layers):
            pieces = layer.inflated(pieces)
        return pieces

    def end(self) -> None:
        """Raise `ValueError` if compressed data is incomplete."""
        if not all(layer.is_whole for layer in self._layers):
            raise ValueError("compressed data that is cut off")


class _Layer:
    """Decompresses one layer: gzip, zlib, or raw deflate, which some servers send as `deflate` instead of zlib."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._start = b""
        self._is_started = False
        self._got_any = False

    @property
    def is_whole(self) -> bool:
        return self._inflate.eof or not self._got_any

    def inflated(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._got_any = self._got_any or bool(chunk)
            yield from self._pieces(chunk)

    def _pieces(self, chunk: bytes) -> Iterator[bytes]:
        if not self._is_started:
            self._start = chunk = self._start + chunk
            if len(chunk) < 2:
                return
            self._is_started = True
            if chunk[:2] != b"\x1f\x8b" and (chunk[0] & 0x0F != zlib.DEFLATED or int.from_bytes(chunk[:2], "big") % 31):
                self._inflate = zlib.decompressobj(_RAW)
        while chunk:
            if self._inflate.eof:  # gzip allows several members in a row
                self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                piece = self._inflate.decompress(chunk, _PIECE_BYTES)
            except zlib.error:
                raise ValueError("compressed data that is broken") from None
            if piece:
                yield piece
            chunk = self._inflate.unconsumed_tail or self._inflate.unused_data
