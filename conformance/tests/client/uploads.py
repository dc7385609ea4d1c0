"""Images for requests: files that begin as PNGs do, of any size, and every kind of argument that can stand for one."""

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
    """Return the first 33 bytes of a PNG of these dimensions: the signature, and the chunk with the header."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return SIGNATURE + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def image(size_bytes: int = 200) -> bytes:
    """Return a file of exactly so many bytes that begins as a PNG does and holds every byte there is."""
    return (head() + bytes(range(256)) * (size_bytes // 256 + 1))[:size_bytes]


class Trickle(io.RawIOBase):
    """A stream that gives few bytes at a time and cannot go back."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content, self._at = content, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = self._content[self._at : self._at + min(len(buffer), 7 + len(self._content) // 5)]
        self._at += len(piece)
        buffer[: len(piece)] = piece
        return len(piece)


class Reader:
    """An object that can be read, and nothing else."""

    def __init__(self, content: bytes) -> None:
        self._inner = io.BytesIO(content)

    def read(self, size: int = -1, /) -> bytes:
        return self._inner.read(size)


@frozen
class Given:
    """An argument for `image`, and the name and type that its part is to have."""

    argument: Any
    file_name: str = "image.png"
    content_type: str = "image/png"


Kind = Callable[[bytes, Path, ExitStack], Given]


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
    reading, writing = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(writing, "wb") as end:
            end.write(content)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    stack.callback(thread.join, 10)
    return stack.enter_context(os.fdopen(reading, "rb"))


KINDS: Mapping[str, Kind] = {
    "bytes": lambda content, _, __: Given(content),
    "bytearray": lambda content, _, __: Given(bytearray(content)),
    "memoryview": lambda content, _, __: Given(memoryview(content)),
    "every-second-byte": lambda content, _, __: Given(memoryview(b"".join(bytes((it, 7)) for it in content))[::2]),
    "path": lambda content, folder, _: Given(_path(content, folder), "a cat.png"),
    "path-text": lambda content, folder, _: Given(str(_path(content, folder)), "a cat.png"),
    "open-file": lambda content, folder, stack: Given(
        stack.enter_context(_path(content, folder).open("rb")), "a cat.png"
    ),
    "unbuffered-file": lambda content, folder, stack: Given(
        stack.enter_context(_path(content, folder).open("rb", buffering=0)), "a cat.png"
    ),
    "bytes-io": lambda content, _, __: Given(io.BytesIO(content)),
    "bytes-io-in-the-middle": lambda content, _, __: Given(_in_the_middle(content)),
    "bytes-io-at-the-end": lambda content, _, __: Given(_at_the_end(content)),
    "spooled-file": lambda content, _, stack: Given(_spooled(content, stack)),
    "gzip-file": lambda content, folder, stack: Given(_gzipped(content, folder, stack), "a dog.png.gz"),
    "pipe": lambda content, _, stack: Given(_pipe(content, stack)),
    "trickle": lambda content, _, __: Given(Trickle(content)),
    "reader": lambda content, _, __: Given(Reader(content)),
    "named-bytes": lambda content, _, __: Given(("b.png", content), "b.png"),
    "named-path": lambda content, folder, _: Given(("b.png", _path(content, folder)), "b.png"),
    "named-pipe": lambda content, _, stack: Given(("b.png", _pipe(content, stack)), "b.png"),
    "named-and-typed-bytes": lambda content, _, __: Given(("c.webp", content, "image/webp"), "c.webp", "image/webp"),
    "named-and-typed-file": lambda content, folder, stack: Given(
        ("c.webp", stack.enter_context(_path(content, folder).open("rb")), "image/webp"), "c.webp", "image/webp"
    ),
    "named-and-typed-reader": lambda content, _, __: Given(
        ("c.webp", Reader(content), "image/webp"), "c.webp", "image/webp"
    ),
}
