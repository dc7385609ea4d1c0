"""Files on their way into a request: opened once for a call, and given whole to each attempt.

A file is sent from its start, wherever it stands. What cannot be rewound (a pipe, a socket) is read into a temporary
file first, so that a second attempt sends the same bytes as the first. Nothing is held in memory but what came so.
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
_MAX_HELD_BYTES = 1 << 23  # of what cannot be rewound; more goes to disk


@frozen
class Upload:
    """One file, ready to be sent any number of times: its name, its media type, its size and its first bytes."""

    file_name: str
    media_type: str
    size_bytes: int
    head: bytes
    source: bytes | BinaryFile

    def content(self) -> bytes | IO[bytes]:
        """The content, from its first byte."""
        return (
            self.source if isinstance(self.source, bytes) else cast("IO[bytes]", _Rewound(self.source, self.size_bytes))
        )


class _Rewound(io.RawIOBase):
    """Reads a file from its start, and of the length that it had when the call began.

    It has no `fileno`: the size of the file underneath is not always that of what is read (a GzipFile).
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
        if whence == os.SEEK_END:  # how the size of a file is asked for
            return self._size_bytes
        return cast("IO[bytes]", self._source).seek(offset, whence)


def upload(
    name: str, value: FileInput, default_type: str, head_bytes: int, max_bytes: int | None, stack: ExitStack
) -> Upload:
    """Open the file that the argument `name` gives; the `stack` closes what was opened here.

    Raises `InvalidRequestError` where there is nothing that can be read. Of what cannot be rewound, and so is read here,
    it is not much more than `max_bytes`.
    """
    file_name, content, media_type = _parted(name, value)
    try:
        source, own_name = _opened(name, content, stack)
        if isinstance(source, bytes):
            size_bytes, head = len(source), source[:head_bytes]
        else:
            source, size_bytes, head = _measured(source, head_bytes, max_bytes, stack)
    except (OSError, ValueError) as error:  # ValueError: a closed file, or a path with a null in it
        if isinstance(error, InvalidRequestError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequestError(f"{name} cannot be read: {reason}.", param=name) from error
    media_type = media_type or default_type
    fallback = name + _SUFFIXES.get(media_type, "")
    return Upload(_base_name(file_name or own_name) or fallback, media_type, size_bytes, head, source)


_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


def _parted(name: str, value: FileInput) -> tuple[str | None, FileContent, str | None]:
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
    """The bytes or the open file that `content` is or names, and the name that it has of itself."""
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content), ""
    if isinstance(content, str | os.PathLike):
        path = os.fspath(content)
        return stack.enter_context(open(path, "rb")), path  # noqa: PTH123 - the path stays what it was given as
    if not callable(getattr(content, "read", None)):
        raise InvalidRequestError(
            f"{name} must be a path, bytes, or a file open for reading bytes, not {type(content).__name__}.", param=name
        )
    own_name: object = getattr(content, "name", "")
    return content, own_name if isinstance(own_name, str) else ""


def _measured(
    source: BinaryFile, head_bytes: int, max_bytes: int | None, stack: ExitStack
) -> tuple[BinaryFile, int, bytes]:
    """The file, or a copy of it that can be rewound, with its size and its first bytes."""
    file = cast("IO[bytes]", source)
    if not _can_seek(file):
        file = stack.enter_context(tempfile.SpooledTemporaryFile(_MAX_HELD_BYTES))
        while (max_bytes is None or file.tell() <= max_bytes) and (chunk := _bytes_of(source.read(_CHUNK_BYTES))):
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
    raise ValueError(f"it gives {type(chunk).__name__} in place of bytes; open it in mode 'rb'")


def _base_name(path: str) -> str:
    """What a path of any system ends with: where a file lies is nobody else's business."""
    name = PureWindowsPath(PurePosixPath(path).name).name
    return name.encode(errors="replace").decode() if name not in {".", ".."} else ""
