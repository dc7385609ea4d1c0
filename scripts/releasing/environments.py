"""Interpreters at hand, and virtual environments outside the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import python_environments
from attrs import frozen
from python_environments import install

from releasing.artifacts import ROOT

OLDEST = 11
_NEWEST = 20


@frozen
class Interpreter:
    """A Python interpreter. `version` has three numbers."""

    command: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))}"


def interpreters() -> list[Interpreter]:
    """Return the interpreters 3.11 and later, one of each minor version, found on the PATH or installed by pyenv."""
    found = (_first_that_runs(minor) for minor in range(OLDEST, _NEWEST))
    return [interpreter for interpreter in found if interpreter is not None]


def create(folder: Path, python: str, *requirements: str) -> Path:
    """Create an environment with these requirements at our pinned versions. Return its folder of executables.

    Raises NotInstalled.
    """
    environment = python_environments.create(folder, python)
    pins = re.findall(r"^[\w.-]+==\S+", (ROOT / "scripts/requirements.txt").read_text(), re.MULTILINE)
    (folder / "pins.txt").write_text("\n".join(pins))
    install(environment, "--constraint", str(folder / "pins.txt"), *requirements, python=python)
    return environment.parent


def _first_that_runs(minor: int) -> Interpreter | None:
    for command in _commands(minor):
        version = _version(command)
        if version[:2] == (3, minor):
            return Interpreter(command, version)
    return None


def _commands(minor: int) -> Iterator[str]:
    name = f"python3.{minor}"
    on_path = shutil.which(name)
    if on_path is not None:
        yield on_path
    # A shim of pyenv on the PATH runs selected versions only.
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(map(str, root.glob(f"versions/3.{minor}.*/bin/{name}")), reverse=True)


def _version(command: str) -> tuple[int, ...]:
    """Return the version of an interpreter that works, or nothing."""
    program = "import sys, venv; print(*sys.version_info[:3])"
    try:
        process = subprocess.run(  # noqa: S603 - an interpreter by its name
            [command, "-I", "-c", program], capture_output=True, text=True, check=False
        )
    except OSError:
        return ()
    return tuple(map(int, process.stdout.split())) if process.returncode == 0 else ()
