"""The file that the kill matrix is kept in: two parts, written apart, compared by what does not depend on chance."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from image_variations_conformance.plan import Depth
from image_variations_conformance.register import Requirement

from qualification import matrix
from qualification.trials import Trial

FILE = Path(__file__).resolve().parents[2] / "conformance" / "KILL_MATRIX.md"

_HEAD = """# The kill matrix

Written by `scripts/qualify --write`; nobody edits it. What the suite reports of servers whose defects are known: each
fault breaks the reference server in one way, each oddity is unusual and conformant. A fault counts as killed when it is
reported under an id that it breaks. `image-variations serve --fault NAME` runs one by hand.
"""
_PLAIN = "\n## Beside plain Schemathesis\n"
_NOTHING_YET = "\nNot measured yet: `scripts/qualify --plain-schemathesis --write` does.\n"
# The figures of a row vary with the machine, which ids are reported does not.
_FIGURES = re.compile(r"\d+ requests?, \d+ images?")


def rendered(trials: Sequence[Trial], register: Mapping[str, Requirement], depth: Depth) -> str:
    """Return the first part: the matrix at a depth."""
    trials = sorted(trials, key=lambda trial: (trial.subject.family, trial.subject.name))
    faults = [trial for trial in trials if trial.subject.kind == "fault"]
    oddities = [trial for trial in trials if trial.subject.kind == "oddity"]
    seeds = sum(trial.subject.kind == "reference" for trial in trials)
    lines = [
        _HEAD,
        f"Depth {depth}; {len(faults)} faults, {len(oddities)} oddities, {seeds} seeds of the reference server.",
        "",
        *(f"- {line}" for line in matrix.totals(trials, register)),
        "\n## Faults\n",
        *matrix.table(matrix.FAULTS_HEAD, map(matrix.fault_row, faults)),
        "\n## Oddities\n",
        *matrix.table(matrix.RIGHT_HEAD, map(matrix.right_row, oddities)),
    ]
    return "\n".join(lines) + "\n"


def write(part: str, file: Path = FILE) -> None:
    """Write the first part, and leave the second as it is."""
    file.write_text(part + _PLAIN + _second(file), encoding="utf-8")


def write_plain(part: str, file: Path = FILE) -> None:
    """Write the second part, and leave the first as it is."""
    first = file.read_text(encoding="utf-8").partition(_PLAIN)[0] if file.exists() else _HEAD
    file.write_text(first + _PLAIN + "\n" + part, encoding="utf-8")


def differences(part: str, file: Path = FILE) -> list[str]:
    """Return how the first part in the file differs from another, without regard to figures. Empty if it does not."""
    kept = file.read_text(encoding="utf-8").partition(_PLAIN)[0] if file.exists() else ""
    return list(
        difflib.unified_diff(_without_figures(kept), _without_figures(part), str(file.name), "now", lineterm="", n=0)
    )


def _second(file: Path) -> str:
    found = file.read_text(encoding="utf-8").partition(_PLAIN)[2] if file.exists() else ""
    return found or _NOTHING_YET


def _without_figures(part: str) -> list[str]:
    rows = [line for line in part.splitlines() if line.startswith("|")]
    return [_FIGURES.sub("", row) for row in rows]
