"""Put a new folder in the place of an old one, so that a failed or killed run leaves either, and never a mixture.

The new folder is written in a workspace beside the old one, so that both moves are renames. A run that is killed
between them leaves the old folder in the workspace, from where the next run moves it back.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

_NEW, _OLD = "new", "old"


def workspace(target: Path) -> Path:
    """Return the folder in which `target` is written. It exists only during a run, or after one that was killed."""
    return target.with_name(f".{target.name}.vendoring")


def recover(target: Path) -> None:
    """Remove the workspace of a run that was killed, and restore `target` from it if it is missing."""
    folder = workspace(target)
    old = folder / _OLD
    if old.exists() and not target.exists():
        old.rename(target)
    if folder.exists():
        shutil.rmtree(folder)


def replace(target: Path, write: Callable[[Path], None]) -> None:
    """Call `write` with the path of a folder to write, and move it to `target`. Raises OSError."""
    recover(target)
    folder = workspace(target)
    folder.mkdir()
    try:
        write(folder / _NEW)
        if target.exists():
            target.rename(folder / _OLD)
        (folder / _NEW).rename(target)
    finally:
        recover(target)
