"""Packages from npm, installed once at pinned versions in folders of `.cache/node`."""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

VERSIONS = {
    "@apidevtools/swagger-cli": "4.0.4",
    "@copilotkit/aimock": "1.43.0",
    "@hey-api/openapi-ts": "0.95.0",  # the last for node 20
    "@hono/node-server": "2.1.9",
    "@hono/zod-validator": "0.9.1",
    "@koa/multer": "4.0.0",
    "@koa/router": "15.7.0",
    "@redocly/cli": "2.77.0",
    "@scalar/mock-server": "0.14.4",
    "@stdy/cli": "0.22.2",
    "@stoplight/prism-cli": "5.16.0",
    "@stoplight/spectral-cli": "6.16.3",
    "axios": "1.21.1",
    "hono": "4.13.19",
    "koa": "3.3.0",
    "multer": "2.5.0",
    "openapi-typescript": "7.13.0",
    "orval": "8.38.0",
    "pngjs": "7.0.0",
    "pyright": "1.1.414",
    "typescript": "5.9.3",
    "zod": "4.6.7",
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
    names = (package, "typescript") if package in _WITH_TYPESCRIPT else (package,)
    return node_folder(f"{package.replace('/', '-').lstrip('@')}-{VERSIONS[package]}", names) / "node_modules"


def node_folder(name: str, packages: Sequence[str]) -> Path:
    """Return the folder of this name with `node_modules` of these packages. See `node_modules` for what else it does.

    A package may have a version of its own, as NAME@VERSION.

    A file lock keeps parallel test processes from installing them twice. The final rename ensures that an interrupted
    installation is not taken for a complete one.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"node is not installed: {program!r} is not on the PATH")
    folder = _CACHE / name
    _CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            partial = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            versions = [package if "@" in package[1:] else f"{package}@{VERSIONS[package]}" for package in packages]
            command = ["npm", "install", *_NPM_OPTIONS, f"--prefix={partial}", *versions]
            process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
            if process.returncode:
                raise RuntimeError(f"npm could not install {' '.join(versions)}: {process.stderr.strip()[-300:]}")
            partial.rename(folder)
    return folder
