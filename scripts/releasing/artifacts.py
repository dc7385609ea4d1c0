"""The sdist and the wheel: building them, and reading what is in them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from functools import cached_property
from pathlib import Path

from attrs import define

ROOT = Path(__file__).resolve().parents[2]


@define(slots=False)
class Artifact:
    """An sdist or a wheel."""

    path: Path

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel, and not an sdist."""
        return self.path.suffix == ".whl"

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The content of each file by its path in the wheel, or below the one folder of the sdist."""
        if self.is_wheel:
            with zipfile.ZipFile(self.path) as archive:
                return {name: archive.read(name) for name in archive.namelist()}
        with tarfile.open(self.path) as archive:
            streams = {member.name.split("/", 1)[1]: archive.extractfile(member) for member in archive.getmembers()}
            return {name: stream.read() for name, stream in streams.items() if stream is not None}

    @property
    def metadata(self) -> bytes:
        """The core metadata."""
        if not self.is_wheel:
            return self.files["PKG-INFO"]
        (metadata,) = (data for name, data in self.files.items() if name.endswith(".dist-info/METADATA"))
        return metadata


def build(folder: Path, *targets: str) -> list[Artifact]:
    """Build these targets, `sdist` or `wheel`, from the source tree. Raises CalledProcessError."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    for target in targets:
        subprocess.run([*command, "--target", target], cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    suffixes = {"sdist": "*.tar.gz", "wheel": "*.whl"}
    return [Artifact(path) for target in targets for path in folder.glob(suffixes[target])]


def uncommitted_files() -> list[str]:
    """Return what is packaged and is not as git has it, as a line of `git status` each.

    Raises OSError and CalledProcessError where there is no git checkout.
    """
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]
    # The last four are packaged in any case.
    packaged = [*targets["sdist"]["include"], "/pyproject.toml", "/README.md", "/LICENSE", "/.gitignore"]
    # The build does not know what a user of git ignores everywhere.
    command = ["git", "-c", "core.excludesFile=", "status", "--porcelain", "--untracked-files=all", "--"]
    command += [path.removeprefix("/") for path in packaged]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()  # noqa: S603
