"""Whether the version of the contract and the changelog say what changed."""

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import get_args

from regeneration.marks import MarkedYaml

from spec_diff.rules import Bump
from spec_diff.tree import Change

CHANGELOG = "CHANGELOG.md"
_BUMPS: tuple[Bump, ...] = get_args(Bump)
_VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")


def needed_bump(changes: Iterable[Change]) -> Bump | None:
    """Return the largest bump that a change needs, None if there are no changes."""
    return max((change.impact.bump for change in changes), key=_BUMPS.index, default=None)


def problems(
    root: Path, openapi: MarkedYaml, versions: tuple[object, object], changes: list[Change], old_changelog: str
) -> Iterator[str]:
    """Yield what is wrong with the new version and the changelog, each with file, line and what to do.

    `versions` are the old and the new `info.version`. A higher version than needed is right.
    """
    place = f"spec/openapi.yaml:{openapi.line_at('/info/version')}"
    for change in changes:
        if change.id == "requirement-id-changed":
            line = MarkedYaml.read(root / "spec" / change.file).line_at(f"{change.pointer}/id")
            yield f"spec/{change.file}:{line}: an id never changes: {change.text}; restore it"
    old, new = versions
    bump = needed_bump(changes)
    before, after = (_VERSION.fullmatch(str(each)) for each in versions)
    if bump is None:
        return
    if before is None or after is None:
        yield f"{place}: info.version: expected a version such as 1.2.0 before and after, got {old} and {new}"
        return
    least = _raised(_numbers(before), bump)
    if _numbers(after) < least:
        wanted = ".".join(map(str, least))
        yield f"{place}: info.version is {new}; {bump} changes since {old} need {wanted} or later: raise it"
    elif not re.search(rf"\bcontract {re.escape(str(new))}(?!\.?[0-9])", _unreleased(_changelog(root), old_changelog)):
        lines = enumerate(_changelog(root).splitlines(), 1)
        line = next((number for number, text in lines if text.startswith("## ")), 1)
        yield f"{CHANGELOG}:{line}: expected “contract {new}” and what changed for users: add it under Unreleased"


def _numbers(version: re.Match[str]) -> tuple[int, ...]:
    return tuple(map(int, version.groups()))


def _raised(version: tuple[int, ...], bump: Bump) -> tuple[int, ...]:
    major, minor, patch = version
    return {"major": (major + 1, 0, 0), "minor": (major, minor + 1, 0), "patch": (major, minor, patch + 1)}[bump]


def _unreleased(changelog: str, old: str) -> str:
    """Return what stands above the sections of the old changelog, whose first one has another heading if released."""
    released = {line for line in old.splitlines() if line.startswith("## ")} - {"## Unreleased"}
    return "\n".join(takewhile(lambda line: line not in released, changelog.splitlines()))


def _changelog(root: Path) -> str:
    path = root / CHANGELOG
    return path.read_text(encoding="utf-8") if path.is_file() else ""
