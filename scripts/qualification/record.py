"""The file that the kill matrix is kept in: a part for each depth, and one for plain Schemathesis."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from attrs import frozen
from image_variations_conformance.cases.plan import Depth
from image_variations_conformance.contract.requirements import Requirement

from qualification import matrix
from qualification.trials import Trial

FILE = Path(__file__).resolve().parents[2] / "conformance" / "KILL_MATRIX.md"

Key = Literal["standard", "quick", "deep", "plain"]
_TITLES: dict[Key, str] = {
    "standard": "At standard depth",
    "quick": "At quick depth",
    "deep": "At deep depth",
    "plain": "Plain Schemathesis",
}
_HEAD = """# The kill matrix

Written by `scripts/qualify --write`; nobody edits it. What the suite reports of servers whose defects are known: each
fault breaks the reference server in one way, each quirk is unusual and conformant. A fault counts as caught when it is
reported under an id that it breaks. `image-variations serve --fault NAME` runs one by hand.
"""
_SUMMARY_HEAD = ("", "Faults caught", "Under exactly their ids", "Right servers blamed", "Requests", "Images")
# The figures of a row vary with the machine, which ids are reported does not.
_FIGURES = re.compile(r"\d+ requests?, \d+ images?")


@frozen
class Part:
    """One part of the file: its row in the table at the top, without the name, and what stands under its title."""

    key: Key
    row: tuple[str, ...]
    text: str


def rendered(trials: Sequence[Trial], register: Mapping[str, Requirement], depth: Depth, *, tables: bool) -> Part:
    """Return the part of a depth; with the tables, also what each fault and quirk shows."""
    trials = sorted(trials, key=lambda trial: (trial.subject.family, trial.subject.name))
    faults = [trial for trial in trials if trial.subject.kind == "fault"]
    quirks = [trial for trial in trials if trial.subject.kind == "quirk"]
    lines = [f"- {line}" for line in matrix.totals(trials, register)]
    if tables:
        lines += ["\n### Faults\n", *matrix.table(matrix.FAULTS_HEAD, map(matrix.fault_row, faults))]
        lines += ["\n### Oddities\n", *matrix.table(matrix.RIGHT_HEAD, map(matrix.right_row, quirks))]
    return Part(depth, matrix.summary_row(trials, register), "\n".join(lines) + "\n")


def write(part: Part, file: Path = FILE) -> None:
    """Write one part, and leave the others as they are."""
    parts = {**_kept(file), part.key: part}
    rows = [(_TITLES[key], *parts[key].row) for key in _TITLES if key in parts]
    texts = [f"\n## {_TITLES[key]}\n\n{parts[key].text}" for key in _TITLES if key in parts]
    summary = "\n".join(matrix.table(_SUMMARY_HEAD, rows))
    file.write_text(f"{_HEAD}\n{summary}\n{''.join(texts)}", encoding="utf-8")


def differences(part: Part, file: Path = FILE) -> list[str]:
    """Return how a part differs from the one in the file, without regard to figures. Empty if it does not."""
    kept = _kept(file).get(part.key)
    before, after = (list(_telling(text)) for text in (kept.text if kept is not None else "", part.text))
    return list(difflib.unified_diff(before, after, str(file.name), "now", lineterm="", n=0))


def _kept(file: Path) -> dict[Key, Part]:
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found: dict[Key, Part] = {}
    for key, title in _TITLES.items():
        row = re.search(rf"^\| {title} \| (.*) \|$", text, re.MULTILINE)
        part = re.search(rf"^## {title}\n\n(.*?)(?=\n## |\Z)", text, re.MULTILINE | re.DOTALL)
        if row is not None and part is not None:
            found[key] = Part(key, tuple(row[1].split(" | ")), part[1])
    return found


def _telling(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.startswith(("|", "- Not seen")):
            yield _FIGURES.sub("", line)
