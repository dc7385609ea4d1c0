"""Packages from npm, installed once in folders of `.cache/node` as the projects in `tests/node` lock them.

Each project is a package.json with the packages that a test needs, and a package-lock.json with the version and the
digest of all that these need. `scripts/lock` writes the latter.
"""

import fcntl
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECTS = Path(__file__).parents[1] / "node"
_FILES = ("package.json", "package-lock.json")
_CACHE = Path(__file__).parents[3] / ".cache" / "node"
_NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_INSTALL_SECONDS = 300


def node_tool(package: str, command: str) -> list[str]:
    """Return the command line of the tool `command` of an npm package. See `node_modules` for what else it does."""
    folder = node_modules(_project(package)) / package
    commands = json.loads((folder / "package.json").read_text(encoding="utf-8"))["bin"]
    return ["node", str(folder / commands[command])]


def node_version(package: str) -> str:
    """Return the version of the npm package that a project is named after."""
    content = json.loads((PROJECTS / _project(package) / "package.json").read_text(encoding="utf-8"))
    version: str = content["dependencies"][package]
    return version


def node_modules(project: str) -> Path:
    """Return the folder `node_modules` with the packages of a project. Install them if necessary.

    Skip the test if node or npm is not on the PATH. Raise RuntimeError if npm cannot install them.

    A file lock keeps parallel test processes from installing them twice. The final rename ensures that an interrupted
    installation is not taken for a complete one.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"node is not installed: {program!r} is not on the PATH")
    sources = [PROJECTS / project / name for name in _FILES]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    folder = _CACHE / f"{project}-{digest[:12]}"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            partial = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            for path in sources:
                shutil.copy(path, partial)
            command = ["npm", "ci", *_NPM_OPTIONS, f"--prefix={partial}"]
            process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
            if process.returncode:
                raise RuntimeError(f"npm could not install {project}: {process.stderr.strip()[-300:]}")
            partial.rename(folder)
    return folder / "node_modules"


def _project(package: str) -> str:
    return package.removeprefix("@").replace("/", "-")
