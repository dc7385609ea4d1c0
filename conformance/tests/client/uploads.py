"""Images for requests: files of any size that begin like a PNG, and every kind of argument for `image`."""

import gzip
import io
import os
import struct
import tempfile
import threading
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def head(width: int = 64, height: int = 64) -> bytes:
    """Return the first 33 bytes of a PNG with these dimensions: the signature and the header chunk."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return SIGNATURE + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def image(size_bytes: int = 200) -> bytes:
    """Return `size_bytes` bytes that begin like a PNG and continue with all byte values, again and again."""
    return (head() + bytes(range(256)) * (size_bytes // 256 + 1))[:size_bytes]


class Trickle(io.RawIOBase):
    """A stream that returns few bytes per read and cannot seek."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content, self._position = content, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = self._content[self._position : self._position + min(len(buffer), 7 + len(self._content) // 5)]
        self._position += len(piece)
        buffer[: len(piece)] = piece
        return len(piece)


class Reader:
    """An object with a `read` method and no other."""

    def __init__(self, content: bytes) -> None:
        self._inner = io.BytesIO(content)

    def read(self, size: int = -1, /) -> bytes:
        return self._inner.read(size)


@frozen
class Upload:
    """An argument for `image`, and the expected file name and content type of its part."""

    argument: Any
    file_name: str = "image.png"
    content_type: str = "image/png"


Kind = Callable[[bytes, Path, ExitStack], Upload]


def _path(content: bytes, folder: Path) -> Path:
    path = folder / "a cat.png"
    path.write_bytes(content)
    return path


def _at_the_end(content: bytes) -> io.BytesIO:
    file = io.BytesIO(content)
    file.seek(0, os.SEEK_END)
    return file


def _in_the_middle(content: bytes) -> io.BytesIO:
    file = io.BytesIO(content)
    file.seek(len(content) // 2)
    return file


def _spooled(content: bytes, stack: ExitStack) -> tempfile.SpooledTemporaryFile[bytes]:
    file = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=1000))  # noqa: SIM115 - the stack closes it
    file.write(content)
    return file


def _gzipped(content: bytes, folder: Path, stack: ExitStack) -> gzip.GzipFile:
    path = folder / "a dog.png.gz"
    path.write_bytes(gzip.compress(content, 1))
    return stack.enter_context(gzip.GzipFile(path))


def _pipe(content: bytes, stack: ExitStack) -> io.BufferedReader:
    read_end, write_end = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(write_end, "wb") as pipe:
            pipe.write(content)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    stack.callback(thread.join, 10)
    return stack.enter_context(os.fdopen(read_end, "rb"))


KINDS: Mapping[str, Kind] = {
    "bytes": lambda content, _, __: Upload(content),
    "bytearray": lambda content, _, __: Upload(bytearray(content)),
    "memoryview": lambda content, _, __: Upload(memoryview(content)),
    "every-second-byte": lambda content, _, __: Upload(memoryview(b"".join(bytes((it, 7)) for it in content))[::2]),
    "path": lambda content, folder, _: Upload(_path(content, folder), "a cat.png"),
    "path-text": lambda content, folder, _: Upload(str(_path(content, folder)), "a cat.png"),
    "open-file": lambda content, folder, stack: Upload(
        stack.enter_context(_path(content, folder).open("rb")), "a cat.png"
    ),
    "unbuffered-file": lambda content, folder, stack: Upload(
        stack.enter_context(_path(content, folder).open("rb", buffering=0)), "a cat.png"
    ),
    "bytes-io": lambda content, _, __: Upload(io.BytesIO(content)),
    "bytes-io-in-the-middle": lambda content, _, __: Upload(_in_the_middle(content)),
    "bytes-io-at-the-end": lambda content, _, __: Upload(_at_the_end(content)),
    "spooled-file": lambda content, _, stack: Upload(_spooled(content, stack)),
    "gzip-file": lambda content, folder, stack: Upload(_gzipped(content, folder, stack), "a dog.png.gz"),
    "pipe": lambda content, _, stack: Upload(_pipe(content, stack)),
    "trickle": lambda content, _, __: Upload(Trickle(content)),
    "reader": lambda content, _, __: Upload(Reader(content)),
    "named-bytes": lambda content, _, __: Upload(("b.png", content), "b.png"),
    "named-path": lambda content, folder, _: Upload(("b.png", _path(content, folder)), "b.png"),
    "named-pipe": lambda content, _, stack: Upload(("b.png", _pipe(content, stack)), "b.png"),
    "named-and-typed-bytes": lambda content, _, __: Upload(("c.webp", content, "image/webp"), "c.webp", "image/webp"),
    "named-and-typed-file": lambda content, folder, stack: Upload(
        ("c.webp", stack.enter_context(_path(content, folder).open("rb")), "image/webp"), "c.webp", "image/webp"
    ),
    "named-and-typed-reader": lambda content, _, __: Upload(
        ("c.webp", Reader(content), "image/webp"), "c.webp", "image/webp"
    ),
}
