"""Plain Schemathesis on the same subjects, as its users run it: the document, the URL, the key, and nothing else.

It counts as having caught a fault when it exits with 1 and reports a kind of failure, or of error of the run, that it
does not report of the reference server without a fault, with the same seed. That is to its favour: a connection that
broke is an error to it, which it blames on nobody, and what it reports of a correct server too is counted as a false
alarm only.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from image_variations_conformance.reference.app.serving import running

from qualification.matrix import span
from qualification.record import Part
from qualification.subjects import KEY, SEED, Subject

_SPEC = Path(__file__).resolve().parents[2] / "spec" / "openapi.yaml"
_LIMIT_SECONDS = 60.0
_FAILURES_FOUND = 1


@frozen
class PlainTrial:
    """What Schemathesis said of a subject: the kinds of its failures and errors, and how many requests it made.

    `ended` says how it ended: by itself, or because its time was up, which counts as having found nothing.
    """

    subject: Subject
    exit_code: int
    failures: frozenset[str]
    errors: frozenset[str]
    requests: int
    ended: bool = True

    @property
    def kinds(self) -> frozenset[str]:
        """All that a reader of its report sees."""
        return self.failures | self.errors


def attempt(subject: Subject) -> PlainTrial:
    """Return what plain `schemathesis run` makes of a subject within a minute."""
    with running(subject.service()) as server:
        try:
            document = report(server.base_url, SEED)
        except subprocess.TimeoutExpired:
            return PlainTrial(subject, 0, frozenset(), frozenset(), 0, ended=False)
    failures = frozenset(f"{it['code']} {it['title']}" for it in document["failures"])
    errors = frozenset(it["title"] for it in document["errors"])
    return PlainTrial(subject, document["exit_code"], failures, errors, document["test_cases"]["generated"])


def report(base_url: str, seed: int, *options: str) -> dict[str, Any]:
    """Return the report of `schemathesis run` on the server at a base URL. Raises TimeoutExpired after a minute."""
    with tempfile.TemporaryDirectory(prefix="schemathesis-") as folder:
        written = Path(folder) / "report.json"
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(_SPEC)),
            *("--url", base_url, "--header", f"Authorization: Bearer {KEY}", "--seed", str(seed)),
            *("--report", "json", "--report-json-path", str(written), *options),
        ]
        done = subprocess.run(  # noqa: S603 - our own command
            command, cwd=folder, env=_environment(), capture_output=True, timeout=_LIMIT_SECONDS, check=False
        )
        if not written.exists():
            raise RuntimeError(f"schemathesis wrote no report: {done.stderr.decode(errors='replace')[-500:]}")
        document: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    if document["exit_code"] != done.returncode:
        raise RuntimeError(
            f"schemathesis reports the exit code {document['exit_code']} and ends with {done.returncode}"
        )
    return document


def _environment() -> dict[str, str]:
    # Its own settings are what is measured, not those of the one who measures.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCHEMATHESIS", "HYPOTHESIS"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def caught(trial: PlainTrial, reference: PlainTrial) -> bool:
    """Whether a fault was caught: by a kind of failure or error that the reference server does not show."""
    return trial.exit_code == _FAILURES_FOUND and bool(trial.kinds - reference.kinds)


def rendered(trials: Sequence[PlainTrial], of_all: int, version: str, date: str) -> Part:
    """Return the part of the file for plain Schemathesis, for as many faults as were tried of all there are."""
    (reference,) = (trial for trial in trials if trial.subject.kind == "reference")
    faults = [trial for trial in trials if trial.subject.kind == "fault"]
    quirks = [trial for trial in trials if trial.subject.kind == "quirk"]
    found = [trial for trial in faults if caught(trial, reference)]
    by_errors = [trial for trial in found if not trial.failures - reference.failures]
    alarms = [trial for trial in quirks if trial.exit_code == _FAILURES_FOUND]
    of_their_own = [trial for trial in quirks if caught(trial, reference)]
    endless = [trial.subject.name for trial in trials if not trial.ended]
    requests = [trial.requests for trial in trials if trial.ended]
    sampled = (
        ""
        if len(faults) == of_all
        else f" (of {of_all}; as many of each family, whatever its size, so no estimate of the whole)"
    )
    families = {
        trial.subject.family: [it for it in faults if it.subject.family == trial.subject.family] for trial in faults
    }
    lines = [
        f"{date}, Schemathesis {version}: `schemathesis run spec/openapi.yaml --url URL --header 'Authorization: …' "
        f"--seed {SEED}`, {_LIMIT_SECONDS:.0f} s for each server.",
        "",
        f"- Faults caught: {len(found)} of {len(faults)}{sampled}, "
        f"{len(by_errors)} of them by an error of the run alone.",
        "  Caught is what shows a kind of failure or error that the reference server does not show.",
        f"- False alarms: {', '.join(sorted(reference.kinds)) or 'none'} on the reference server; {len(alarms)} of",
        f"  {len(quirks)} quirks, {len(of_their_own)} of them by a kind that the reference server does not show"
        f"{_named(of_their_own)}.",
        f"- Requests in a run: {min(requests)} at least, {statistics.median(requests):g} in the middle, "
        f"{max(requests)} at most.",
        *([f"- Not done after {_LIMIT_SECONDS:.0f} s: {', '.join(endless)}."] if endless else []),
        "",
        "| Family | Faults | Caught by plain Schemathesis |",
        "| --- | --- | --- |",
        *(
            f"| {family} | {len(them)} | {sum(caught(it, reference) for it in them)} |"
            for family, them in sorted(families.items())
        ),
        "",
        f"Not caught: {', '.join(sorted(it.subject.name for it in faults if not caught(it, reference)))}.",
    ]
    row = (
        f"{len(found)} of {len(faults)}",
        "it knows none",
        f"{len(alarms) + bool(reference.kinds)} of {len(quirks) + 1}",
        span(requests),
        "not counted",
    )
    return Part("plain", row, "\n".join(lines) + "\n")


def _named(trials: Sequence[PlainTrial]) -> str:
    return f" ({', '.join(trial.subject.name for trial in trials)})" if trials else ""
