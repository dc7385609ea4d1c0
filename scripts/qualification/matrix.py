"""The kill matrix as tables in Markdown, and its totals."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence

from image_variations_conformance.contract.requirements import Requirement

from qualification.trials import Trial
from qualification.verdicts import excess, killed, missed, problems

FAULTS_HEAD = ("Fault", "Family", "Reported under", "First seen after", "Not reported", "Not expected")
RIGHT_HEAD = ("Server", "Family", "Warned of, as expected", "False alarms")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table in Markdown."""
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def fault_row(trial: Trial) -> tuple[str, ...]:
    """Return the row of a fault, with the cells of FAULTS_HEAD."""
    broken = [requirement for requirement in trial.subject.breaks if requirement in trial.reported]
    # A fault that shows everywhere is reported under too many ids to list.
    others = [] if trial.subject.everywhere else sorted(trial.reported - set(broken) - excess(trial))
    also = f" (and {', '.join(others)})" if others else ""
    everywhere = " (and nearly all else)" if trial.subject.everywhere else ""
    first = (
        ""
        if trial.first is None
        else f"{_counted(trial.first.requests, 'request')}, {_counted(trial.first.images, 'image')}"
    )
    reported = f"{', '.join(broken) or 'nothing'}{also}{everywhere}"
    return (trial.subject.name, trial.subject.family, reported, first, _ids(missed(trial)), _ids(excess(trial)))


def right_row(trial: Trial) -> tuple[str, ...]:
    """Return the row of a quirk, with the cells of RIGHT_HEAD."""
    warned = _ids(set(trial.subject.breaks) & trial.reported)
    return (trial.subject.name, trial.subject.family, warned, _ids(excess(trial)))


def totals(trials: Sequence[Trial], register: Mapping[str, Requirement]) -> list[str]:
    """Return the totals of all trials, one per line. `register` maps ids to requirements."""
    faults = [trial for trial in trials if trial.subject.kind == "fault"]
    quirks = [trial for trial in trials if trial.subject.kind == "quirk"]
    references = [trial for trial in trials if trial.subject.kind == "reference"]
    lines = []
    if faults:
        exact = sum(not problems(trial, register) and killed(trial) for trial in faults)
        lines.append(f"Faults caught: {sum(map(killed, faults))} of {len(faults)}, {exact} under exactly their ids.")
        under = [trial for trial in faults if trial.subject.profile]
        lines += [f"Of these under a profile: {sum(map(killed, under))} of {len(under)}."] if under else []
        survivors = [trial.subject.name for trial in faults if not killed(trial)]
        lines += [f"Not seen: {', '.join(survivors)}."] if survivors else []
    profiles = [trial for trial in trials if trial.subject.kind == "profile"]
    for noun, group in (
        ("quirks", quirks),
        ("servers under their profiles", profiles),
        ("runs on the reference server", references),
    ):
        if group:
            alarms = sum(bool(problems(trial, register)) for trial in group)
            lines.append(f"False alarms: {alarms} in {len(group)} {noun}.")
    firsts = [trial.first for trial in faults if trial.first is not None]
    if firsts:
        lines.append(f"Requests until a fault is seen: {_spread(it.requests for it in firsts)}.")
        lines.append(f"Images until a fault is seen: {_spread(it.images for it in firsts)}.")
    conforming = [trial.spent for trial in (*references, *quirks)]
    if conforming:
        lines.append(f"Requests in a run on a conforming server: {_spread(it.requests for it in conforming)}.")
        lines.append(f"Images in a run on a conforming server: {_spread(it.images for it in conforming)}.")
    return lines


def summary_row(trials: Sequence[Trial], register: Mapping[str, Requirement]) -> tuple[str, ...]:
    """Return the totals as a row: faults caught, exact reports, false alarms, requests and images per run."""
    faults = [trial for trial in trials if trial.subject.kind == "fault"]
    conforming = [trial for trial in trials if trial.subject.kind != "fault"]
    exact = sum(not problems(trial, register) and killed(trial) for trial in faults)
    alarms = sum(bool(problems(trial, register)) for trial in conforming)
    return (
        f"{sum(map(killed, faults))} of {len(faults)}",
        str(exact),
        f"{alarms} of {len(conforming)}",
        span(trial.spent.requests for trial in conforming),
        span(trial.spent.images for trial in conforming),
    )


def span(figures: Iterable[int]) -> str:
    """Return the range of some numbers, such as "1-3"; "2" if all are equal, "" if there are none."""
    ordered = sorted(figures)
    return "-".join(dict.fromkeys(map(str, ordered[:1] + ordered[-1:])))


def _spread(figures: Iterable[int]) -> str:
    figures = list(figures)
    return f"minimum {min(figures)}, median {statistics.median(figures):g}, maximum {max(figures)}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _ids(ids: Collection[str]) -> str:
    return ", ".join(sorted(ids))
