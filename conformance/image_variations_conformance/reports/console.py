"""The report for people: progress while a run goes on, then every verdict, and last what broke and how to see it."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .. import __version__
from ..cases.case import Case
from ..contract import document as contract
from ..contract.expectation import appraise
from ..engine.check import Settings
from ..engine.verdicts import Judgement, Run, Verdict
from ..wire.reasons import Interrupted, Reason
from ..wire.redaction import Redactor
from ..wire.target import Target
from .curl import curl
from .reasons import describe

_STYLES: dict[Verdict, str] = {"pass": "green", "fail": "bold red", "warn": "yellow", "not-tested": "dim"}
_QUIET_SECONDS = 5.0
_CASES_SHOWN = 5
_IDS_A_LINE = 5


class ShownProgress:
    """Tells how far a run is: a bar on a terminal, a line every few seconds elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: float | None = None
        columns = (TextColumn("{task.description:26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> ShownProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A terminal that is gone is no reason to lose the run.
        with contextlib.suppress(OSError):
            self._bar.stop()

    def __call__(self, done: int, total: int, case: Case) -> None:
        """Take note that `done` of `total` cases are through and that `case` is next."""
        self._bar.update(self._task, completed=done, total=total, description=case.label)
        now = time.monotonic()
        self._said = now if self._said is None else self._said
        if not self._console.is_terminal and now - self._said > _QUIET_SECONDS:
            self._said = now
            with contextlib.suppress(OSError):
                self._console.print(f"{done} of {total} sent, next is {case.label}")


def show_plan(cases: Sequence[Case], target: Target, settings: Settings, console: Console) -> None:
    """Print what a check would send, in its order, and what it may cost."""
    say = console.print
    for case in cases:
        verdict = appraise(case.request, contract.load(), target.api_key).verdict
        what = {"valid": "to be accepted", "invalid": "to be refused", "open": "not judged"}[verdict]
        price = f"{case.price} {'image' if case.price == 1 else 'images'}" if case.price else "no image"
        size = len(case.request.body)
        say(f"{escape(case.label):24} {price:9} {size:9,} bytes  {what:14}  {escape(case.note)}")
        if case.apart:
            say(f"{'':24} if it is refused, also {', '.join(each.label for each in case.apart)}")
    limits = settings.limits
    images = sum(case.price for case in cases)
    say(f"{len(cases)} requests, and {images} images of a correct server, seed {settings.seed}.")
    most = {"requests": limits.max_requests, "images": limits.max_images}
    for noun, number in most.items():
        if number is not None:
            say(f"No more than {number} {noun} in any case.")
    if settings.fuzz_seconds:
        say(f"Then requests drawn at random, until {settings.fuzz_seconds:g} s from the start, or a limit is reached.")


def show_start(target: Target, settings: Settings, key_source: str, console: Console) -> None:
    """Print the first line of a run: what is checked, by which versions, with which seed and key."""
    url = Redactor.of(target.api_key, target.headers).text(target.base_url)
    versions = f"image-variations {__version__}, contract {contract.load().version}"
    console.print(f"{versions}, seed {settings.seed}, {key_source}: {escape(url)}")


def show(run: Run, console: Console, report_dir: Path | None) -> None:
    """Print a run: one line a requirement, then the details of what broke, then the outcome."""
    say = console.print
    say()
    for judgement in run.judgements:
        requirement, style = judgement.requirement, _STYLES[judgement.verdict]
        verdict = f"[{style}]{judgement.verdict:10}[/{style}]"
        say(f"{verdict} {requirement.level:6} {requirement.id:22} {escape(requirement.text)}")
    for judgement in run.judgements:
        if judgement.verdict in {"fail", "warn"}:
            _show_broken(run, judgement, say, report_dir)
    _show_blocked(run, say)
    say()
    if any(judgement.verdict in {"fail", "warn"} for judgement in run.judgements) and report_dir is None:
        say("Give --report-dir DIR to keep the exact bytes of each case above, and a curl line that sends them again.")
    counts = Counter(judgement.verdict for judgement in run.judgements)
    verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _STYLES if counts[verdict])
    cost = run.cost
    say(f"{len(run.judgements)} requirements: {verdicts}.")
    reasons = Counter(describe(it.reason) for it in run.judgements if it.deselected and it.reason is not None)
    for reason, number in reasons.items():
        say(f"{number} left out: {escape(reason)}.")
    say(f"{cost.requests} requests, {cost.images} images, {cost.fetches} links followed, {cost.seconds:.1f} s.")
    if run.explored is not None:
        it = run.explored
        ended = describe(it.ended) if it.ended is not None else ""
        again = f", and {it.shrinking} more to make smaller what they had broken" if it.shrinking else ""
        say(f"{it.fuzzed} of the requests were drawn at random{again}; that ended since {escape(ended)}.")
    say(f"[bold]{escape(run.headline)}[/bold]")


def _show_blocked(run: Run, say: Callable[..., None]) -> None:
    """Print what the server kept from being tested, by the reason: one reason may stand for dozens of requirements."""
    blocked: dict[Reason, list[str]] = {}
    for judgement in run.judgements:
        if judgement.reason is not None and judgement.fails_the_run and judgement.reason != Interrupted():
            blocked.setdefault(judgement.reason, []).append(judgement.requirement.id)
    for reason, ids in blocked.items():
        say()
        say(f"[{_STYLES['not-tested']}]NOT-TESTED[/{_STYLES['not-tested']}] (must): {escape(describe(reason))}")
        for at in range(0, len(ids), _IDS_A_LINE):
            say(f"  {' '.join(ids[at : at + _IDS_A_LINE])}")


def _show_broken(run: Run, judgement: Judgement, say: Callable[..., None], report_dir: Path | None) -> None:
    requirement, style = judgement.requirement, _STYLES[judgement.verdict]
    say()
    say(f"[{style}]{judgement.verdict.upper()}[/{style}] [bold]{requirement.id}[/bold] ({requirement.level})")
    say(f"  {escape(requirement.text)} [dim]({escape(requirement.source)})[/dim]")
    said = {it.label: it.message for it in reversed(run.findings) if it.requirement == requirement.id and it.message}
    for label in judgement.cases[:_CASES_SHOWN]:
        say(f"  [bold]{label}[/bold]: {escape(said.get(label, ''))}")
    if len(judgement.cases) > _CASES_SHOWN:
        say(f"  and {len(judgement.cases) - _CASES_SHOWN} more cases")
    if report_dir is not None:
        exchange = run.observations[judgement.cases[0]].exchange
        body_file = f"{report_dir}/cases/{exchange.label}/request.body" if exchange.request.body else None
        say(f"  {escape(curl(exchange, run.target, body_file))}")
