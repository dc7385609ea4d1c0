"""The command line of `scripts/qualify`.

Exit codes: 0 the suite is as it should be; 1 it is not: a fault survives or is reported under other ids than its own, a
right server is blamed, a requirement is broken by no fault, or the file is out of step (`--check`); 2 bad usage.
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version

import click
from image_variations_conformance.cases.plan import DEPTHS, Depth
from image_variations_conformance.contract import document as contract

from qualification import plain, record, subjects
from qualification.crew import work
from qualification.subjects import Subject
from qualification.trials import Trial, attempt
from qualification.verdicts import problems, unbroken

_NOT_AS_IT_SHOULD_BE = 1


@click.command()
@click.option(
    "--depth", type=click.Choice(DEPTHS), default="standard", show_default=True, help="How far the suite looks."
)
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes.  [default: one a core]")
@click.option("--only", multiple=True, metavar="NAME", help="Only this fault or quirk; can be given again.")
@click.option("--sample", type=click.IntRange(1), help="Only so many faults of each family, always the same.")
@click.option("--seeds", type=click.IntRange(0), default=50, show_default=True, help="Runs on the reference server.")
@click.option("--write", is_flag=True, help="Write conformance/KILL_MATRIX.md. Needs a whole run.")
@click.option(
    "--check", is_flag=True, help="Compare with conformance/KILL_MATRIX.md, but for figures. Needs a whole run."
)
@click.option("--plain-schemathesis", is_flag=True, help="Run plain Schemathesis in place of the suite.")
def command(
    *,
    depth: Depth,
    jobs: int,
    only: tuple[str, ...],
    sample: int | None,
    seeds: int,
    write: bool,
    check: bool,
    plain_schemathesis: bool,
) -> None:
    """Run the suite on every fault, every quirk and the reference server, and judge what it reports."""
    whole = not only and sample is None
    if check and (write or plain_schemathesis or not whole):
        raise click.UsageError(
            "--check compares a whole run of the suite: it goes with none of --write, --only, --sample."
        )
    if write and (only or (sample is not None and not plain_schemathesis)):
        raise click.UsageError("--write needs a whole run: it goes with neither --only nor --sample.")
    chosen = _chosen(only, sample)
    if plain_schemathesis:
        _measure_plain(chosen, jobs, write=write)
        return
    sys.exit(_qualify([*chosen, *([] if only else subjects.references(seeds))], depth, jobs, whole, write, check))


def _chosen(only: tuple[str, ...], sample: int | None) -> list[Subject]:
    everything = [*subjects.faults(), *subjects.quirks()]
    unknown = set(only) - {subject.name for subject in everything}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise click.UsageError(
            f"--only: there is no fault or quirk of the name {names}; `image-variations serve` lists them."
        )
    if only:
        return [subject for subject in everything if subject.name in only]
    if sample is not None:
        return [*subjects.sample(subjects.faults(), sample), *subjects.quirks()]
    return everything


def _qualify(chosen: Sequence[Subject], depth: Depth, jobs: int, whole: bool, write: bool, check: bool) -> int:
    register = contract.load().requirements
    trials: list[Trial] = []
    wrong: list[str] = []
    for trial in work(partial(attempt, depth=depth), chosen, jobs):
        trials.append(trial)
        subject = trial.subject
        found = [f"{subject.kind} {subject.name}: {problem}" for problem in problems(trial, register)]
        wrong += found
        click.echo(f"{len(trials)}/{len(chosen)} {subject.kind} {subject.name} {trial.seconds:.1f} s", err=True)
        for line in found:
            click.echo(f"  {line}", err=True)
    if whole:
        broken = {requirement for subject in chosen for requirement in subject.breaks if subject.kind == "fault"}
        wrong += [f"no fault breaks {requirement}" for requirement in unbroken(broken, register)]
    click.echo(record.rendered(trials, register, depth, tables=True).text)
    # One row for each is enough in the file.
    part = record.rendered(trials, register, depth, tables=depth == "standard")
    if check and (changes := record.differences(part)):
        wrong += ["conformance/KILL_MATRIX.md is out of step; scripts/qualify --write mends it:", *changes]
    for line in wrong:
        click.echo(line)
    # A matrix of what is wrong would only make it look agreed.
    if write and not wrong:
        record.write(part)
    return _NOT_AS_IT_SHOULD_BE if wrong else 0


def _measure_plain(chosen: Sequence[Subject], jobs: int, *, write: bool) -> None:
    trials = []
    everyone = [*subjects.references(1), *chosen]
    for trial in work(plain.attempt, everyone, jobs):
        trials.append(trial)
        kinds = ", ".join(sorted(trial.kinds)) or "nothing"
        click.echo(f"{len(trials)}/{len(everyone)} {trial.subject.kind} {trial.subject.name}: {kinds}", err=True)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    part = plain.rendered(trials, len(subjects.faults()), version("schemathesis"), date)
    click.echo(part.text)
    if write:
        record.write(part)


if __name__ == "__main__":
    command(prog_name="scripts/qualify")
