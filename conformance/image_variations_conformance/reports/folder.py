"""The report folder: report.json, junit.xml, and for each broken requirement a folder with the bytes that show it.

A folder may hold other files. A list names the files of the report with their digests, so that a later run only removes
files that an earlier run wrote. Symbolic links are not followed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from ..engine.run import Run, Verdict
from ..wire.exchange import Exchange
from . import junit
from .curl import Command
from .document import document, reproduction, shown

# How much of a response is kept, and of all responses together, so that a report takes 5 MB at most.
_MAX_RESPONSE_BYTES = 1 << 15
_MAX_RESPONSES_BYTES = 1 << 18
LIST = ".image-variations-report.json"
_OWN = ("report.json", "junit.xml", LIST)
_OF_REQUIREMENT = re.compile(r"IV-[A-Z0-9-]+")


class UnusableFolder(ValueError):
    """A report cannot be written to a folder. The message says why, and what to do."""


@frozen
class ReportFolder:
    """A folder that a report can be written to without replacing a file that is not of an earlier report."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> ReportFolder:
        """Return the folder at a path, which need not exist yet. Changes nothing. Raises UnusableFolder."""
        folder = cls(path)
        if path.is_symlink():
            raise UnusableFolder(f"{path} is a symbolic link: name the folder that it leads to")
        if path.exists() and not path.is_dir():
            raise UnusableFolder(f"{path} is not a folder")
        existing = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
        try:
            with tempfile.TemporaryFile(dir=existing):  # permissions say little, as to root or below /proc
                pass
        except OSError as error:
            raise UnusableFolder(f"{path} cannot be written to: {existing}: {error.strerror}") from error
        written = folder._written()
        names = [each.name for each in path.iterdir() if _OF_REQUIREMENT.fullmatch(each.name)] if path.is_dir() else []
        for name in (*_OWN, *names):
            ours = name == LIST or any(Path(file).parts[0] == name for file in written)
            if os.path.lexists(path / name) and not ours:
                raise UnusableFolder(f"{path / name} was not written by image-variations: choose another folder")
        for file, digest in written.items():
            if _is_linked(path, file) or (os.path.lexists(path / file) and _digest_of(path / file) != digest):
                raise UnusableFolder(f"{path / file} has changed since it was written: choose another folder")
        return folder

    def clear(self) -> None:
        """Remove the files that an earlier run wrote, report.json first. Raises OSError and UnusableFolder."""
        written = self._written()
        for file in sorted(written, key=lambda file: file != "report.json"):
            for name in (file, _temporary(file)):
                if not _is_linked(self.path, name) and (self.path / name).is_file():
                    (self.path / name).unlink()
        folders = {parent for file in written for parent in Path(file).parents} - {Path()}
        for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
            with suppress(OSError):  # The folder is not empty, or does not exist.
                (self.path / folder).rmdir()
        if written:
            (self.path / LIST).unlink()

    def write(self, run: Run) -> None:
        """Write the report of a run in place of an earlier one.

        Raises UnusableFolder, and OSError after removing what was written.
        """
        self.clear()
        self.path.mkdir(parents=True, exist_ok=True)
        files = dict(files_of(run))
        digests = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
        try:
            _write(self.path, LIST, json.dumps({"files": digests}, indent=1).encode() + b"\n")
            for file, content in files.items():
                _write(self.path, file, content)
        except OSError:
            with suppress(OSError):
                self.clear()
            raise

    def _written(self) -> Mapping[str, str]:
        """Return the digests of the files that an earlier run wrote here. Raises UnusableFolder."""
        path = self.path / LIST
        if not os.path.lexists(path):
            return {}
        try:
            files = json.loads(path.read_bytes())["files"] if not _is_linked(self.path, LIST) else None
        except (OSError, ValueError, TypeError, LookupError):
            files = None
        if not isinstance(files, dict) or not all(map(_is_own, files)):
            raise UnusableFolder(f"{path} is not the list of an earlier report: remove it, or choose another folder")
        return files


def _is_own(file: object) -> bool:
    """Return whether a value is the path of a file that a report may contain."""
    if not isinstance(file, str):
        return False
    path = Path(file)
    first = path.parts[0] if path.parts else ""
    return (
        path.as_posix() == file
        and ".." not in path.parts
        and (first in _OWN or _OF_REQUIREMENT.fullmatch(first) is not None)
    )


def _is_linked(root: Path, file: str) -> bool:
    """Return whether a file, or a folder between it and the root, is a symbolic link."""
    parts = Path(file).parts
    return any(root.joinpath(*parts[:length]).is_symlink() for length in range(1, len(parts) + 1))


def _digest_of(path: Path) -> str:
    """Return the SHA-256 digest of a file in hexadecimal; empty if it is not a regular file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _temporary(file: str) -> str:
    """Return the path to which a file is written before it is renamed."""
    path = Path(file)
    return path.with_name(f".{path.name}.new").as_posix()


def _write(root: Path, file: str, content: bytes) -> None:
    """Write a file completely or not at all. Raises OSError, also for a symbolic link on the path."""
    if _is_linked(root, file):
        raise OSError(errno.ELOOP, "a symbolic link is not followed", str(root / file))
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    temporary = root / _temporary(file)
    temporary.unlink(missing_ok=True)
    with temporary.open("xb") as opened:
        opened.write(content)
    temporary.replace(root / file)


def files_of(run: Run) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of each file of a report. report.json is last, because it names the others."""
    broken = [(verdict, again) for verdict in run.verdicts if (again := reproduction(run, verdict)) is not None]
    most_bytes = min(_MAX_RESPONSE_BYTES, _MAX_RESPONSES_BYTES // max(1, len(broken)))
    for verdict, again in broken:
        yield from _of_requirement(run, verdict, again, most_bytes)
    yield "junit.xml", junit.render(run)
    yield "report.json", json.dumps(document(run), indent=1, ensure_ascii=False).encode() + b"\n"


def _of_requirement(run: Run, verdict: Verdict, again: Command, most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a broken requirement, with at most so many bytes of the body of the response."""
    finding = shown(run, verdict)
    if finding is None:
        return
    folder, exchange = verdict.requirement.id, run.observations[finding.label].exchange
    yield f"{folder}/request.head", exchange.request.head()
    for name, content in again.files.items():
        yield f"{folder}/{name}", content
    yield f"{folder}/response.head", _response_head(exchange)
    if exchange.response is not None:
        yield f"{folder}/response.body", exchange.response.body[:most_bytes]


def _response_head(exchange: Exchange) -> bytes:
    """Return the status line and the headers of the response, or the reason why there is none."""
    if exchange.failure is not None:
        return f"no response: {exchange.failure.kind}, {exchange.failure.message}\n".encode()
    if exchange.response is None:
        return b""
    lines = [f"HTTP/1.1 {exchange.response.status}", *(f"{name}: {value}" for name, value in exchange.response.headers)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
