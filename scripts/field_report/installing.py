"""Installs servers at pinned versions in folders of `.cache`: packages from PyPI, or from npm as the tests do."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from support.node_packages import node_modules

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "field"
REQUIREMENTS = Path(__file__).parent / "requirements"
_INSTALL_SECONDS = 1200


class NotInstalled(Exception):
    """A server cannot be installed on this machine. The message is the reason."""


def python_environment(name: str) -> Path:
    """Return the interpreter of an environment with the packages of requirements/NAME.txt, and nothing else.

    They are installed without looking for dependencies, since all are pinned there. Raises NotInstalled.
    """
    pins = REQUIREMENTS / f"{name}.txt"
    folder = CACHE / f"{name}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if not folder.is_dir():
        # An interrupted installation is not taken for a complete one.
        partial = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(partial, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(partial)])
        _run([str(partial / "bin" / "pip"), "install", "--quiet", "--no-deps", "--requirement", str(pins)])
        partial.rename(folder)
    return python


def node_packages(project: str) -> Path:
    """Return the folder `node_modules` of a project in conformance/tests/node. Raises NotInstalled."""
    if shutil.which("npm") is None:
        raise NotInstalled("npm is not on the PATH")
    try:
        return node_modules(project)
    except RuntimeError as error:
        raise NotInstalled(str(error)) from error


def _run(command: Sequence[str]) -> None:
    click.echo(f"  {' '.join(command)[:160]}", err=True)
    ended = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
    )
    if ended.returncode:
        raise NotInstalled(ended.stderr.strip().splitlines()[-1] if ended.stderr.strip() else "the installation failed")
