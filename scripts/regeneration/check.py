"""Compare the current package with the package that a regeneration would write."""

import difflib
from pathlib import Path

_MAX_DIFF_LINES = 200


def compare(current: Path, rebuilt: Path) -> list[str]:
    """Return the lines of a report on the differences between two folders. The list is empty if they are equal.

    The report has one line for each changed, missing or extra file of `current`, then at most 200 lines of a unified
    diff from `current` to `rebuilt`, then the number of omitted lines. `__pycache__` folders are ignored.
    """
    old, new = _contents(current), _contents(rebuilt)
    differing = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    report = [f"  {_kind(name, old, new)}: {name}" for name in differing]
    diff = [line for name in differing for line in _unified(name, old.get(name, b""), new.get(name, b""))]
    report += diff[:_MAX_DIFF_LINES]
    if len(diff) > _MAX_DIFF_LINES:
        report.append(f"... and {len(diff) - _MAX_DIFF_LINES} more lines of differences, left out here")
    return report


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.relative_to(folder).parts
    }


def _kind(name: str, old: dict[str, bytes], new: dict[str, bytes]) -> str:
    if name not in old:
        return "missing"
    return "changed" if name in new else "extra"


def _unified(name: str, old: bytes, new: bytes) -> list[str]:
    old_lines, new_lines = (text.decode(errors="replace").splitlines() for text in (old, new))
    return list(difflib.unified_diff(old_lines, new_lines, f"current/{name}", f"regenerated/{name}", lineterm=""))
