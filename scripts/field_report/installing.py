"""Installs servers at pinned versions in folders of `.cache/field`: packages from PyPI, or from npm."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

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
    folder = _folder(name, pins.read_bytes())
    python = folder / "bin" / "python"
    if not folder.is_dir():
        partial = _partial(folder)
        _run([sys.executable, "-m", "venv", str(partial)])
        _run([str(partial / "bin" / "pip"), "install", "--quiet", "--no-deps", "--requirement", str(pins)])
        partial.rename(folder)
    return python


def node_package(package: str, version: str, *others: str) -> Path:
    """Return the folder of an npm package, which is installed with others (NAME@VERSION). Raises NotInstalled."""
    if shutil.which("npm") is None:
        raise NotInstalled("npm is not on the PATH")
    name = package.lstrip("@").replace("/", "-")
    folder = _folder(name, " ".join((version, *others)).encode())
    if not folder.is_dir():
        partial = _partial(folder)
        partial.mkdir(parents=True)
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
        _run(["npm", "install", *options, f"--prefix={partial}", f"{package}@{version}", *others])
        partial.rename(folder)
    return folder / "node_modules" / package


def _folder(name: str, pins: bytes) -> Path:
    return CACHE / f"{name}-{hashlib.sha256(pins).hexdigest()[:12]}"


def _partial(folder: Path) -> Path:
    """Return an empty place beside a folder: an interrupted installation is not taken for a complete one."""
    partial = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    return partial


def _run(command: Sequence[str]) -> None:
    click.echo(f"  {' '.join(command)[:160]}", err=True)
    ended = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
    )
    if ended.returncode:
        raise NotInstalled(ended.stderr.strip().splitlines()[-1] if ended.stderr.strip() else "the installation failed")
