"""Puts a new folder in the place of an old one, so that whatever happens one of the two stands there, whole.

The new folder is built in a workspace beside the old one, so that both moves are renames on one file system. A run that
was killed between the two renames leaves the old folder in the workspace; the next run moves it back first.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regeneration.refused import Refused

_ASIDE = "replaced"


@contextmanager
def workspace(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, for this run alone and removed after it.

    Raises `Refused` when another run is at work on the same target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".{target.name}.regenerating")
    # The lock is on the folder around, which is there anyway; the system lets it go however the run ends.
    lock = os.open(target.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused(f"Another run is at work in {target.parent}; try again when it has ended.") from error
        _recover(folder, target)
        folder.mkdir()
        try:
            yield folder
        finally:
            _recover(folder, target)
    finally:
        os.close(lock)


def replace(target: Path, new: Path) -> None:
    """Put the folder `new`, which is in the workspace of `target`, in the place of `target`."""
    if target.exists():
        target.rename(new.with_name(_ASIDE))
    new.rename(target)


def _recover(folder: Path, target: Path) -> None:
    """End what a run left half done in the workspace `folder`: the old target comes back unless a new one stands."""
    aside = folder / _ASIDE
    if aside.exists() and not target.exists():
        aside.rename(target)
    if folder.exists():
        shutil.rmtree(folder)
