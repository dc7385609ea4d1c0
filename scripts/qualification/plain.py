"""Plain Schemathesis on the same subjects, run with the OpenAPI document, the URL and the key, and no other settings.

A fault counts as caught if Schemathesis exits with 1 and reports a kind of failure or error that it does not report for
the reference server with the same seed. This rule favours Schemathesis: it reports a broken connection as an error of
the run, not as a failure of the server, and the rule counts both.
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
    """The result of Schemathesis on a subject: the kinds of failures and errors, and the number of requests.

    `ended` is false if the run was stopped at the time limit, which counts as having found nothing.
    """

    subject: Subject
    exit_code: int
    failures: frozenset[str]
    errors: frozenset[str]
    requests: int
    ended: bool = True

    @property
    def kinds(self) -> frozenset[str]:
        """Return the kinds of all failures and errors in the report."""
        return self.failures | self.errors


def attempt(subject: Subject) -> PlainTrial:
    """Return the result of plain `schemathesis run` on a subject, with a time limit of one minute."""
    with running(subject.service()) as server:
        try:
            document = report(server.base_url, SEED)
        except subprocess.TimeoutExpired:
            return PlainTrial(subject, 0, frozenset(), frozenset(), 0, ended=False)
    failures = frozenset(f"{it['code']} {it['title']}" for it in document["failures"])
    errors = frozenset(it["title"] for it in document["errors"])
    return PlainTrial(subject, document["exit_code"], failures, errors, document["test_cases"]["generated"])


def report(base_url: str, seed: int, *options: str) -> dict[str, Any]:
    """Return the JSON report of `schemathesis run` on the server at a base URL.

    Raises TimeoutExpired after one minute, and RuntimeError if there is no report or it has another exit code than the
    process.
    """
    with tempfile.TemporaryDirectory(prefix="schemathesis-") as folder:
        report_file = Path(folder) / "report.json"
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(_SPEC)),
            *("--url", base_url, "--header", f"Authorization: Bearer {KEY}", "--seed", str(seed)),
            *("--report", "json", "--report-json-path", str(report_file), *options),
        ]
        process = subprocess.run(  # noqa: S603 - a fixed command
            command, cwd=folder, env=_environment(), capture_output=True, timeout=_LIMIT_SECONDS, check=False
        )
        if not report_file.exists():
            raise RuntimeError(f"schemathesis wrote no report: {process.stderr.decode(errors='replace')[-500:]}")
        document: dict[str, Any] = json.loads(report_file.read_text(encoding="utf-8"))
    if document["exit_code"] != process.returncode:
        raise RuntimeError(
            f"schemathesis reports the exit code {document['exit_code']} but exited with {process.returncode}"
        )
    return document


def _environment() -> dict[str, str]:
    # The defaults of Schemathesis are measured, without the settings of the current user.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCHEMATHESIS", "HYPOTHESIS"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def caught(trial: PlainTrial, reference: PlainTrial) -> bool:
    """Return whether a fault was caught: by a kind of failure or error that the reference server does not have."""
    return trial.exit_code == _FAILURES_FOUND and bool(trial.kinds - reference.kinds)


def rendered(trials: Sequence[PlainTrial], all_faults: int, version: str, date: str) -> Part:
    """Return the part of the file for plain Schemathesis.

    `all_faults` is the number of existing faults, of which the trials may cover a sample. `version` is that of
    Schemathesis, and `date` the date of the run.
    """
    (reference,) = (trial for trial in trials if trial.subject.kind == "reference")
    faults = [trial for trial in trials if trial.subject.kind == "fault"]
    quirks = [trial for trial in trials if trial.subject.kind == "quirk"]
    detected = [trial for trial in faults if caught(trial, reference)]
    by_errors = [trial for trial in detected if not trial.failures - reference.failures]
    undetected = [trial.subject.name for trial in faults if not caught(trial, reference)]
    alarms = [trial for trial in quirks if trial.exit_code == _FAILURES_FOUND]
    new_alarms = [trial for trial in quirks if caught(trial, reference)]
    unfinished = [trial.subject.name for trial in trials if not trial.ended]
    requests = [trial.requests for trial in trials if trial.ended]
    sampled = (
        ""
        if len(faults) == all_faults
        else f" (of {all_faults}; the same number of each family, so this is no estimate of the whole)"
    )
    families = {
        family: [trial for trial in faults if trial.subject.family == family]
        for family in {trial.subject.family for trial in faults}
    }
    lines = [
        f"{date}, Schemathesis {version}: `schemathesis run spec/openapi.yaml --url URL --header 'Authorization: …' "
        f"--seed {SEED}`, {_LIMIT_SECONDS:.0f} s for each server.",
        "",
        f"- Faults caught: {len(detected)} of {len(faults)}{sampled}, "
        f"{len(by_errors)} of them only by an error of the run.",
        "  A fault is caught if it causes a kind of failure or error that the reference server does not cause.",
        f"- False alarms: {', '.join(sorted(reference.kinds)) or 'none'} on the reference server; {len(alarms)} of",
        f"  {len(quirks)} quirks, {len(new_alarms)} of them by a kind that the reference server does not cause"
        f"{_named(new_alarms)}.",
        f"- Requests in a run: minimum {min(requests)}, median {statistics.median(requests):g}, "
        f"maximum {max(requests)}.",
        *([f"- Not finished after {_LIMIT_SECONDS:.0f} s: {', '.join(unfinished)}."] if unfinished else []),
        "",
        "| Family | Faults | Caught by plain Schemathesis |",
        "| --- | --- | --- |",
        *(
            f"| {family} | {len(members)} | {sum(caught(it, reference) for it in members)} |"
            for family, members in sorted(families.items())
        ),
        "",
        f"Not caught: {', '.join(sorted(undetected))}.",
    ]
    row = (
        f"{len(detected)} of {len(faults)}",
        "no ids",
        f"{len(alarms) + bool(reference.kinds)} of {len(quirks) + 1}",
        span(requests),
        "not counted",
    )
    return Part("plain", row, "\n".join(lines) + "\n")


def _named(trials: Sequence[PlainTrial]) -> str:
    return f" ({', '.join(trial.subject.name for trial in trials)})" if trials else ""
