"""The kill matrix, as a table in Markdown, and its totals."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence

from image_variations_conformance.contract.requirements import Requirement

from qualification.trials import Trial
from qualification.verdicts import excess, killed, missed, problems

FAULTS_HEAD = ("Fault", "Family", "Reported under", "First seen after", "Not reported", "Not expected")
RIGHT_HEAD = ("Server", "Family", "Warned of, as expected", "False alarms")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table in Markdown, line by line."""
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def fault_row(trial: Trial) -> tuple[str, ...]:
    """Return the row of a fault: its name first, figures in one cell of their own."""
    by_fault = [it for it in trial.subject.breaks if it in trial.reported]
    # The others show in more than one way. The ids of a fault that shows everywhere would fill the page.
    others = [] if trial.subject.everywhere else sorted(trial.reported - set(by_fault) - excess(trial))
    besides = f" (and {', '.join(others)})" if others else ""
    anywhere = " (and nearly all else)" if trial.subject.everywhere else ""
    first = (
        ""
        if trial.first is None
        else f"{_counted(trial.first.requests, 'request')}, {_counted(trial.first.images, 'image')}"
    )
    reported = f"{', '.join(by_fault) or 'nothing'}{besides}{anywhere}"
    return (trial.subject.name, trial.subject.family, reported, first, _ids(missed(trial)), _ids(excess(trial)))


def right_row(trial: Trial) -> tuple[str, ...]:
    """Return the row of an quirk."""
    warned = _ids(set(trial.subject.breaks) & trial.reported)
    return (trial.subject.name, trial.subject.family, warned, _ids(excess(trial)))


def totals(trials: Sequence[Trial], register: Mapping[str, Requirement]) -> list[str]:
    """Return the figures of all trials, one a line."""
    faults = [trial for trial in trials if trial.subject.kind == "fault"]
    quirks = [trial for trial in trials if trial.subject.kind == "quirk"]
    references = [trial for trial in trials if trial.subject.kind == "reference"]
    lines = []
    if faults:
        exact = sum(not problems(trial, register) and killed(trial) for trial in faults)
        lines.append(f"Faults caught: {sum(map(killed, faults))} of {len(faults)}, {exact} under exactly their ids.")
        alive = [trial.subject.name for trial in faults if not killed(trial)]
        lines += [f"Not seen: {', '.join(alive)}."] if alive else []
    for what, them in (("quirks", quirks), ("runs on the reference server", references)):
        if them:
            alarms = sum(bool(problems(trial, register)) for trial in them)
            lines.append(f"False alarms: {alarms} in {len(them)} {what}.")
    firsts = [trial.first for trial in faults if trial.first is not None]
    if firsts:
        lines.append(f"Requests until a fault is seen: {_spread(it.requests for it in firsts)}.")
        lines.append(f"Images until a fault is seen: {_spread(it.images for it in firsts)}.")
    right = [trial.spent for trial in (*references, *quirks)]
    if right:
        lines.append(f"Requests in a run on a right server: {_spread(it.requests for it in right)}.")
        lines.append(f"Images in a run on a right server: {_spread(it.images for it in right)}.")
    return lines


def summary_row(trials: Sequence[Trial], register: Mapping[str, Requirement]) -> tuple[str, ...]:
    """Return the same figures in one row: caught, exactly, right servers blamed, requests and images of a run."""
    faults = [trial for trial in trials if trial.subject.kind == "fault"]
    right = [trial for trial in trials if trial.subject.kind != "fault"]
    exact = sum(not problems(trial, register) and killed(trial) for trial in faults)
    blamed = sum(bool(problems(trial, register)) for trial in right)
    return (
        f"{sum(map(killed, faults))} of {len(faults)}",
        str(exact),
        f"{blamed} of {len(right)}",
        span(trial.spent.requests for trial in right),
        span(trial.spent.images for trial in right),
    )


def span(figures: Iterable[int]) -> str:
    """Return the least and the most of some figures."""
    ordered = sorted(figures)
    return "-".join(dict.fromkeys(map(str, ordered[:1] + ordered[-1:])))


def _spread(figures: Iterable[int]) -> str:
    figures = list(figures)
    return f"{min(figures)} at least, {statistics.median(figures):g} in the middle, {max(figures)} at most"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _ids(ids: Collection[str]) -> str:
    return ", ".join(sorted(ids))
