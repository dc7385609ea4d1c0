"""Differences of a vendored client from what was vendored (edits), and of that from the installed client."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from attrs import frozen

from .files import digest
from .manifest import MANIFEST_FILE, Manifest
from .source import Client


@frozen
class Comparison:
    """The files that differ, by path, each with how: edited, missing or extra; changed, new or removed."""

    edits: dict[str, str]
    changes: dict[str, str]

    @property
    def lost_by_update(self) -> list[str]:
        """The files with content that an update would lose: the edited and the extra ones."""
        return [name for name, how in self.edits.items() if how != "missing"]

    def lines(self) -> list[str]:
        """Return a line for each difference."""
        edits = [f"  {how:8} {name}" for name, how in self.edits.items()]
        return edits + [f"  {'behind':8} {name} ({how})" for name, how in self.changes.items()]


def compare(vendored: Manifest, present: Mapping[str, bytes | None], client: Client | None) -> Comparison:
    """Compare the files that are present with a manifest, and the manifest with `client`, if there is one."""
    found = {name: digest(content) for name, content in present.items() if name != MANIFEST_FILE}
    edits = _differences(vendored.files, found, ("edited", "missing", "extra"))
    if client is None:
        return Comparison(edits, {})
    return Comparison(edits, _differences(vendored.files, client.manifest.files, ("changed", "removed", "new")))


def diff(name: str, vendored: Manifest, present: bytes | None, client: Client) -> Iterator[str]:
    """Yield the lines of a unified diff from the file as it was vendored to that which is present.

    The text as it was vendored is known only if the installed file is the same. Otherwise the diff is from the
    installed file, and its first line says so.
    """
    if present is None:
        yield f"{name}: no regular file"
        return
    if name not in vendored.files:
        yield f"{name}: not a file of the client; move it elsewhere"
        return
    installed = client.files.get(name)
    if installed is None:
        yield f"{name}: edited; {client.manifest.version} has no such file, and its text as vendored is not known here"
        return
    label = "as vendored"
    if digest(installed) != vendored.files[name]:
        label = f"of {client.manifest.version}"
        yield f"{name}: its text as vendored is not known here, so the diff is from the file {label}:"
    yield from difflib.unified_diff(
        _lines(installed), _lines(present), f"{name} {label}", f"{name} as it is", lineterm=""
    )


def _differences(old: Mapping[str, str], new: Mapping[str, str], words: tuple[str, str, str]) -> dict[str, str]:
    """Return the paths whose digest differs, each with the word for: other content, only in `old`, only in `new`."""
    other, only_old, only_new = words
    differing = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    return {name: only_new if name not in old else other if name in new else only_old for name in sorted(differing)}


def _lines(content: bytes) -> list[str]:
    """Return the lines of a text. A last line that does not end is marked, as by diff."""
    *lines, last = content.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return [*lines, f"{last}\n\\ No newline at end of file"] if last else lines
