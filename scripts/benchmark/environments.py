"""Makes an environment for each subject under .cache/bench, with just what the subject needs.

Each has its own because packages notice each other: httpx imports click and rich where they are installed, openai
tries httpx-aiohttp, our client msgspec. What is there already is used again. The client itself is copied anew for each
run, so that it cannot change meanwhile.
"""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

from attrs import frozen
from regeneration.document import read
from regeneration.lowering import lower

from benchmark import lock

SCRIPTS = Path(__file__).parents[1]
ROOT = SCRIPTS.parent
CACHE = ROOT / ".cache" / "bench"
_SPEC = ROOT / "spec" / "openapi.yaml"

_CLIENT = ("attrs", "httpx")
REQUIREMENTS: dict[str, Sequence[str]] = {
    "httpx": ("httpx",),
    "httpx2": ("httpx2",),
    "client": _CLIENT,
    "client[speed]": (*_CLIENT, "msgspec", "pybase64"),
    "client on httpx2": ("attrs", "httpx2"),
    "client on aiohttp": (*_CLIENT, "httpx-aiohttp"),
    "openai": ("openai",),
    "openapi-generator": ("pydantic", "python-dateutil", "typing-extensions", "urllib3"),
}
"""What each subject needs; what these need in turn is in requirements.txt."""


class Unavailable(Exception):
    """A subject cannot be measured here; the message says why."""


@frozen
class Environment:
    """Where a subject runs: an interpreter, and folders of packages beside those installed for it."""

    python: Path
    packages: tuple[Path, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of its processes. `benchmark` is there too, for the worker."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
        return {**kept, "PYTHONPATH": os.pathsep.join(map(str, (*self.packages, SCRIPTS)))}

    def command(self, *arguments: str) -> list[str]:
        """The command that runs its interpreter, with neither the current folder nor the user's packages."""
        return [str(self.python), "-P", "-s", *arguments]


@frozen
class Size:
    """What an installation puts on the disk: files as they are shipped, without compiled ones."""

    distributions: int
    size_bytes: int


def prepare(name: str) -> Environment:
    """Make or find the environment of a subject. Raises Unavailable."""
    python = _virtual_environment(name, REQUIREMENTS[name])
    if name in {"httpx", "httpx2", "openai"}:
        return Environment(python)
    if name == "openapi-generator":
        return Environment(python, (_openapi_generator_client(),))
    return Environment(python, (_client_on_httpx2() if name == "client on httpx2" else _client(),))


def installed_size(name: str, environment: Environment) -> Size:
    """Count what the installation of a subject brings. Our own distribution is counted as its wheel ships it."""
    found = list(distributions(path=[str(next(environment.python.parents[1].glob("lib/python*/site-packages")))]))
    files = [Path(str(file.locate())) for it in found for file in it.files or () if file.suffix != ".pyc"]
    total = sum(file.stat().st_size for file in files)
    if name.startswith("client"):
        total += _wheel_bytes()
    else:
        total += sum(file.stat().st_size for folder in environment.packages for file in folder.rglob("*.py"))
    # The packages beside those installed for a subject are one distribution more: ours, or the one generated.
    return Size(len(found) + bool(environment.packages), total)


def _virtual_environment(name: str, roots: Sequence[str]) -> Path:
    pins = lock.parse((SCRIPTS / "benchmark" / "requirements.txt").read_text(encoding="utf-8"))
    wanted = "".join(pins[package].lines for package in lock.closure(pins, roots))
    folder = CACHE / name.replace(" ", "-")
    python, stamp = folder / "bin" / "python", folder / "stamp"
    digest = _sha256(sys.version.encode(), str(folder).encode(), wanted.encode())
    if _stamped(stamp, digest):
        return python
    print(f"scripts/bench: making the environment of {name} (once) ...", file=sys.stderr)  # noqa: T201
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    listed = folder / "requirements.txt"
    listed.write_text(wanted)
    # As in scripts/setup, pip from outside fills it. The environment that this runs in has no pip.
    base = getattr(sys, "_base_executable", sys.executable)
    _run(base, "-m", "venv", "--without-pip", str(folder))
    pip = (base, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install", "-qq")
    _run(*pip, "--no-deps", "--require-hashes", "--requirement", str(listed))
    stamp.write_text(digest)
    return python


def _client() -> Path:
    folder = CACHE / "packages" / "client"
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(ROOT / "generated" / "image_variations", folder / "image_variations", ignore=ignored)
    return folder


def _client_on_httpx2() -> Path:
    package = CACHE / "packages" / "client-on-httpx2" / "image_variations"
    makers = [path for name in ("templates", "regeneration") for path in sorted((SCRIPTS / name).rglob("*"))]
    digest = _sha256(*(path.read_bytes() for path in (_SPEC, *makers) if path.suffix in {".jinja", ".py", ".yaml"}))
    stamp = package.parent / "stamp"
    if not _stamped(stamp, digest):
        package.parent.mkdir(parents=True, exist_ok=True)
        _run(str(SCRIPTS / "regenerate"), "--http-library", "httpx2", "--output", str(package))
        stamp.write_text(digest)
    return package.parent


def _openapi_generator_client() -> Path:
    java = shutil.which("java")
    if java is None:
        raise Unavailable("needs java")
    python = _virtual_environment("generator", ["openapi-generator-cli"])
    jar = next(python.parents[1].rglob("openapi-generator.jar"))
    folder = CACHE / "packages" / "openapi-generator"
    # Lowered as for our own generator: from the contract as it stands it makes an `Image` without any field.
    spec = json.dumps(lower(read(_SPEC))).encode()
    digest, stamp = _sha256(spec, str(jar.stat().st_size).encode()), folder / "stamp"
    if not _stamped(stamp, digest):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "lowered.json").write_bytes(spec)
        options = ("-g", "python", "-i", str(folder / "lowered.json"), "-o", str(folder / "made"))
        _run(java, "-jar", str(jar), "generate", *options, "--package-name", "openapi_client")
        shutil.copytree(folder / "made" / "openapi_client", folder / "package" / "openapi_client")
        stamp.write_text(digest)
    return folder / "package"


@functools.cache
def _wheel_bytes() -> int:
    folder = CACHE / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        return sum(file.file_size for file in wheel.infolist())


def _sha256(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _stamped(stamp: Path, digest: str) -> bool:
    """Whether what stands beside `stamp` was made of just this."""
    return stamp.is_file() and stamp.read_text(encoding="ascii") == digest


def _run(*command: str) -> None:
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if completed.returncode:
        said = (completed.stderr or completed.stdout).strip().splitlines()
        raise Unavailable(f"{Path(command[0]).name} failed: {said[-1] if said else 'it said nothing'}")
