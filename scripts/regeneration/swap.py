"""Replace an old folder by a new one, so that an interrupted run never leaves a mixture of the two.

The new folder is built in a workspace beside the old one, so that both moves are renames on one file system. A run that
was killed between the two renames leaves the old folder in the workspace; the next run first moves it back.
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
    """Yield an empty folder beside `target`, locked for this run and removed on exit.

    Raises `Refused` if another run holds the lock, which is on the parent folder of `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".{target.name}.regenerating")
    # The lock is on the parent folder, so no lock file is left behind; the system releases it when the process ends.
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
    """Move `target` into its workspace, if it exists, and the folder `new` from there to `target`."""
    if target.exists():
        target.rename(new.with_name(_ASIDE))
    new.rename(target)


def _recover(folder: Path, target: Path) -> None:
    """Remove the workspace `folder`, and restore the old target from it if no new one is in place."""
    aside = folder / _ASIDE
    if aside.exists() and not target.exists():
        aside.rename(target)
    if folder.exists():
        shutil.rmtree(folder)
