"""The report for people: progress during a run, then what failed and how to send it again, and the outcome last."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..cases.builder import Base
from ..cases.case import Case
from ..cases.plan import Plan
from ..engine.check import FEW_IMAGES, FEW_REQUESTS, Settings
from ..engine.packs import PACK_SIZE
from ..engine.run import Result, Run, Verdict
from ..oracles.base import shortened
from ..version import suite_version
from ..wire.reasons import Reason
from ..wire.redaction import Redactor
from ..wire.target import Target
from .client_call import client_call
from .document import reproduction, shown
from .evidence import all_items, cited, evidence_lines
from .reasons import describe

_STYLES: dict[Result, str] = {
    "pass": "green",
    "fail": "bold red",
    "warn": "yellow",
    "declared": "green",
    "known": "yellow",
    "partial": "dim",
    "not-tested": "dim",
}
_PROGRESS_SECONDS = 5.0
_CODE_CHARACTERS = 400
_DOT = " \u00b7 "


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


def show_plan(plan: Plan, settings: Settings, console: Console) -> None:
    """Print what a check would send at most, and how many images that costs."""
    base = Base(plan.contract.required_texts)
    refused = list(plan.refusal_cases(base))
    probes = (*plan.must_probes, *plan.should_probes)
    for case in refused:
        console.print(f"{escape(case.label):28} to be refused   {len(case.request.body):9,} bytes  {escape(case.note)}")
    for probe in probes:
        cost = f"{probe.images} images" if probe.images > 1 else ""
        console.print(f"{escape(probe.item):28} to be accepted  {cost:15}  {escape(probe.requirement)}")
    for name in (*(row.label for row in plan.open_cases), *(probe.item for probe in plan.open_probes)):
        console.print(f"{escape(name):28} not to break the server")
    console.print(
        f"{len(refused)} requests to be refused; {len(probes)} properties to be accepted, up to {PACK_SIZE} in a "
        f"request; and requests at the same time. Seed {settings.seed}."
    )
    limits = {"requests": settings.limits.max_requests, "images": settings.limits.max_images}
    shown = [f"{limit} {noun}" for noun, limit in limits.items() if limit is not None]
    console.print(f"At most {' and '.join(shown)}." if shown else "There is no limit on requests and images.")
    if settings.has_campaign:
        limit = f"until {settings.campaign_seconds:g} s after the start or until a limit is reached"
        few = f"at most {FEW_REQUESTS}, for {FEW_IMAGES} images"
        console.print(f"Then random requests, {limit if settings.depth == 'deep' else few}.")


def show_start(target: Target, settings: Settings, key_source: str, console: Console) -> None:
    """Print the first line of a run: versions, profile, seed, where the key comes from, and the URL."""
    url = Redactor.of(target.api_key, target.headers, target.base_url).text(target.base_url)
    parts = [f"image-variations {suite_version()}", f"contract {settings.contract.version}"]
    if settings.contract.changes:
        keys = dict.fromkeys(change.key for change in settings.contract.changes)
        differences = "difference" if len(keys) == 1 else "differences"
        parts.append(f"profile {settings.contract.profile} ({len(keys)} {differences}: {', '.join(keys)})")
    parts += [f"seed {settings.seed}", key_source, url]
    console.print(_DOT.join(parts), markup=False)


def show(run: Run, console: Console, report_dir: Path | None, *, verbose: bool = False, server: str = "") -> None:
    """Print a run: what is broken, worst first, then what was not seen, the counts and the outcome.

    With `verbose`, also every other requirement, and what was seen of each item of its evidence. `server` names the
    server to another command, if its URL does not.
    """
    if verbose:
        for verdict in run.verdicts:
            _show_whole(verdict, console)
    broken = sorted(
        (verdict for verdict in run.verdicts if verdict.result in {"fail", "warn"}),
        key=lambda verdict: verdict.result != "fail",
    )
    complete = True
    for verdict in broken:
        console.print()
        complete = _show_broken(run, verdict, console, report_dir) and complete
    console.print()
    _show_lists(run, console)
    if not complete:
        console.print("Give --report-dir DIR for the commands that send these requests again, with their files.")
    if not run.contract.changes:
        _show_deliberate(run, console, server or run.target.base_url)
    _show_summary(run, console, report_dir)
    console.print(run.headline, style="bold", markup=False)


def _show_deliberate(run: Run, console: Console, server: str) -> None:
    """Print what looks as if it were meant, and how to declare it."""
    named = [f"{name} ({key})" for name, key in run.looks_deliberate.items()]
    if not named and not run.refuses_everything:
        return
    what = ", ".join(named) or "no valid request was accepted, perhaps for want of a model or another size"
    console.print(f"Some of this looks deliberate: {what}. If it is, declare it:", markup=False)
    model = " --model NAME" if run.wants_model else ""
    console.print(f"  image-variations profile {server}{model} --output image-variations.toml", markup=False)


def _show_whole(verdict: Verdict, console: Console) -> None:
    requirement, style = verdict.requirement, _STYLES[verdict.result]
    result = f"[{style}]{verdict.result:10}[/{style}]"
    console.print(f"{result} {requirement.level:6} {requirement.id:26} {escape(requirement.text)}")
    for line in all_items(verdict):
        console.print(f"{'':11}{line}", style="dim", markup=False)


def _show_broken(run: Run, verdict: Verdict, console: Console, report_dir: Path | None) -> bool:
    """Print a broken requirement. Return whether that includes the command, whose files may not be kept."""
    requirement, style = verdict.requirement, _STYLES[verdict.result]
    heading = f"[{style}]{verdict.result.upper():4}[/{style}]  [bold]{requirement.id}[/bold]  {requirement.level}"
    console.print(f"{heading}  {escape(requirement.text)}  [dim]{escape(cited(requirement.source))}[/dim]")
    for line in evidence_lines(verdict):
        console.print(f"      {line}", markup=False)
    again = reproduction(run, verdict, f"{report_dir}/{requirement.id}" if report_dir is not None else None)
    if again is None or (again.files and report_dir is None):
        return again is None
    console.print(f"      {again.line}", markup=False)
    for line in _as_code(run, verdict, f"{report_dir}/{requirement.id}" if report_dir is not None else None):
        console.print(f"      {line}", markup=False)
    return True


def _as_code(run: Run, verdict: Verdict, folder: str | None) -> Iterator[str]:
    """Yield the code of the requests that were drawn at random, and the call of the client for the first of them."""
    broken = [finding.label for item in verdict.items if item.state == "contradicted" for finding in item.findings]
    codes = dict.fromkeys(run.cases[label].code for label in broken if label in run.cases)
    yield from (f"as code: {shortened(code, _CODE_CHARACTERS)}" for code in codes if code)
    finding = shown(run, verdict)
    if finding is not None and run.cases[finding.label].code and folder is not None:
        observation = run.observations[finding.label]
        preflight = not observation.expectation.violations
        call = client_call(observation.exchange.request, run.contract, folder, preflight=preflight)
        yield f"with the client: {call}" if call is not None else "The client sends no such request."


def _show_lists(run: Run, console: Console) -> None:
    """Print the ids of what is broken, and of what was not seen, by reason: one reason may concern dozens of them."""
    for name, result in (("Failed", "fail"), ("Warned", "warn")):
        ids = [verdict.requirement.id for verdict in run.verdicts if verdict.result == result]
        if ids:
            console.print(f"{name:10} {'  '.join(ids)}")
    _show_baseline(run, console)
    missing: dict[Reason, list[str]] = {}
    for verdict in _selected(run):
        if verdict.missing and verdict.reason is not None:
            part = " (in part)" if verdict.result == "partial" else ""
            missing.setdefault(verdict.reason, []).append(f"{verdict.requirement.id}{part}")
    for reason, names in missing.items():
        console.print(f"{'Not seen':10} {'  '.join(names)}: {describe(reason)}", markup=False)


def _selected(run: Run) -> list[Verdict]:
    """Return the verdicts of the requirements that --only names, or all."""
    return [verdict for verdict in run.verdicts if verdict.selected]


def _show_baseline(run: Run, console: Console) -> None:
    """Print what the baseline knows, and what is out of date in it."""
    for verdict in run.verdicts:
        if verdict.result == "known":
            console.print(f"{'Known':10} {verdict.requirement.id}: {verdict.known_because}", markup=False)
    for text in run.stale:
        console.print(f"{'Stale':10} {text}", markup=False)
    if run.stale:
        console.print(
            f"{'':10} Mend the baseline. --update-baseline removes what holds now; a date only you can change."
        )
    if run.baseline_of:
        new = ": what is new here may be new in the contract or the suite" if run.outcome == "fails" else ""
        console.print(f"The baseline is of {run.baseline_of}, not those of this run{new}.")


def _show_summary(run: Run, console: Console, report_dir: Path | None) -> None:
    selected = _selected(run)
    counts = Counter(verdict.result for verdict in selected)
    words = {"partial": "tested in part", "not-tested": "not tested"}
    always = {"pass", "fail", "warn"}
    results = [f"{counts[it]} {words.get(it, it)}" for it in _STYLES if counts[it] or it in always]
    cost = run.cost
    spent = f"{cost.requests} requests, {cost.images} images, {cost.fetches} links, {cost.seconds:.0f} s"
    of = "" if selected == list(run.verdicts) else f"{len(selected)} of {len(run.verdicts)} requirements selected: "
    console.print(f"{of}{_DOT.join(results)}     {spent}")
    if run.campaign is not None and run.depth == "deep":
        ended = describe(run.campaign.ended) if run.campaign.ended is not None else ""
        reducing = f", {run.campaign.reducing} of them to reduce failures" if run.campaign.reducing else ""
        console.print(
            f"{run.campaign.requests} requests were drawn at random{reducing}; they ended: {ended}.", markup=False
        )
    if report_dir is not None:
        console.print(f"{report_dir}/report.json", markup=False)


def show_headline(run: Run, console: Console) -> None:
    """Print the outcome alone."""
    console.print(run.headline, style="bold", markup=False)
