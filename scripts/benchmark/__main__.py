"""The command line of `scripts/bench`.

Exit codes: 0 every target is met; 1 one is missed, or could not be measured; 2 bad usage, or the bench itself failed.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import click

from benchmark import table
from benchmark.environments import CACHE, Environment, Unavailable, prepare
from benchmark.figures import Figure
from benchmark.material import Material
from benchmark.measures import Bench
from benchmark.subjects import SUBJECTS
from benchmark.suite import SuiteBench
from benchmark.turns import Turns, server

_MISSED = 1


@click.group()
def command() -> None:
    """Measure, and compare with the targets."""


_JSON = click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures there too."
)
_GATE = click.option(
    "--gate/--no-gate", default=True, help="Exit with 1 where a target is missed (the default), or do not."
)


@command.command()
@_JSON
@_GATE
def client(*, json_file: Path | None, gate: bool) -> None:
    """Measure the generated client beside raw httpx, the openai SDK and openapi-generator's client."""
    _end(measure_client(), json_file, gate=gate)


@command.command()
@_JSON
@_GATE
def suite(*, json_file: Path | None, gate: bool) -> None:
    """Measure the conformance suite beside http.client and Schemathesis, and on a slow server."""
    _end(measure_suite(), json_file, gate=gate)


def _end(figures: list[Figure], json_file: Path | None, *, gate: bool) -> NoReturn:
    """Print the figures, write them down, and exit."""
    for line in (*table.lines(figures), "", *table.missed(figures)):
        click.echo(line)
    if json_file is not None:
        json_file.write_text(json.dumps(table.as_json(figures), indent=1) + "\n", encoding="utf-8")
    sys.exit(_MISSED if gate and table.missed(figures) else 0)


def measure_client() -> list[Figure]:
    """Take every measure of the client, one after the other, on a machine that should do nothing else meanwhile."""
    environments, absent = _prepared(SUBJECTS)
    material = Material.make(CACHE / "material")
    figures = []
    with server() as url, Turns(environments) as turns:
        bench = Bench(turns, environments, absent, material, url)
        for measure in (
            bench.kilobyte_call,
            bench.four_megabyte_call,
            bench.in_flight,
            bench.decoding,
            bench.decoding_peak,
            bench.upload_peak,
            bench.importing,
            bench.installation,
        ):
            click.echo(f"{measure.__name__.replace('_', ' ')} ...", err=True)
            figures += measure()
    return figures


def measure_suite() -> list[Figure]:
    """Take every measure of the suite, likewise."""
    figures = []
    with server(Material.make(CACHE / "material").small_picture) as url:
        bench = SuiteBench(f"{url}/any")
        for measure in (bench.cases_in_a_second, bench.waiting):
            click.echo(f"{measure.__name__.replace('_', ' ')} ...", err=True)
            figures += measure()
    return figures


def _prepared(names: Iterable[str]) -> tuple[dict[str, Environment], dict[str, str]]:
    """Return the environments of subjects, and the reason for each that cannot have one."""
    environments: dict[str, Environment] = {}
    absent: dict[str, str] = {}
    for name in names:
        try:
            environments[name] = prepare(name)
        except Unavailable as reason:
            absent[name] = str(reason)
    return environments, absent


if __name__ == "__main__":
    command(prog_name="scripts/bench")
