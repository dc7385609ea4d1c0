"""Put a new folder in the place of an old one, so that a failed or killed run leaves either, and never a mixture.

Each run writes the new folder in a workspace of its own beside the old one, so that both moves are renames. A run that
is killed between them leaves the old folder in its workspace, from where the next run moves it back.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_NEW, _OLD = "new", "old"
_ABANDONED_SECONDS = 3600.0
"""A workspace of that age is of a run that was killed: a run takes seconds, and one may be under way."""


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
    """
    workspace = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
    try:
        new = workspace / _NEW / target.name
        new.parent.mkdir()
        write(new)
        if target.exists():
            target.rename(workspace / _OLD)
        new.rename(target)
    except BaseException:
        _restore(workspace, target)
        if target.exists() or not (workspace / _OLD).exists():  # otherwise the next run moves it back
            shutil.rmtree(workspace)
        raise
    shutil.rmtree(workspace)


def _prefix(target: Path) -> str:
    return f".{target.name}.writing-"


def _restore(workspace: Path, target: Path) -> None:
    old = workspace / _OLD
    if old.exists() and not target.exists():
        with suppress(OSError):  # another run has put a client there since
            old.rename(target)
