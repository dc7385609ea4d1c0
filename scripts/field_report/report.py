"""docs/field-report.md: one matrix of requirements and systems, and each failure with a request that shows it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence

from attrs import frozen
from image_variations_conformance.engine.run import Run, Verdict
from image_variations_conformance.oracles.base import shortened
from image_variations_conformance.reports.document import reproduction
from image_variations_conformance.reports.reasons import message

from field_report.systems import NOT_RUN, System

_LETTERS = {
    "pass": "pass",
    "fail": "**fail**",
    "warn": "warn",
    "declared": "declared",
    "partial": "in part",
    "not-tested": "untested",
}
_COMMAND_CHARACTERS = 600
_HEAD = """# Field report

Written by `scripts/field-report`, which installs the systems below at these versions, starts each on loopback, and runs
`image-variations check` on it with seed 1; do not edit. The failures of each system were looked through by hand. A
system is judged by the contract with what it declares (its profile); what it does not claim is no failure. What is
untested was left out most often because the system answers too little, or makes too many images.

Commands name the key in `$IMAGE_VARIATIONS_API_KEY` and have the files of the report folder (`--report-dir report`).
"""


@frozen
class Result:
    """The run on a system, or the reason why there is none."""

    system: System
    run: Run | None
    reason: str = ""


def render(results: Sequence[Result], today: datetime.date) -> str:
    """Return the text of the report."""
    return "\n".join([_HEAD, f"{today}\n", *_summary(results), "", *_matrix(results), "", *_details(results)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _summary(results: Sequence[Result]) -> Iterator[str]:
    yield "## Systems\n"
    yield _row(["System", "Version", "What it does", "How it was run", "Requests", "Images", "Seconds", "Outcome"])
    yield _row(["---"] * 8)
    for result in results:
        system, run = result.system, result.run
        cost = ("", "", "") if run is None else (run.cost.requests, run.cost.images, round(run.cost.seconds))
        outcome = f"not run: {result.reason}" if run is None else run.headline
        yield _row([system.name, system.version, system.what, system.how, *map(str, cost), outcome])
    yield "\nKnown to serve the operation, and not run:\n"
    yield from (f"- {name}: {why}" for name, why in NOT_RUN.items())


def _matrix(results: Sequence[Result]) -> Iterator[str]:
    yield "## Requirements\n"
    ran = [(result.system, result.run) for result in results if result.run is not None]
    yield _row(["Requirement", "Level", *(f"{system.name} {system.version}" for system, _ in ran)])
    yield _row(["---"] * (len(ran) + 2))
    by_id = [{verdict.requirement.id: verdict for verdict in run.verdicts} for _, run in ran]
    for name, verdict in (by_id[0] if by_id else {}).items():
        yield _row([name, verdict.requirement.level, *(_LETTERS[each[name].result] for each in by_id)])


def _details(results: Sequence[Result]) -> Iterator[str]:
    yield "## Failures"
    for result in results:
        system, run = result.system, result.run
        if run is None:
            continue
        yield f"\n### {system.name} {system.version}\n"
        if system.profile:
            declared = ", ".join(f"{key} = {value}" for key, value in system.declared.items())
            yield f"Profile: [{system.profile}](../spec/profiles/{system.profile}.toml), with {declared}.\n"
        broken = [verdict for verdict in run.verdicts if verdict.result == "fail"]
        if not broken:
            yield "None."
        for verdict in broken:
            yield from _failure(run, verdict)


def _failure(run: Run, verdict: Verdict) -> Iterator[str]:
    yield f"**{verdict.requirement.id}**: {verdict.requirement.text}"
    yield _plain(message(verdict))
    if verdict.also:
        yield f"Also broken by this: {', '.join(verdict.also)}."
    again = reproduction(run, verdict, f"report/{verdict.requirement.id}")
    if again is not None:
        line = again.line.replace(run.target.base_url, "$URL")
        yield f"\n    {shortened(line, _COMMAND_CHARACTERS)}\n"


def _plain(text: str) -> str:
    # The folder of a system is another one in each run.
    text = re.sub(r"/tmp/tmp\w+", "$FOLDER", text)  # noqa: S108 - in a text, not a file
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")
