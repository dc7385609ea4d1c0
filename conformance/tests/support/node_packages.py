"""Packages from npm, each installed once at a pinned version in the folder `.cache/node`."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import pytest

VERSIONS = {
    "@apidevtools/swagger-cli": "4.0.4",
    "@copilotkit/aimock": "1.43.0",
    "@hey-api/openapi-ts": "0.95.0",  # the last for node 20
    "@redocly/cli": "2.77.0",
    "@stdy/cli": "0.22.2",
    "@stoplight/prism-cli": "5.16.0",
    "@stoplight/spectral-cli": "6.16.3",
    "axios": "1.21.1",
    "openapi-typescript": "7.13.0",
    "orval": "8.38.0",
    "pyright": "1.1.414",
    "typescript": "5.9.3",
}
# Packages that use the compiler of TypeScript, of which npm would install a version that they do not support.
_WITH_TYPESCRIPT = frozenset({"@hey-api/openapi-ts", "openapi-typescript"})

_CACHE = Path(__file__).parents[3] / ".cache" / "node"
_NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
_INSTALL_SECONDS = 300


def node_tool(package: str, command: str) -> list[str]:
    """Return the command line of the tool `command` of an npm package. See `node_modules` for what else it does."""
    folder = node_modules(package) / package
    commands = json.loads((folder / "package.json").read_text(encoding="utf-8"))["bin"]
    return ["node", str(folder / commands[command])]


def node_modules(package: str) -> Path:
    """Return the folder `node_modules` with an npm package and its dependencies. Install them if necessary.

    Skip the test if node or npm is not on the PATH. Raise RuntimeError if npm cannot install the package.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"node is not installed: {program!r} is not on the PATH")
    return _installed(package, VERSIONS[package]) / "node_modules"


def _installed(package: str, version: str) -> Path:
    """Return the folder of an installed package. Install it first if necessary.

    A file lock keeps parallel test processes from installing it twice. The final rename ensures that an
    interrupted installation is not taken for a complete one.
    """
    folder = _CACHE / f"{package.replace('/', '-').lstrip('@')}-{version}"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            partial = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            names = [package, "typescript"] if package in _WITH_TYPESCRIPT else [package]
            packages = [f"{name}@{VERSIONS[name]}" for name in names]
            command = ["npm", "install", *_NPM_OPTIONS, f"--prefix={partial}", *packages]
            process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
            if process.returncode:
                raise RuntimeError(f"npm could not install {package} {version}: {process.stderr.strip()[-300:]}")
            partial.rename(folder)
    return folder
