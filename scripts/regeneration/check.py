"""Compares the package that stands with the one that regeneration would write."""

import difflib
from pathlib import Path

_MAX_DIFF_LINES = 200


def compare(standing: Path, rebuilt: Path) -> list[str]:
    """The lines of a report on how the folder `standing` differs from `rebuilt`; none where it does not.

    First the files that are changed, missing or extra, then a unified diff from `standing` to `rebuilt`, of which what
    is over 200 lines is left out and counted. Compiled files (`__pycache__`) are no difference.
    """
    old, new = _contents(standing), _contents(rebuilt)
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
    return list(difflib.unified_diff(old_lines, new_lines, f"standing/{name}", f"regenerated/{name}", lineterm=""))
