"""Virtual environments besides .venv, made as scripts/setup makes that: the pip of the base interpreter installs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

BASE = str(getattr(sys, "_base_executable", sys.executable))
"""The interpreter that .venv was made from; .venv itself has no pip."""


class NotInstalled(Exception):
    """An environment cannot be made. The message is the end of what the tool said, `step` names the tool."""

    def __init__(self, step: str, output: str) -> None:
        super().__init__(output[-1000:] or "no output")
        self.step = step

    @property
    def last_line(self) -> str:
        """The last line of the message, which says why."""
        return str(self).splitlines()[-1]


def create(folder: Path, python: str = BASE) -> Path:
    """Make an empty environment of an interpreter in a folder, which is emptied. Return its own interpreter."""
    folder = folder.absolute()  # the tools run in another folder
    _run(python, "-m", "venv", "--clear", "--without-pip", str(folder))
    return folder / "bin" / "python"


def install(environment: Path, *arguments: str, python: str = BASE) -> None:
    """Run `pip install` with these arguments for the environment of an interpreter. Raises NotInstalled."""
    pip = ("-m", "pip", "--python", str(environment), "--disable-pip-version-check", "install", "-qq")
    _run(python, *pip, *arguments)


def clean_variables() -> Mapping[str, str]:
    """Return the environment variables of this process without those that lead Python to the checkout."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def _run(*command: str) -> None:
    completed = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir(), env=clean_variables()
    )
    if completed.returncode:
        raise NotInstalled(" ".join(command[:3]), (completed.stderr or completed.stdout).strip())
