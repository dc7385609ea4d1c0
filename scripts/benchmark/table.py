"""Figures as a table and as JSON."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

import attrs

from benchmark.figures import BASE, Figure

_HEADINGS = ("", "median", "", f"to {BASE}", "target", "met")
_DIGITS = {"calls/s": 0, "cases/s": 0}


def lines(figures: Sequence[Figure]) -> list[str]:
    """Return the lines of the table: for each measure its name, then one line per figure.

    The heading of the ratios is empty if no figure has one.
    """
    compared = any(figure.ratio is not None for figure in figures)
    rows: list[tuple[str, ...]] = [tuple(it if compared or BASE not in it else "" for it in _HEADINGS)]
    measure = ""
    for figure in figures:
        if figure.measure != measure:
            measure = figure.measure
            rows.append((measure, *[""] * 5))
        rows.append(_row(figure))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return ["  ".join(_aligned(row, widths)).rstrip() for row in rows]


def missed(figures: Sequence[Figure]) -> list[str]:
    """Return one line for each target that is missed or was not measured."""
    return [
        f"missed: {figure.measure}, {figure.subject}: {_target(figure)}{f' ({figure.note})' if figure.note else ''}"
        for figure in figures
        if figure.met is False
    ]


def as_json(figures: Sequence[Figure]) -> dict[str, Any]:
    """Return the JSON document of `--json`: the machine, and all figures."""
    return {
        "machine": {"python": sys.version, "platform": platform.platform(), "cores": os.cpu_count()},
        "met": not missed(figures),
        "figures": [{**attrs.asdict(figure), "met": figure.met} for figure in figures],
    }


def _row(figure: Figure) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    if figure.value is None:
        return (f"  {figure.subject}", "-", "", "", figure.note, met)
    value = f"{figure.value:,.{_DIGITS.get(figure.unit, 2)}f}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    return (f"  {figure.subject}", value, figure.unit, ratio, _target(figure), met)


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    beside = f" x {figure.target.beside}" if figure.target.beside else f" {figure.unit}"
    found = "not measured" if figure.found is None else f"{figure.found:.2f}"
    return f"{found}, {figure.target.kind} {figure.target.bound:.2f}{beside}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    right = (1, 3)
    return [
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
