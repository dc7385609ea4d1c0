"""The command line of `scripts/qualify`.

Exit codes:

- 0: the suite is correct.
- 1: a fault is not reported, or under other ids than its own; a conforming server is reported; no fault breaks a
  requirement; or conformance/KILL_MATRIX.md is out of date (`--check`).
- 2: bad usage.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial

import click
from attrs import evolve
from image_variations_conformance.cases.named_case import DEPTHS, Depth
from image_variations_conformance.contract import document as contract

from qualification import record, subjects
from qualification.crew import work
from qualification.subjects import Subject
from qualification.trials import Trial, attempt
from qualification.verdicts import excess, problems, unbroken

_PROBLEMS_FOUND = 1


@click.command()
@click.option(
    "--depth", type=click.Choice(DEPTHS), default="standard", show_default=True, help="Depth of the runs of the suite."
)
@click.option(
    "--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Number of processes.  [default: one per core]"
)
@click.option("--only", multiple=True, metavar="NAME", help="Only this fault or quirk; may be repeated.")
@click.option("--sample", type=click.IntRange(1), help="Only this many faults of each family, always the same ones.")
@click.option(
    "--seeds",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="Number of runs on the reference server, each with its own seed.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=subjects.SEED,
    show_default=True,
    help="The seed of the runs on faults and quirks.",
)
@click.option("--pairs", type=click.IntRange(1), help="Run this many pairs of faults instead, drawn by --pairs-seed.")
@click.option("--pairs-seed", type=click.IntRange(0), default=1, show_default=True, help="The seed of the pairs.")
@click.option("--write", is_flag=True, help="Write conformance/KILL_MATRIX.md. Needs a complete run.")
@click.option(
    "--check",
    is_flag=True,
    help="Compare with conformance/KILL_MATRIX.md, except numbers of requests and images. Needs a complete run.",
)
def command(
    *,
    depth: Depth,
    jobs: int,
    only: tuple[str, ...],
    sample: int | None,
    seeds: int,
    seed: int,
    pairs: int | None,
    pairs_seed: int,
    write: bool,
    check: bool,
) -> None:
    """Run the suite on every fault, every quirk and the reference server, and check what it reports."""
    complete = not only and sample is None and pairs is None and seed == subjects.SEED
    if (check or write) and not complete:
        raise click.UsageError("--write and --check need a complete run: remove --only, --sample, --seed and --pairs.")
    if check and write:
        raise click.UsageError("--write makes what --check compares with: give one of them.")
    if pairs is not None:
        if only or sample is not None or seed != subjects.SEED:
            raise click.UsageError("--pairs goes without --only, --sample and --seed.")
        sys.exit(_qualify(subjects.pairs(pairs, pairs_seed), depth, jobs, False, False, False))
    chosen = [evolve(subject, seed=seed) for subject in _chosen(only, sample)]
    sys.exit(_qualify([*chosen, *([] if only else subjects.references(seeds))], depth, jobs, complete, write, check))


def _chosen(only: tuple[str, ...], sample: int | None) -> list[Subject]:
    right = [*subjects.quirks(), *subjects.profiles()]
    all_subjects = [*subjects.faults(), *subjects.under_profiles(), *right]
    unknown = set(only) - {subject.name for subject in all_subjects}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise click.UsageError(
            f"--only: there is no fault or quirk named {names}; `image-variations serve` lists them with "
            "--list-faults and --list-quirks."
        )
    if only:
        return [subject for subject in all_subjects if subject.name in only]
    if sample is not None:
        return [*subjects.sample([*subjects.faults(), *subjects.under_profiles()], sample), *right]
    return all_subjects


def _qualify(chosen: Sequence[Subject], depth: Depth, jobs: int, complete: bool, write: bool, check: bool) -> int:
    register = contract.load().requirements
    trials: list[Trial] = []
    failures: list[str] = []
    for trial in work(partial(attempt, depth=depth), chosen, jobs):
        trials.append(trial)
        subject = trial.subject
        found = [f"{subject.kind} {subject.name}: {problem}" for problem in problems(trial, register)]
        failures += found
        click.echo(f"{len(trials)}/{len(chosen)} {subject.kind} {subject.name} {trial.seconds:.1f} s", err=True)
        for line in found:
            click.echo(f"  {line}", err=True)
    if complete:
        broken = {requirement for subject in chosen for requirement in subject.breaks if subject.kind == "fault"}
        failures += [f"no fault breaks {requirement}" for requirement in unbroken(broken, register)]
    if all(trial.subject.kind == "pair" for trial in trials):
        green = sum(not trial.passed.isdisjoint(trial.subject.breaks) for trial in trials)
        red = sum(bool(excess(trial)) for trial in trials)
        click.echo(f"{len(trials)} pairs: false green {green}, false red {red}.")
    else:
        click.echo(record.rendered(trials, register, depth, tables=True).text)
    # The file has the tables of one depth only, to keep it short.
    part = record.rendered(trials, register, depth, tables=depth == "standard")
    if check and (changes := record.differences(part)):
        failures += ["conformance/KILL_MATRIX.md is out of date; scripts/qualify --write updates it:", *changes]
    for line in failures:
        click.echo(line)
    # A matrix with problems is not written: a committed file would make them look accepted.
    if write and not failures:
        record.write(part)
    return _PROBLEMS_FOUND if failures else 0


if __name__ == "__main__":
    command(prog_name="scripts/qualify")
