"""Open the files of a call once, and provide their complete content to each attempt.

A file is sent from its start, whatever its current position. A file that is not seekable (a pipe, a socket) is first
copied to a temporary file, so that a retry sends the same bytes. Other files are streamed, not read into memory.
"""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import ExitStack
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, cast

from attrs import frozen

from .errors import InvalidRequestError
from .types import BinaryFile, FileContent, FileInput

_CHUNK_BYTES = 1 << 16
_MAX_HELD_BYTES = 1 << 23  # the part of a copied file that is held in memory


@frozen
class Upload:
    """An open file that can be sent any number of times. `head` has its first bytes."""

    file_name: str
    media_type: str
    size_bytes: int
    head: bytes
    source: bytes | BinaryFile

    def content(self) -> bytes | IO[bytes]:
        """Return the content, from its first byte."""
        return (
            self.source if isinstance(self.source, bytes) else cast("IO[bytes]", _Rewound(self.source, self.size_bytes))
        )


class _Rewound(io.RawIOBase):
    """A view of a file from its start, with the length that the file had at the beginning of the call.

    It has no `fileno`, because the size of the underlying file can differ from that of the content (GzipFile).
    """

    def __init__(self, source: BinaryFile, size_bytes: int) -> None:
        self._source = source
        self._size_bytes = size_bytes
        cast("IO[bytes]", source).seek(0)

    def read(self, size: int = -1, /) -> bytes:
        return self._source.read(size)

    def tell(self) -> int:
        return 0

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_END:  # the HTTP library determines the size in this way
            return self._size_bytes
        return cast("IO[bytes]", self._source).seek(offset, whence)


def upload(
    name: str, value: FileInput, default_type: str, head_bytes: int, limit_bytes: int | None, stack: ExitStack
) -> Upload:
    """Return the open file of the argument `name`. The `stack` closes the files opened here.

    Raises `InvalidRequestError` if the file cannot be read. A file that is not seekable is copied, up to
    `limit_bytes` bytes or a little more.
    """
    file_name, content, media_type = _split(name, value)
    try:
        source, own_name = _opened(name, content, stack)
        if isinstance(source, bytes):
            size_bytes, head = len(source), source[:head_bytes]
        else:
            source, size_bytes, head = _measured(source, head_bytes, limit_bytes, stack)
    except (OSError, ValueError) as error:  # ValueError for a closed file, or a path with a null character
        if isinstance(error, InvalidRequestError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequestError(f"{name} cannot be read: {reason}.", param=name) from error
    media_type = media_type or default_type
    fallback = name + _SUFFIXES.get(media_type, "")
    return Upload(_base_name(file_name or own_name) or fallback, media_type, size_bytes, head, source)


_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


def _split(name: str, value: FileInput) -> tuple[str | None, FileContent, str | None]:
    if not isinstance(value, tuple):
        return None, value, None
    match cast("tuple[object, ...]", value):
        case (None | str() as file_name, content):
            return file_name, cast("FileContent", content), None
        case (None | str() as file_name, content, None | str() as media_type):
            if media_type is not None and not (media_type.isascii() and media_type.isprintable()):
                raise InvalidRequestError(f"{name}: {media_type!r:.80} is no media type.", param=name)
            return file_name, cast("FileContent", content), media_type
        case _:
            raise InvalidRequestError(
                f"{name} must be a file, (file name, file), or (file name, file, media type).", param=name
            )


def _opened(name: str, content: FileContent, stack: ExitStack) -> tuple[bytes | BinaryFile, str]:
    """Return the bytes or the open file, and its path or name."""
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content), ""
    if isinstance(content, str | os.PathLike):
        path = os.fspath(content)
        return stack.enter_context(open(path, "rb")), path  # noqa: PTH123 - the path is used unchanged
    if not callable(getattr(content, "read", None)):
        raise InvalidRequestError(
            f"{name} must be a path, bytes, or a file open for reading bytes, not {type(content).__name__}.", param=name
        )
    own_name: object = getattr(content, "name", "")
    return content, own_name if isinstance(own_name, str) else ""


def _measured(
    source: BinaryFile, head_bytes: int, limit_bytes: int | None, stack: ExitStack
) -> tuple[BinaryFile, int, bytes]:
    """Return the file, or a copy if it is not seekable, with its size and its first bytes."""
    file = cast("IO[bytes]", source)
    if not _can_seek(file):
        file = stack.enter_context(tempfile.SpooledTemporaryFile(_MAX_HELD_BYTES))  # noqa: SIM115 - the stack closes it
        while (limit_bytes is None or file.tell() < limit_bytes) and (chunk := _bytes_of(source.read(_CHUNK_BYTES))):
            file.write(chunk)
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = b""
    while len(head) < head_bytes and (chunk := _bytes_of(file.read(head_bytes - len(head)))):
        head += chunk
    return file, size_bytes, head


def _can_seek(file: IO[bytes]) -> bool:
    try:
        return file.seekable()
    except AttributeError:
        return hasattr(file, "seek") and hasattr(file, "tell")


def _bytes_of(chunk: object) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    raise ValueError(f"it returns {type(chunk).__name__} instead of bytes; open it in mode 'rb'")


def _base_name(path: str) -> str:
    """Return the last part of a POSIX or Windows path, because the folders of a file are private."""
    name = PureWindowsPath(PurePosixPath(path).name).name
    return name.encode(errors="replace").decode() if name not in {".", ".."} else ""
