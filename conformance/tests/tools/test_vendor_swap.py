"""A client is replaced whole or not at all, whatever ends the run, and what it leaves is cleaned up or named."""

import os
import signal
import subprocess
import sys
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


def write_two(folder: Path) -> None:
    (folder / "models").mkdir(parents=True)
    for name in ("client.py", "models/image.py"):
        (folder / name).touch()


def test_files_and_folders_keep_their_permissions(tmp_path: Path) -> None:
    target = tmp_path / "iv"
    swap.replace(target, write_two)
    modes = {"": 0o775, "client.py": 0o600, "models": 0o700, "models/image.py": 0o755}
    for name, mode in modes.items():
        (target / name).chmod(mode)
    swap.replace(target, write_two)
    assert {name: (target / name).stat().st_mode & 0o777 for name in modes} == modes


def test_a_file_in_the_place_of_a_folder_has_the_permissions_of_a_new_file(tmp_path: Path) -> None:
    target = tmp_path / "iv"
    (target / "client.py").mkdir(parents=True)
    (target / "models").touch()
    swap.replace(target, write_two)
    assert not (target / "client.py").stat().st_mode & 0o111
    assert (target / "models/image.py").is_file()


def test_a_folder_that_is_not_writable_is_refused_before_anything_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "iv"
    swap.replace(target, write_two)
    # The permissions do not bind root, who may run this test.
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "models")
    with pytest.raises(PermissionError, match=r"nothing is changed, .* not writable.*/iv/models"):
        swap.replace(target, lambda folder: folder.mkdir())
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["client.py", "image.py", "iv", "models"]


PROGRAM = """
import os, signal, sys
from image_variations_conformance.__main__ import main
from image_variations_conformance.vendoring import command

write_files = command.write_files
def write_and_end(folder, files):
    write_files(folder, files)
    os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
if "SIGNAL" in os.environ:
    command.write_files = write_and_end
main()
"""


def vendor(tree: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, "vendor", str(tree), "--package", "iv", *options]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_a_run_leaves_nothing_half_written(tmp_path: Path, name: str) -> None:
    process = vendor(tmp_path, SIGNAL=name)
    assert (process.returncode, process.stderr) == (128 + getattr(signal, name), "")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_named_by_the_next_ones(tmp_path: Path) -> None:
    assert vendor(tmp_path, SIGNAL="SIGKILL").returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    for options in ([], ["--check"], ["--update"]):
        process = vendor(tmp_path, *options)
        expected = f"{left} is of a run that was killed or is under way. Remove it if none is.\n"
        assert (process.returncode, process.stderr) == (0, expected)


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
