"""The manifest of a vendored client: which version it is, and the digest of each file as it was written."""

from __future__ import annotations

import json
import re
from pathlib import Path

from attrs import asdict, frozen

from .refused import Refused

MANIFEST_FILE = "_vendored.json"
_ABOUT = (
    "Written by 'image-variations vendor'. Its --check compares the files with these digests, --update replaces them."
)


@frozen
class Manifest:
    """What was vendored.

    `distribution` is the version of image-variations that wrote it, `contract` that of the contract, `profile` the
    name of a profile, or the path of its file relative to the package, or None. `files` are the digests by path.
    """

    distribution: str
    contract: str
    profile: str | None
    files: dict[str, str]

    @property
    def version(self) -> str:
        """The versions in words."""
        profile = "" if self.profile is None else f", profile {self.profile}"
        return f"image-variations {self.distribution}, contract {self.contract}{profile}"

    def is_newer_than(self, other: Manifest) -> bool:
        """Return whether a later release wrote it, or one with a later contract: a checkout between releases."""
        return any(
            _numbers(own) > _numbers(others)
            for own, others in ((self.distribution, other.distribution), (self.contract, other.contract))
        )

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        return json.dumps({"about": _ABOUT, **asdict(self)}, indent=2).encode() + b"\n"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def read_manifest(package: Path) -> Manifest:
    """Return the manifest of a vendored client. Raises Refused."""
    path = package / MANIFEST_FILE
    try:
        content = json.loads(path.read_text("utf-8"))
        files = {str(name): str(value) for name, value in content["files"].items()}
        profile = content["profile"]
        return Manifest(
            str(content["distribution"]), str(content["contract"]), None if profile is None else str(profile), files
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(
            f"{path} is not as it was written ({type(error).__name__}: {error}). Restore it, for example with git, or "
            f"remove {package} and vendor the client again."
        ) from error
