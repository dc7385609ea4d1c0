# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Open the files of a call once, and provide their complete content to each attempt.

A file is sent from its start, whatever its current position. A file that is not seekable (a pipe, a socket) is first
copied to a temporary file, so that a retry sends the same bytes. Other files are streamed, not read into memory.

Every attempt sends the bytes that the file had when the call began. What is appended to it later is not sent. If it has
become shorter, was closed, was overwritten, or was written to before a retry, the call ends with an
`InvalidRequestError`. A path is opened once, so that a file that is deleted or replaced under it is sent all the same.
"""

from __future__ import annotations

import io
import os
import tempfile
import threading
import zlib
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, cast
from weakref import WeakValueDictionary

from attrs import frozen

from ._preflight import kind_of
from .errors import InvalidRequestError
from .types import BinaryFile, FileContent, FileInput

_CHUNK_BYTES = 1 << 16
_MAX_HELD_BYTES = 1 << 23  # the part of a copied file that is held in memory
# The locks of the files that are being sent, by the ids of the files.
_locks: WeakValueDictionary[int, threading.Lock] = WeakValueDictionary()
_locks_lock = threading.Lock()


@frozen
class Upload:
    """An open file of the argument `name`, which can be sent any number of times.

    `head` has its first bytes. `lock` is held while the file is read, and `state` is that of `_state` when the call
    began.
    """

    name: str
    file_name: str
    media_type: str
    size_bytes: int
    head: bytes
    source: bytes | BinaryFile
    lock: threading.Lock
    state: tuple[int, int] | None = None

    def content(self) -> bytes | IO[bytes]:
        """Return the content, from its first byte. Raises `InvalidRequestError` if the file has changed.

        Reading raises it too.
        """
        return self.source if isinstance(self.source, bytes) else cast("IO[bytes]", _Rewound(self, self.source))


class _Rewound(io.RawIOBase):
    """A view of the file of an upload from its start, with the length that the file had when the call began.

    It has no `fileno`, because the size of the underlying file can differ from that of the content (GzipFile). It has a
    position of its own, so that several calls can send the same file at the same time.
    """

    def __init__(self, upload: Upload, source: BinaryFile) -> None:
        self._upload = upload
        self._source = cast("IO[bytes]", source)
        self._position = 0
        with _reading(upload.name):
            if _state(source) != upload.state:
                raise _changed(upload.name, "it was written to before a retry")

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return self.readall()
        size = min(size, self._upload.size_bytes - self._position)
        if not size:
            return b""
        with _reading(self._upload.name), self._upload.lock:
            self._source.seek(self._position)
            chunk = _bytes_of(self._source.read(size))[:size]
        if not chunk:
            raise _changed(self._upload.name, f"it had {self._upload.size_bytes} bytes, and has {self._position} now")
        self._position += len(chunk)
        if self._position == self._upload.size_bytes:
            self._require_not_overwritten()
        return chunk

    def _require_not_overwritten(self) -> None:
        """Raise `InvalidRequestError` if the file was written to, unless it has grown: what is appended is not sent."""
        with _reading(self._upload.name):
            before, now = self._upload.state, _state(self._source)
        if before != now and before is not None and now is not None and now[0] <= before[0]:
            raise _changed(self._upload.name, "it was written to while it was sent")

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        # The HTTP library seeks the start and the end only, the end to determine the size.
        self._position = self._upload.size_bytes if whence == os.SEEK_END else offset
        return self._position


def is_in_memory(value: FileInput) -> bool:
    """Return whether reading the file cannot wait for anything. The `read` of a subclass can."""
    content = value[1] if isinstance(value, tuple) and len(value) > 1 else value
    return type(content) in {bytes, bytearray, memoryview, io.BytesIO}


def upload(
    name: str, value: FileInput, media_types: Sequence[str], head_bytes: int, limit_bytes: int | None, stack: ExitStack
) -> Upload:
    """Return the open file of the argument `name`. The `stack` closes the files opened here.

    Its media type, unless it is given, is that of `media_types` which its first bytes are of, or else the first one.

    Raises `InvalidRequestError` if the file cannot be read. A file that is not seekable is copied, up to
    `limit_bytes` bytes or a little more.
    """
    file_name, content, media_type = _split(name, value)
    state = None
    with _reading(name):
        source, own_name = _opened(name, content, stack)
        lock = _lock(source)
        if isinstance(source, bytes):
            size_bytes, head = len(source), source[:head_bytes]
        else:
            with lock:
                source, size_bytes, head = _measured(source, head_bytes, limit_bytes, stack)
            state = _state(source)
    media_type = (media_type or "").strip() or _media_type(head, media_types)
    fallback = name + _SUFFIXES.get(media_type, "")
    return Upload(
        name, _base_name(file_name or own_name) or fallback, media_type, size_bytes, head, source, lock, state
    )


def _lock(source: object) -> threading.Lock:
    """Return the lock of a file, which all its uploads share."""
    with _locks_lock:
        return _locks.setdefault(id(source), threading.Lock())


_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}


def _media_type(head: bytes, media_types: Sequence[str]) -> str:
    found = f"image/{kind_of(head)}"
    return found if found in media_types else media_types[0]


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
    file.seek(0, os.SEEK_END)
    size_bytes = file.tell()  # the seek of some files, such as mmap, returns None
    file.seek(0)
    head = b""
    while len(head) < head_bytes and (chunk := _bytes_of(file.read(head_bytes - len(head)))):
        head += chunk
    return file, size_bytes, head


def _state(file: BinaryFile) -> tuple[int, int] | None:
    """Return size and time of modification of a file of the operating system, or None for any other object.

    Only what `open` returns is asked: a SpooledTemporaryFile, for example, is written to a disk by its `fileno`.
    """
    file = getattr(file, "file", file)  # that of a NamedTemporaryFile
    if not isinstance(file, io.BufferedReader | io.BufferedRandom | io.FileIO):
        return None
    try:
        status = os.fstat(file.fileno())
    except io.UnsupportedOperation:  # a buffer around something else
        return None
    return status.st_size, status.st_mtime_ns


@contextmanager
def _reading(name: str) -> Generator[None]:
    """Raise `InvalidRequestError` for the argument `name` in place of the errors of its file."""
    try:
        yield
    except (OSError, ValueError, EOFError, zlib.error) as error:
        # ValueError for a closed file, or a path with a null character, the last two for a damaged GzipFile
        if isinstance(error, InvalidRequestError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequestError(f"{name} cannot be read: {reason.rstrip('.')}.", param=name) from error


def _changed(name: str, how: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} has changed during the call: {how}.", param=name)


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
