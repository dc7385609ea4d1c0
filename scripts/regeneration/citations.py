"""The two pages that requirements cite, spec/reference-page.md and spec/readings.md: their anchors and tables.

Both are Markdown. Each fact or reading has an anchor, `<a id="n"></a>`. A table with the header `fact | pointer |
value` has values that openapi.yaml must have, one with `fact | reason` explains facts without a requirement, and one
with `difference | reading | reason` names the reading behind each difference from OpenAI's own OpenAPI file.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from attrs import frozen

_ANCHOR = re.compile(r'<a id="([^"]+)"></a>')
_VALUES = ["fact", "pointer", "value"]
_REASONS = ["fact", "reason"]
_DIFFERENCES = ["difference", "reading", "reason"]
CONTAINS = "contains "


@frozen
class Row:
    """A row of a table: its line in the file and its cells."""

    line: int
    cells: tuple[str, ...]


@frozen
class Page:
    """A page: the line and the text of each anchor, and the rows of its tables.

    `repeated` are the anchors that are there again, with their lines.
    """

    anchors: dict[str, int]
    statements: dict[str, str]
    repeated: tuple[tuple[str, int], ...]
    values: tuple[Row, ...]
    reasons: tuple[Row, ...]
    differences: tuple[Row, ...]


def read_page(text: str) -> Page:
    """Return the anchors and tables of a page."""
    anchors: dict[str, int] = {}
    statements: dict[str, str] = {}
    repeated = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        for match in _ANCHOR.finditer(line):
            if match[1] in anchors:
                repeated.append((match[1], number))
            anchors.setdefault(match[1], number)
            statements.setdefault(match[1], _statement(lines, number - 1, match.end()))
    tables = [(header, list(rows)) for header, rows in _tables(lines)]
    values, reasons, differences = (
        tuple(row for header, rows in tables if header == wanted for row in rows)
        for wanted in (_VALUES, _REASONS, _DIFFERENCES)
    )
    return Page(anchors, statements, tuple(repeated), values, reasons, differences)


def _statement(lines: list[str], at: int, start: int) -> str:
    """Return the text after an anchor, with the indented lines that continue it."""
    words = [lines[at][start:].strip()]
    for line in lines[at + 1 :]:
        if not line.startswith("  "):
            break
        words.append(line.strip())
    return " ".join(words)


def _tables(lines: list[str]) -> Iterator[tuple[list[str], Iterator[Row]]]:
    """Yield the header and the rows of each table."""
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and lines[end].startswith("|"):
            end += 1
        if end - at > 1:
            header = _cells(lines[at])
            # A row may lack its last cells, as in any Markdown table.
            missing = [""] * len(header)
            cells = ([*_cells(lines[line]), *missing][: len(header)] for line in range(at + 2, end))
            yield header, (Row(line, tuple(row)) for line, row in enumerate(cells, start=at + 3))
        at = end + 1


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def matches(cell: str, value: Any) -> bool:
    """Return whether a value of the document is what the cell of a table says. An empty cell allows any value.

    Raises ValueError if the cell is not JSON.
    """
    if not cell:
        return True
    if cell.startswith(CONTAINS):
        return isinstance(value, list) and all(item in value for item in json.loads(cell.removeprefix(CONTAINS)))
    expected = json.loads(cell)
    return type(expected) is type(value) and bool(expected == value)
