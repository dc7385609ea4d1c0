"""Put a new folder in the place of an old one, so that a failed or killed run leaves either, and never a mixture.

Each run writes the new folder in a workspace of its own beside the old one, so that both moves are renames. A run that
is killed between them leaves the old folder in its workspace, from where the next run moves it back.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

_NEW, _OLD = "new", "old"
_ABANDONED_SECONDS = 3600.0
"""A workspace of that age is of a run that was killed: a run takes seconds, and one may be under way."""


def end_on_signals() -> None:
    """Raise `SystemExit` on SIGHUP, SIGINT and SIGTERM, so that the workspace is removed before the process ends."""
    for name in ("SIGHUP", "SIGINT", "SIGTERM"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP on purpose
            signal.signal(number, _raise_system_exit)


def workspaces(target: Path) -> Iterator[Path]:
    """Yield the folders in which runs write `target`: those under way, and those that were killed."""
    return target.parent.glob(f"{_prefix(target)}*")


def recover(target: Path) -> None:
    """Move `target` back if it is missing, because a run was killed. Remove what killed runs have left."""
    for workspace in workspaces(target):
        _restore(workspace, target)
        with suppress(FileNotFoundError):  # its run has ended since
            if workspace.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
                shutil.rmtree(workspace)


def replace(target: Path, write: Callable[[Path], None]) -> None:
    """Call `write` with the path of a folder to write, and move it to `target`. Raises OSError.

    The folder has the name of the target. The folder around it is empty, and removed with what `write` leaves there.
    Files and folders keep the permissions that they have in the target.
    """
    _require_writable(target)
    workspace = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
    try:
        new = workspace / _NEW / target.name
        new.parent.mkdir()
        write(new)
        for path in (new, *new.rglob("*")):
            old = target / path.relative_to(new)
            with suppress(FileNotFoundError, NotADirectoryError):  # the path is new
                if old.is_dir() == path.is_dir():
                    shutil.copymode(old, path)
        if target.exists():
            target.rename(workspace / _OLD)
        new.rename(target)
    except BaseException:
        _restore(workspace, target)
        if target.exists() or not (workspace / _OLD).exists():  # otherwise the next run moves it back
            shutil.rmtree(workspace)
        raise
    shutil.rmtree(workspace)


def _raise_system_exit(signal_number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + signal_number)


def _require_writable(target: Path) -> None:
    """Raise PermissionError if a folder could not be removed after it was moved out of the way."""
    for name, _, __ in os.walk(target):
        if not os.access(name, os.W_OK | os.X_OK) and Path(name).exists():
            message = "nothing is changed, since this folder of the package is not writable; chmod u+w makes it so"
            raise PermissionError(errno.EACCES, message, name)


def _prefix(target: Path) -> str:
    return f".{target.name}.writing-"


def _restore(workspace: Path, target: Path) -> None:
    old = workspace / _OLD
    if old.exists() and not target.exists():
        with suppress(OSError):  # another run has put a client there since
            old.rename(target)
