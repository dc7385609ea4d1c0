"""A client is replaced whole or not at all, whatever ends the run, and what it leaves is cleaned up or named."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from image_variations_conformance.vendoring import swap


def test_a_run_that_fails_or_was_killed_leaves_the_old_client(tmp_path: Path) -> None:
    target = tmp_path / "iv"

    def write(folder: Path) -> None:
        folder.mkdir()
        (folder / "new").touch()

    def fail(folder: Path) -> None:
        write(folder)
        raise OSError("No space left on device")

    swap.replace(target, write)
    (target / "new").rename(target / "old")
    with pytest.raises(OSError, match="No space left"):
        swap.replace(target, fail)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["iv", "iv/old"]
    # Killed between the two renames.
    workspace = tmp_path / ".iv.writing-killed"
    workspace.mkdir()
    assert list(swap.workspaces(target)) == [workspace]
    target.rename(workspace / "old")
    swap.recover(target)
    assert [path.name for path in target.iterdir()] == ["old"]
    # It may be of a run that is under way, until it is an hour old.
    assert workspace.exists()
    os.utime(workspace, (0, 0))
    swap.recover(target)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["iv", "iv/old"]
    swap.replace(target, write)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["iv", "iv/new"]


def _replace_often(target: Path) -> None:
    def write(folder: Path) -> None:
        folder.mkdir()
        for number in range(5):
            (folder / str(number)).touch()

    for _ in range(50):
        swap.recover(target)
        with suppress(OSError):
            swap.replace(target, write)


def test_runs_at_the_same_time_leave_one_whole_client(tmp_path: Path) -> None:
    target = tmp_path / "iv"
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(_replace_often, [target] * 4))
    assert sorted(path.name for path in target.iterdir()) == ["0", "1", "2", "3", "4"]
