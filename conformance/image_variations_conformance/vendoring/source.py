"""The client that is installed beside the suite, or generated for a profile."""

from __future__ import annotations

import ast
import os
import subprocess
import tempfile
from importlib.metadata import distribution
from pathlib import Path

from attrs import frozen

from ..version import DISTRIBUTION, suite_version
from .files import digest, read_files
from .manifest import Manifest
from .refused import NoCheckout, Refused

_PACKAGE = "image_variations"
IMPORTED = frozenset(
    {"anyio", "attr", "attrs", "certifi", "click", "h11", "h2", "httpcore", "httpx", "idna", "msgspec", "pybase64"}
    | {"brotli", "brotlicffi", "pygments", "rich", "sniffio", "socksio", "trio", "typing_extensions", "zstandard"}
)
"""The packages that the client imports where they are installed, itself or through others."""
_STAMP_FILE = "_stamp.py"
_SUITE = Path(__file__).resolve().parents[1]
_CHECKOUT = _SUITE.parents[1]
_REGENERATE = _CHECKOUT / "scripts" / "regenerate"
_PROFILES = _CHECKOUT / "spec" / "profiles"


@frozen
class Client:
    """The files of a client by path, and their manifest."""

    files: dict[str, bytes]
    manifest: Manifest


def installed_folder() -> Path:
    """Return the folder of the client that belongs to this suite. Raises Refused.

    It is found by its place and not by an import, which may find a vendored client first.
    """
    beside = _SUITE.with_name(_PACKAGE)
    generated = _CHECKOUT / "generated" / _PACKAGE
    for folder in (beside, generated):
        if (folder / _STAMP_FILE).is_file():
            return folder
    raise Refused(f"The client is not installed: expected it in {beside}. Install image-variations again.")


def installed_client() -> Client:
    """Return the installed client. Raises Refused."""
    return _read(installed_folder(), None)


def client_for(profile: str, package: Path) -> Client:
    """Return the client for servers with a profile: a ready-made one by its name, or a file.

    `package` is the folder that it is for. Only a checkout can generate the client. Raises NoCheckout and Refused.
    """
    if not _REGENERATE.is_file():
        raise NoCheckout(
            "--profile: the client of a profile is generated, which takes the sources of the project. Call the same "
            f"command in a checkout: scripts/setup, then .venv/bin/image-variations vendor … --profile {profile}"
        )
    with tempfile.TemporaryDirectory(prefix="image-variations-vendor-") as folder:
        output = Path(folder) / _PACKAGE
        command = [str(_REGENERATE), "--profile", profile, "--output", str(output)]
        process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
        if process.returncode:
            raise Refused(f"--profile: {process.stderr.strip().removeprefix('scripts/regenerate: ')}")
        return _read(output, profile if _is_ready_made(profile) else _relative(Path(profile), package))


def profile_argument(recorded: str, package: Path) -> str:
    """Return the name or the file of the profile that a manifest of `package` records."""
    is_file = "/" in recorded or recorded.endswith(".toml")
    return str(package / recorded) if is_file else recorded


def requirements() -> str:
    """Return the packages that the client needs, as `pip install` takes them."""
    required = distribution(DISTRIBUTION).requires or []
    return " ".join(f"'{line}'" for line in required if "extra ==" not in line)


def _is_ready_made(profile: str) -> bool:
    return profile in {path.stem for path in _PROFILES.glob("*.toml")}


def _relative(file: Path, package: Path) -> str:
    """Return the path of a file relative to the package, so that it holds in other checkouts of the user's tree."""
    try:
        return Path(os.path.relpath(file.resolve(), package)).as_posix()
    except ValueError:  # on another drive
        return file.resolve().as_posix()


def _read(folder: Path, profile: str | None) -> Client:
    files = {name: content for name, content in read_files(folder).items() if content is not None}
    contract = _contract_version(files[_STAMP_FILE].decode())
    digests = {name: digest(content) for name, content in sorted(files.items())}
    return Client(files, Manifest(suite_version(), contract, profile, digests))


def _contract_version(stamp: str) -> str:
    """Return the version of the contract that the source text of the stamp assigns. Raises Refused."""
    for statement in ast.parse(stamp).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="CONTRACT_VERSION")], value=ast.Constant(value=str(version))):
                return version
    raise Refused(f"{_STAMP_FILE} of the installed client has no CONTRACT_VERSION. Install image-variations again.")
