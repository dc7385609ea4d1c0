"""One virtual environment per subject under .cache/bench, with only the packages that the subject needs.

The environments are separate because installed packages change behaviour: httpx imports click and rich if they are
there, and the generated client imports msgspec and pybase64.
"""

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from attrs import frozen
from python_environments import NotInstalled, create, install

from benchmark import lock

SCRIPTS = Path(__file__).parents[1]
ROOT = SCRIPTS.parent
CACHE = ROOT / ".cache" / "bench"
REQUIREMENTS: dict[str, Sequence[str]] = {
    "httpx": ("httpx",),
    "client": ("attrs", "httpx"),
    "client[speed]": ("attrs", "httpx", "msgspec", "pybase64"),
    "openai": ("openai",),
}
"""The direct requirements of each subject. requirements.txt has their dependencies."""


class Unavailable(click.ClickException):
    """A subject cannot be measured on this machine; the message is the reason."""

    exit_code = 2


@frozen
class Environment:
    """The interpreter of a subject, and folders to import from besides its installed packages."""

    python: Path
    packages: tuple[Path, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of the subject's processes; they can import `benchmark`."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
        return {**kept, "PYTHONPATH": os.pathsep.join(map(str, (*self.packages, SCRIPTS)))}

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of the interpreter, without the current folder and the user's site-packages."""
        return [str(self.python), "-P", "-s", *arguments]


def prepare(name: str) -> Environment:
    """Return the environment of a subject, reinstalled if its pins changed. Raise Unavailable if that fails."""
    pins = lock.parse((SCRIPTS / "benchmark" / "requirements.txt").read_text(encoding="utf-8"))
    wanted = "".join(pins[package].lines for package in lock.closure(pins, REQUIREMENTS[name]))
    folder = CACHE / name
    environment = Environment(folder / "bin" / "python", (ROOT / "generated",) if name.startswith("client") else ())
    stamp = folder / "stamp"
    digest = hashlib.sha256("\0".join((sys.version, str(folder), wanted)).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
        return environment
    click.echo(f"scripts/bench: installing {name} (once) ...", err=True)
    listed = folder / "requirements.txt"
    try:
        python = create(folder)
        listed.write_text(wanted)
        install(python, "--no-deps", "--require-hashes", "--requirement", str(listed))
    except NotInstalled as error:
        raise Unavailable(f"{error.step} failed: {error.last_line}") from error
    stamp.write_text(digest)
    return environment
