"""The streams that the command writes to, which may be full or gone, and files that are written as a whole."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

EXIT_UNWRITABLE = 2
# What a shell says of a program that the signal SIGPIPE ends. It is no verdict.
EXIT_NO_READER = 141
# A full disk, a terminal that is gone, a closed stream, a pipe without a reader.
UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EPIPE})


def prepare() -> None:
    """Make both streams usable: a closed one drops what is written, and a character that one lacks is escaped."""
    sys.stdout, sys.stderr = sys.stdout or _null(), sys.stderr or _null()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _null() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints texts as they are: nothing in them is an emoji or is highlighted."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and `list` does without

    class Raising(Console):
        def on_broken_pipe(self) -> None:
            # Rich would exit with 1.
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    return Raising(stderr=stderr, emoji=False, highlight=False, soft_wrap=True)


def report_unwritable(error: OSError) -> None:
    """Say on standard error that the output could not be written."""
    with suppress(OSError):
        sys.stderr.write(f"Error: the output cannot be written: {error.strerror or error}\n")


def close() -> int:
    """Flush the streams, and return the exit code for output that could not be written, or 0.

    Such output is dropped, so that the interpreter does not try again when it exits.
    """
    code = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            code = EXIT_NO_READER if isinstance(error, BrokenPipeError) else EXIT_UNWRITABLE
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def write_file(path: Path, content: bytes) -> None:
    """Write a file completely or not at all. Raises OSError."""
    path = path.resolve()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        if path.exists():
            shutil.copymode(path, temporary)
        else:
            Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
