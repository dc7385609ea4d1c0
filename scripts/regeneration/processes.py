"""Run the tools of a regeneration, each in a process of its own.

They ignore configuration files and environment variables of the machine, so that they do the same on every machine.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from regeneration.refused import Refused

PYTHON = (sys.executable, "-I", "-B")  # -I: no PYTHON* variables, user site or current folder; -B: no __pycache__
_TRACEBACK = re.compile(r"^Traceback \(most recent call last\):\n(?: .*\n)+", re.MULTILINE)


def environment() -> dict[str, str]:
    """Return the environment variables of a tool."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
    return {**kept, "TYPER_STANDARD_TRACEBACK": "1"}  # plain tracebacks of the generator, without boxes


def run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end in a folder."""
    return subprocess.run(  # noqa: S603 - a fixed command, with paths that the user chose
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def require_success(step: str, completed: subprocess.CompletedProcess[str]) -> None:
    """Raise `Refused` with the output of a tool if it failed."""
    if completed.returncode != 0:
        output = output_of(completed.stderr, completed.stdout)
        raise Refused(f"{step} failed (exit code {completed.returncode}): {output}")


def output_of(*texts: str) -> str:
    """Return what a command printed. A Python traceback is reduced to the error at its end."""
    output = "\n".join(text.strip() for text in texts if text.strip())
    return _TRACEBACK.sub("", output) or "it printed nothing."
