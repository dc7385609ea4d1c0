"""Command line of `scripts/bench`.

Exit codes: 0, every target is met; 1, a target is missed or could not be measured; 2, wrong usage, or the environment
of a subject could not be installed.
"""

import json
import sys
from pathlib import Path
from typing import NoReturn

import click

from benchmark import table
from benchmark.environments import CACHE, REQUIREMENTS, prepare
from benchmark.figures import Figure
from benchmark.material import Material
from benchmark.measures import Bench
from benchmark.regeneration_costs import costs
from benchmark.suite import cases_per_second
from benchmark.turns import Turns, server

_MISSED = 1


@click.group()
def command() -> None:
    """Measure a part of the project, and compare the results with the targets. Run nothing else at the same time."""


_JSON = click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures to this file too."
)
_GATE = click.option("--gate/--no-gate", default=True, help="Exit with 1 if a target is missed (default), or with 0.")


@command.command()
@_JSON
@_GATE
def client(*, json_file: Path | None, gate: bool) -> None:
    """Compare the generated client with raw httpx and the openai SDK."""
    _end(measure_client(), json_file, gate=gate)


@command.command()
@_JSON
@_GATE
def suite(*, json_file: Path | None, gate: bool) -> None:
    """Compare the cases per second of a deep check with those of `schemathesis run`."""
    _end(measure_suite(), json_file, gate=gate)


@command.command()
@_JSON
@_GATE
def regenerate(*, json_file: Path | None, gate: bool) -> None:
    """Compare the time and the peak memory of scripts/regenerate with those of the generator alone."""
    _end([figure for operations in (10, 100, 300) for figure in costs(operations)], json_file, gate=gate)


def _end(figures: list[Figure], json_file: Path | None, *, gate: bool) -> NoReturn:
    """Print the figures, write them to `json_file` if given, and exit."""
    for line in (*table.lines(figures), "", *table.missed(figures)):
        click.echo(line)
    if json_file is not None:
        json_file.write_text(json.dumps(table.as_json(figures), indent=1) + "\n", encoding="utf-8")
    sys.exit(_MISSED if gate and table.missed(figures) else 0)


def measure_client() -> list[Figure]:
    """Return the figures of all measures of the client. Raise Unavailable if an environment cannot be installed."""
    environments = {name: prepare(name) for name in REQUIREMENTS}
    material = Material.make(CACHE / "material")
    figures = []
    with server(material.small_picture) as url, Turns(environments) as turns:
        bench = Bench(turns, environments, material, url)
        for measure in (
            bench.kilobyte_call,
            bench.four_megabyte_call,
            bench.in_flight,
            bench.decoding,
            bench.upload_peak,
            bench.importing,
        ):
            click.echo(f"{measure.__name__.replace('_', ' ')} ...", err=True)
            figures += measure()
    return figures


def measure_suite() -> list[Figure]:
    """Return the figures of the suite."""
    with server(Material.make(CACHE / "material").small_picture) as url:
        return cases_per_second(f"{url}/any")


if __name__ == "__main__":
    command(prog_name="scripts/bench")
