"""The digests of the contract's files by version, spec/versions.yaml, which show a change without a new version.

A digest is of the content: comments, line breaks and the order of keys do not change it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from regeneration.marks import MarkedYaml
from regeneration.register import OPENAPI, REQUIREMENTS, Problem

VERSIONS = "versions.yaml"
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
    """Return the files in a folder such as spec/ that are not those recorded for their version."""
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
