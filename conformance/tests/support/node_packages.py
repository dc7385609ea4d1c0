"""Command-line tools from npm, each installed once, at a pinned version, under `.cache/node`."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import pytest

VERSIONS = {
    "@copilotkit/aimock": "1.43.0",
    "@redocly/cli": "2.77.0",
    "@stdy/cli": "0.22.2",
    "@stoplight/prism-cli": "5.16.0",
    "pyright": "1.1.414",
}

_CACHE = Path(__file__).parents[3] / ".cache" / "node"
_NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
_INSTALL_SECONDS = 300


def node_tool(package: str, command: str) -> list[str]:
    """Return the command line of the tool `command` of an npm package, which is installed if it is not yet.

    Skips the test if node or npm is not on the PATH. Raises RuntimeError if npm cannot install the package.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"node is not installed: there is no {program!r} on the PATH")
    folder = _installed(package, VERSIONS[package]) / "node_modules" / package
    commands = json.loads((folder / "package.json").read_text(encoding="utf-8"))["bin"]
    return ["node", str(folder / commands[command])]


def _installed(package: str, version: str) -> Path:
    """Return the folder of a package. Parallel test processes wait on a lock; a rename completes the installation."""
    folder = _CACHE / f"{package.replace('/', '-').lstrip('@')}-{version}"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            aside = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            command = ["npm", "install", *_NPM_OPTIONS, f"--prefix={aside}", f"{package}@{version}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
            if done.returncode:
                raise RuntimeError(f"npm could not install {package} {version}: {done.stderr.strip()[-300:]}")
            aside.rename(folder)
    return folder
