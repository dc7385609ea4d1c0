"""The digests of the contract's files by version, spec/versions.yaml, which show a change without a new version.

A digest is of the content: comments, line breaks and the order of keys do not change it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from regeneration.marks import MarkedYaml
from regeneration.register import OPENAPI, REQUIREMENTS, Problem

VERSIONS = "versions.yaml"
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}")
_HEAD = """\
# The digests of the contract's files by version. Written by scripts/regenerate, which refuses a change of these files
# without a new info.version in openapi.yaml. The entry of a version that is not released may be removed; then the next
# run writes it anew.
"""


def canonical(value: object) -> str:
    """Return a text that is equal for equal values, whatever the order of keys is. 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def digest(value: object) -> str:
    """Return the SHA-256 of the content of a YAML file."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def check_version(folder: Path) -> list[Problem]:
    """Return the files in a folder such as spec/ that are not those recorded for their version.

    First of all, what is wrong with the record itself.
    """
    if malformed := [*_malformed(folder)]:
        return malformed
    openapi = MarkedYaml.read(folder / OPENAPI)
    version, digests = _present(folder)
    recorded = _recorded(folder).get(version)
    changed = [name for name in digests if recorded is not None and recorded.get(name) != digests[name]]
    if not changed:
        return []
    message = (
        f"{' and '.join(changed)} changed since version {version} was recorded in spec/{VERSIONS}:"
        f"{_line_of(folder, version)}; raise info.version, or remove that entry if {version} is not released"
    )
    return [Problem(OPENAPI, openapi.line_at("/info/version"), "version", message)]


def _malformed(folder: Path) -> Iterator[Problem]:
    """Yield the entries of versions.yaml that are of no version or have no digests, which would be lost."""
    path = folder / VERSIONS
    if not path.is_file():
        return
    try:
        marked = MarkedYaml.read(path)
    except yaml.MarkedYAMLError as error:
        line = 1 if error.problem_mark is None else error.problem_mark.line + 1
        yield Problem(VERSIONS, line, "yaml", f"not YAML: {error.problem}; restore the file, for example with git")
        return
    entries = marked.value or {}
    if not isinstance(entries, dict):
        yield Problem(VERSIONS, 1, "version", f"expected versions with digests, got {entries!r}; restore the file")
        return
    for version, digests in entries.items():
        line = marked.line((str(version),))
        if not (isinstance(version, str) and _VERSION.fullmatch(version)):
            message = f"expected a version such as 1.2.0, got {version}; restore it, for example with git"
            yield Problem(VERSIONS, line, "version", message)
        elif not (isinstance(digests, dict) and digests.keys() == {OPENAPI, REQUIREMENTS}):
            found = ", ".join(map(str, digests)) if isinstance(digests, dict) else digests
            message = f"{version}: expected the digests of {OPENAPI} and {REQUIREMENTS}, got {found}; restore them"
            yield Problem(VERSIONS, line, "version", message)


def updated(folder: Path) -> str:
    """Return the content of versions.yaml with the present version added to it."""
    version, digests = _present(folder)
    versions = _recorded(folder)
    versions.setdefault(version, digests)
    return _HEAD + yaml.safe_dump(versions, sort_keys=False)


def _present(folder: Path) -> tuple[str, dict[str, str]]:
    contents = {name: MarkedYaml.read(folder / name).value for name in (OPENAPI, REQUIREMENTS)}
    version = str(contents[OPENAPI]["info"]["version"])
    return version, {name: digest(content) for name, content in contents.items()}


def _recorded(folder: Path) -> dict[str, Mapping[str, Any]]:
    path = folder / VERSIONS
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}


def _line_of(folder: Path, version: str) -> int:
    return MarkedYaml.read(folder / VERSIONS).line((version,))
