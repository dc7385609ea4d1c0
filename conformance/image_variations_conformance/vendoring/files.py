"""The files of a client package, by their POSIX paths in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_BYTECODE_FOLDER = "__pycache__"


def read_files(package: Path) -> dict[str, bytes | None]:
    """Return the content of each file below a folder. Bytecode is left out.

    The content of what is no regular file, such as a symbolic link, is None.
    """
    return dict(sorted(_walk(package, "")))


def digest(content: bytes | None) -> str:
    """Return the SHA-256 digest of the text of a file. Line ends do not count: git may change them at a checkout."""
    if content is None:
        return "not a regular file"
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def write_files(package: Path, files: dict[str, bytes]) -> None:
    """Write files into a new folder."""
    package.mkdir()
    for name, content in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, bytes | None]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != _BYTECODE_FOLDER:
                    yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
            elif not entry.name.endswith(".pyc"):
                is_regular = entry.is_file(follow_symlinks=False)
                yield prefix + entry.name, Path(entry.path).read_bytes() if is_regular else None
