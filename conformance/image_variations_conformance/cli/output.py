"""The streams that the command writes to, which may be full or gone."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

# A full disk, a terminal that is gone, a closed stream, a pipe without a reader.
UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EPIPE})


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints texts as they are: nothing in them is an emoji or is highlighted."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and `list` does without

    return Console(stderr=stderr, emoji=False, highlight=False, soft_wrap=True)


def report_unwritable(error: OSError) -> None:
    """Say on standard error that the output could not be written, unless its reader closed it."""
    if error.errno != errno.EPIPE:
        with suppress(OSError):
            sys.stderr.write(f"Error: the output cannot be written: {error.strerror or error}\n")


def close() -> bool:
    """Flush the streams, and return whether all output was written.

    Output that cannot be written is dropped, so that the interpreter does not try again when it exits.
    """
    written = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            written = False
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return written
