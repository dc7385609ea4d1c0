"""Write docs/contract.md: each fact of the reference page, its place, its requirements, and their evidence."""

from collections.abc import Iterator

from image_variations_conformance.contract.evidence import Evidence, Sample, parse_evidence

from regeneration.register import Entry, SpecFiles

_HEAD = """\
<!-- Written by scripts/regenerate from spec/. Do not edit. -->

# The contract, fact by fact

Each fact of the [reference page](../spec/reference-page.md), its place in [openapi.yaml](../spec/openapi.yaml), the
requirements that cite it, and what a run must see before these pass. What that page is silent on is in
[readings.md](../spec/readings.md), and all requirements are in [requirements.yaml](../spec/requirements.yaml).

| fact | place in openapi.yaml | requirement | evidence |
| --- | --- | --- | --- |
"""


def contract_table(files: SpecFiles) -> str:
    """Return the content of docs/contract.md for files without problems."""
    return _HEAD + "".join(f"| {' | '.join(cells)} |\n" for cells in _rows(files))


def _rows(files: SpecFiles) -> Iterator[tuple[str, str, str, str]]:
    page = files.reference_page
    reasons = {row.cells[0]: row.cells[1] for row in page.reasons}
    entries = list(files.entries())
    for anchor in page.anchors:
        fact = f"[{anchor}](../spec/reference-page.md#{anchor}): {page.statements[anchor]}"
        pointers = dict.fromkeys(row.cells[1] for row in page.values if row.cells[0] == anchor)
        place = "<br>".join(f"`{pointer}`" for pointer in pointers)
        citing = [entry for entry in entries if f"page:{anchor}" in entry.sources]
        for entry in citing:
            yield fact, place, f"{entry.id} ({_level(entry)})", _evidence(files, entry)
        if not citing:
            yield fact, place, f"none: {reasons[anchor]}", "none, without a requirement"


def _level(entry: Entry) -> str:
    return f"{entry.keys['level']}, planned" if entry.section == "planned" else str(entry.keys["level"])


def _evidence(files: SpecFiles, entry: Entry) -> str:
    if "evidence" not in entry.keys:
        return f"not judged: {entry.keys['excluded']}"
    evidence = parse_evidence(entry.id, entry.keys["evidence"])
    return f"{', '.join(f'`{item}`' for item in evidence.items(files.contract))}{_by_seed(evidence, files)}"


def _by_seed(evidence: Evidence, files: SpecFiles) -> str:
    if not isinstance(evidence, Sample):
        return ""
    groups = evidence.groups(files.contract)
    return f" (the last {evidence.by_seed} by the seed: {'; '.join(' and '.join(map(str, group)) for group in groups)})"
