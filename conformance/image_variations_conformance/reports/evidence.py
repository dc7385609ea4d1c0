"""The evidence for a verdict in lines of text: what was seen of each item, and beside what."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.run import Item, Verdict
from .reasons import describe

_MAX_ITEMS = 4


def cited(source: str) -> str:
    """Return the sources of a requirement as a reader of the project finds them."""
    return source.replace("page:", "reference-page.md#").replace("reading:", "readings.md#")


def evidence_lines(verdict: Verdict) -> Iterator[str]:
    """Yield a line for each item that is contradicted, at most a few, and lines for what only echoes them."""
    broken = [item for item in verdict.items if item.state == "contradicted"]
    for item in broken[:_MAX_ITEMS]:
        yield _contradicted(item)
    if len(broken) > _MAX_ITEMS:
        yield f"and {len(broken) - _MAX_ITEMS} more: {', '.join(item.name for item in broken[_MAX_ITEMS:])}"
    held = [item.name for item in verdict.items if item.state == "holds"]
    if broken and held:
        more = f" and {len(held) - _MAX_ITEMS} more" if len(held) > _MAX_ITEMS else ""
        yield f"As it should be: {', '.join(held[:_MAX_ITEMS])}{more}"
    if verdict.known:
        yield f"Known: {', '.join(verdict.known)}: {verdict.known_because}"
    if verdict.also:
        yield f"Also broken by this: {', '.join(verdict.also)}"


def _contradicted(item: Item) -> str:
    finding = item.findings[0]
    name = "" if item.name in finding.message else f"{item.name}: "
    company = f", sent together with {', '.join(finding.company)}" if finding.company else ""
    twin = f"; {finding.twin} without it was accepted" if finding.twin is not None else ""
    return f"{name}{finding.message}{company}{twin}"


def all_items(verdict: Verdict) -> Iterator[str]:
    """Yield a line for each item of the evidence."""
    for item in verdict.items:
        reason = f": {describe(item.reason)}" if item.reason is not None else ""
        message = f": {item.findings[0].message}" if item.findings and item.findings[0].message else ""
        yield f"{item.state or 'left out'}  {item.name}{reason or message}"
