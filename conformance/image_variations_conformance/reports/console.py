"""The report for people: progress during a run, then all verdicts, then what failed and how to reproduce it."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..cases.case import Case
from ..contract.expectation import Validity
from ..engine.check import Settings
from ..engine.run import Result, Run, Verdict
from ..version import suite_version
from ..wire.reasons import Interrupted, Reason
from ..wire.redaction import Redactor
from ..wire.target import Target
from .curl import curl
from .reasons import describe

_STYLES: dict[Result, str] = {"pass": "green", "fail": "bold red", "warn": "yellow", "not-tested": "dim"}
_EXPECTED: dict[Validity, str] = {"valid": "to be accepted", "invalid": "to be refused", "unspecified": "not judged"}
_PROGRESS_SECONDS = 5.0
_MAX_CASES = 5
_IDS_PER_LINE = 5


class ShownProgress:
    """Shows the progress of a run: a bar on a terminal, a line every few seconds elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._latest: float | None = None
        columns = (TextColumn("{task.description:26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> ShownProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The terminal may be gone. The run continues without it.
        with contextlib.suppress(OSError):
            self._bar.stop()

    def __call__(self, done: int, total: int, case: Case) -> None:
        """Show that `done` of `total` cases are done and that `case` is next."""
        self._bar.update(self._task, completed=done, total=total, description=case.label)
        now = time.monotonic()
        self._latest = now if self._latest is None else self._latest
        if not self._console.is_terminal and now - self._latest > _PROGRESS_SECONDS:
            self._latest = now
            with contextlib.suppress(OSError):
                self._console.print(f"{done} of {total} sent, next is {case.label}")


def show_plan(cases: Sequence[Case], settings: Settings, console: Console) -> None:
    """Print the cases that a check would send, in order, and how many images they cost."""
    for case in cases:
        images = f"{case.image_count} {'image' if case.image_count == 1 else 'images'}"
        cost = images if case.image_count else "no image"
        size, expected = len(case.request.body), _EXPECTED[case.expectation.validity]
        console.print(f"{escape(case.label):24} {cost:9} {size:9,} bytes  {expected:14}  {escape(case.note)}")
        if case.parts:
            console.print(f"{'':24} if it is refused, also {', '.join(part.label for part in case.parts)}")
    total = sum(case.image_count for case in cases)
    console.print(f"{len(cases)} requests, for which a correct server makes {total} images, with seed {settings.seed}.")
    limits = {"requests": settings.limits.max_requests, "images": settings.limits.max_images}
    for noun, limit in limits.items():
        if limit is not None:
            console.print(f"Limit: {limit} {noun}.")
    if settings.fuzz_seconds:
        seconds = f"{settings.fuzz_seconds:g} s"
        console.print(f"Then random requests, until {seconds} after the start or until a limit is reached.")


def show_start(target: Target, settings: Settings, key_source: str, console: Console) -> None:
    """Print the first line of a run: versions, seed, where the key comes from, and the URL."""
    url = Redactor.of(target.api_key, target.headers).text(target.base_url)
    versions = f"image-variations {suite_version()}, contract {settings.contract.version}"
    if settings.contract.changes:
        keys = dict.fromkeys(change.key for change in settings.contract.changes)
        differences = "declared difference" if len(keys) == 1 else "declared differences"
        versions += f" with {len(keys)} {differences} of the profile {settings.contract.profile} ({', '.join(keys)})"
    console.print(f"{versions}, seed {settings.seed}, {key_source}: {escape(url)}")


def show(run: Run, console: Console, report_dir: Path | None) -> None:
    """Print a run: a line for each requirement, then the details of what failed, then the outcome."""
    console.print()
    for verdict in run.verdicts:
        requirement, style = verdict.requirement, _STYLES[verdict.result]
        result = f"[{style}]{verdict.result:10}[/{style}]"
        console.print(f"{result} {requirement.level:6} {requirement.id:22} {escape(requirement.text)}")
    broken = [verdict for verdict in run.verdicts if verdict.result in {"fail", "warn"}]
    for verdict in broken:
        _show_broken(run, verdict, console, report_dir)
    _show_blocked(run, console)
    console.print()
    if broken and report_dir is None:
        console.print(
            "Give --report-dir DIR to keep the exact bytes of each case above, and a curl line that sends them again."
        )
    _show_summary(run, console)
    console.print(f"[bold]{escape(run.headline)}[/bold]")


def _show_summary(run: Run, console: Console) -> None:
    counts = Counter(verdict.result for verdict in run.verdicts)
    results = ", ".join(f"{counts[result]} {result}" for result in _STYLES if counts[result])
    console.print(f"{len(run.verdicts)} requirements: {results}.")
    reasons = Counter(
        describe(verdict.reason) for verdict in run.verdicts if verdict.deselected and verdict.reason is not None
    )
    for reason, number in reasons.items():
        console.print(f"{number} left out: {escape(reason)}.")
    cost = run.cost
    console.print(
        f"{cost.requests} requests, {cost.images} images, {cost.fetches} links followed, {cost.seconds:.1f} s."
    )
    if run.explored is not None:
        ended = describe(run.explored.ended) if run.explored.ended is not None else ""
        shrinking = f", and {run.explored.shrinking} more made failing ones smaller" if run.explored.shrinking else ""
        console.print(f"{run.explored.fuzzed} of the requests were random{shrinking}; they ended: {escape(ended)}.")


def _show_blocked(run: Run, console: Console) -> None:
    """Print the requirements that the server kept from being tested, by reason: one may block dozens of them."""
    blocked: dict[Reason, list[str]] = {}
    for verdict in run.verdicts:
        if verdict.reason is not None and verdict.fails_the_run and verdict.reason != Interrupted():
            blocked.setdefault(verdict.reason, []).append(verdict.requirement.id)
    for reason, ids in blocked.items():
        console.print()
        style = _STYLES["not-tested"]
        console.print(f"[{style}]NOT-TESTED[/{style}] (must): {escape(describe(reason))}")
        for at in range(0, len(ids), _IDS_PER_LINE):
            console.print(f"  {' '.join(ids[at : at + _IDS_PER_LINE])}")


def _show_broken(run: Run, verdict: Verdict, console: Console, report_dir: Path | None) -> None:
    requirement, style = verdict.requirement, _STYLES[verdict.result]
    console.print()
    console.print(f"[{style}]{verdict.result.upper()}[/{style}] [bold]{requirement.id}[/bold] ({requirement.level})")
    console.print(f"  {escape(requirement.text)} [dim]({escape(requirement.source)})[/dim]")
    own = [finding for finding in run.findings if finding.requirement == requirement.id and finding.message]
    messages = {finding.label: finding.message for finding in reversed(own)}
    for label in verdict.cases[:_MAX_CASES]:
        console.print(f"  [bold]{label}[/bold]: {escape(messages.get(label, ''))}")
    if len(verdict.cases) > _MAX_CASES:
        console.print(f"  and {len(verdict.cases) - _MAX_CASES} more cases")
    if report_dir is not None:
        exchange = run.observations[verdict.cases[0]].exchange
        body_file = f"{report_dir}/cases/{exchange.label}/request.body" if exchange.request.body else None
        console.print(f"  {escape(curl(exchange, run.target, body_file))}")
