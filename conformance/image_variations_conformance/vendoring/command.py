"""The command line of `image-variations vendor`.

Exit codes: 0, the client is written or in step; 1, it was edited or is behind; 2, wrong usage, or it cannot be
written; 128 + n, ended by signal n.
"""

from __future__ import annotations

import argparse
import keyword
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from .comparison import Comparison, compare, diff
from .files import read_files, write_files
from .manifest import MANIFEST_FILE, Manifest, read_manifest
from .refused import NoCheckout, Refused
from .source import IMPORTED, Client, client_for, installed_client, installed_folder, profile_argument, requirements
from .swap import end_on_signals, recover, replace, workspaces

_PROGRAM = "image-variations vendor"
_DEFAULT_PACKAGE = "image_variations"
_NO_PROFILE = "none"
_IN_STEP, _DIFFERS, _REFUSED = 0, 1, 2


@frozen
class _Call:
    """What the command was called with: `dest`, `name` and `profile` as given, and the absolute path of the package."""

    dest: Path
    name: str
    profile: str | None
    package: Path

    @property
    def shown(self) -> Path:
        """The path of the package as the user would write it."""
        return self.dest / self.name

    def again(self, *options: str) -> str:
        """Return the command line with other options."""
        words = ["image-variations", "vendor", str(self.dest)]
        words += [] if self.name == _DEFAULT_PACKAGE else ["--package", self.name]
        words += [] if self.profile is None else ["--profile", self.profile]
        return shlex.join([*words, *options])


def run(arguments: Sequence[str]) -> int:
    """Run the command with the arguments after its name. Return the exit code. Raises SystemExit for wrong usage."""
    options = _parser().parse_args(arguments)
    end_on_signals()
    try:
        package = _package(options.dest, options.package)
        call = _Call(options.dest, options.package, options.profile, package)
        code = _compare(call, update=options.update) if options.check or options.update else _write(call)
        for workspace in workspaces(package):
            _say(f"{workspace} is of a run that was killed or is under way. Remove it if none is.", is_error=True)
        return code
    except BrokenPipeError:  # the output has no reader
        raise
    except (Refused, OSError) as error:
        _say(f"{_PROGRAM}: {error}", is_error=True)
        return _REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        allow_abbrev=False,
        description="Write the client into DEST, a folder of your source tree, as a package with its license. The file "
        f"{MANIFEST_FILE} in it says which version it is, and has the digest of each file.",
    )
    parser.add_argument("dest", metavar="DEST", type=_folder, help="an existing folder; the package is written into it")
    parser.add_argument(
        "--package", metavar="NAME", default=_DEFAULT_PACKAGE, help="the name of the package (default: %(default)s)"
    )
    parser.add_argument(
        "--profile",
        metavar="NAME|FILE",
        help="the client for servers with this profile; only in a checkout of the project. --check and --update "
        f"take that of the vendored client by default; '{_NO_PROFILE}' for none.",
    )
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 if a file was edited, or differs from the installed client",
    )
    modes.add_argument(
        "--update",
        action="store_true",
        help="bring the package up to date; refused, with the diff, if a file was edited",
    )
    return parser


def _folder(text: str) -> Path:
    """Return the path that is given for DEST. An empty text, as of a variable that is not set, is refused."""
    if not text:
        raise argparse.ArgumentTypeError("expected a folder of your source tree, got an empty text")
    return Path(text)


def _package(dest: Path, name: str) -> Path:
    """Return the absolute path of the package. Raises Refused if no client can be there."""
    if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name):
        raise Refused(f"--package: expected the name of a Python package, such as variations, got {name!r}.")
    if not dest.is_dir():
        raise Refused(f"{dest}: expected an existing folder of your source tree. Create it first.")
    folder = dest.resolve()
    installed = installed_folder()
    for above in (folder, *folder.parents):
        if (above / MANIFEST_FILE).exists() or above == installed:
            raise Refused(f"{dest} is inside a client, {above}. Name the folder that the package is in.")
    package = folder / name
    if package.is_symlink():
        raise Refused(f"{dest / name} is a symbolic link. Name the folder that it points to by DEST and --package.")
    return package


def _write(call: _Call) -> int:
    recover(call.package)
    if (call.package / MANIFEST_FILE).exists():
        raise Refused(f"{call.shown} has a client. Bring it up to date with: {call.again('--update')}")
    if call.package.exists():
        raise Refused(
            f"{call.shown} exists, and this command did not write it. Remove it, or choose another --package."
        )
    if call.name in sys.stdlib_module_names | IMPORTED or call.name.startswith("__"):
        raise Refused(
            f"--package: expected a name that Python and the packages of the client do not use, got {call.name}: the "
            "package could be imported in the place of that. Choose another name, such as variations."
        )
    client = _client(call.profile, call.package)
    _replace(call.package, client)
    _say(f"{call.shown} is written: {client.manifest.version}. It needs {requirements()}.")
    return _IN_STEP


def _compare(call: _Call, *, update: bool) -> int:
    if update:
        recover(call.package)
    if not (call.package / MANIFEST_FILE).exists():
        raise Refused(f"{call.shown} has no client that this command wrote. Write it with: {call.again()}")
    vendored = read_manifest(call.package)
    present = read_files(call.package)
    profile = call.profile
    if profile is None and vendored.profile is not None:
        profile = profile_argument(vendored.profile, call.package)
    try:
        client = _client(profile, call.package)
    except Refused as refused:
        if update or call.profile not in {None, vendored.profile}:
            raise
        return _check_without_client(call, vendored, present, refused)
    comparison = compare(vendored, present, client)
    if not comparison.edits and not comparison.changes:
        _say(f"{call.shown} is in step with {client.manifest.version}.")
        return _IN_STEP
    if vendored.is_newer_than(client.manifest):
        installed = client.manifest.version
        _say(f"{call.shown} is of {vendored.version}. Installed is the older {installed}: install the newer one.")
        return _DIFFERS
    if not update:
        _report(call, vendored, comparison, client.manifest)
        return _DIFFERS
    if comparison.lost_by_update:
        _refuse_update(call, vendored, present, comparison, client)
        return _DIFFERS
    _replace(call.package, client)
    done = dict.fromkeys(comparison.edits, "restored") | comparison.changes
    _say(f"{call.shown} is updated from {vendored.version}, to {client.manifest.version}:")
    _say(*(f"  {how:8} {name}" for name, how in sorted(done.items())))
    return _IN_STEP


def _check_without_client(
    call: _Call, vendored: Manifest, present: Mapping[str, bytes | None], refused: Refused
) -> int:
    """Compare with the manifest alone, where there is no client of the profile to compare with. Raises Refused."""
    comparison = compare(vendored, present, None)
    installed = installed_client().manifest
    if comparison.edits:
        _say(f"{call.shown}, {vendored.version}, was edited:", *comparison.lines())
    elif not isinstance(refused, NoCheckout):
        raise refused
    elif (vendored.distribution, vendored.contract) == (installed.distribution, installed.contract):
        _say(
            f"{call.shown} is as {vendored.version}, wrote it. That version is installed. Whether the profile has "
            "changed since shows only in a checkout of the project."
        )
        return _IN_STEP
    else:
        _say(f"{call.shown} is as {vendored.version}, wrote it. Installed is {installed.version}.")
    _say(f"{_PROGRAM}: {refused}", is_error=True)
    return _DIFFERS


def _report(call: _Call, vendored: Manifest, comparison: Comparison, installed: Manifest) -> None:
    """Print what differs, and the command that mends it."""
    _say(f"{call.shown}, {vendored.version}, is not in step with {installed.version}:", *comparison.lines())
    update = call.again("--update")
    if comparison.lost_by_update:
        _say(f"Undo the edits before you update it. This shows them: {update}")
    else:
        _say(f"Update it with: {update}")


def _refuse_update(
    call: _Call, vendored: Manifest, present: Mapping[str, bytes | None], comparison: Comparison, client: Client
) -> None:
    """Print the edits that an update would lose."""
    _say(f"{call.shown} is not updated, and nothing is changed: these edits would be lost.")
    for name in comparison.lost_by_update:
        _say(*diff(name, vendored, present.get(name), client))
    _say(f"Undo them and call it again, or discard all: remove {call.shown}, then {call.again()}")


def _client(profile: str | None, package: Path) -> Client:
    return installed_client() if profile is None or profile == _NO_PROFILE else client_for(profile, package)


def _replace(package: Path, client: Client) -> None:
    files = {**client.files, MANIFEST_FILE: client.manifest.encode()}
    replace(package, lambda folder: write_files(folder, files))


def _say(*lines: str, is_error: bool = False) -> None:
    print(*lines, sep="\n", file=sys.stderr if is_error else sys.stdout)
