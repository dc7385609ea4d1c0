"""The command line of `scripts/field-report`."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

import click
from image_variations_conformance.contract.document import Contract, load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.profile import EMPTY, read
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.reference.app.service import Service
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.wire.target import Target
from support.processes import NotStarted, free_port, served

from field_report.installing import ROOT, NotInstalled
from field_report.report import Result, render
from field_report.systems import SYSTEMS, UPSTREAM_KEY, Start, System

_FILE = ROOT / "docs" / "field-report.md"
_SEED = 1


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Only this system; repeatable. Writes no report.")
@click.option("--details", is_flag=True, help="Print what each failure shows.")
def command(*, only: tuple[str, ...], details: bool) -> None:
    """Run the suite on real servers, gateways and mocks, and write docs/field-report.md."""
    unknown = set(only) - {system.name for system in SYSTEMS}
    if unknown:
        names = ", ".join(dict.fromkeys(system.name for system in SYSTEMS))
        raise click.UsageError(f"there is no system {', '.join(sorted(unknown))}; there are {names}")
    results = []
    for system in SYSTEMS:
        if only and system.name not in only:
            continue
        click.echo(f"{system.name} {system.version}", err=True)
        result = _result(system)
        results.append(result)
        click.echo(f"  {result.run.headline if result.run is not None else result.reason}", err=True)
        if details and result.run is not None:
            for verdict in result.run.verdicts:
                if verdict.result in {"fail", "warn"}:
                    click.echo(f"  {verdict.result} {verdict.requirement.id}: {verdict.message}")
    if not only:
        today = datetime.datetime.now().astimezone().date()
        _FILE.write_text(render(results, today), "utf-8")
        click.echo(f"{_FILE.relative_to(ROOT)} is written", err=True)


def _result(system: System) -> Result:
    with tempfile.TemporaryDirectory() as folder, running(Service(api_key=UPSTREAM_KEY)) as upstream:
        start = Start(free_port(), upstream.origin, Path(folder))
        try:
            with served(system.command(start), start.port, system.environment(start), start.folder) as origin:
                target = Target.parse(f"{origin}{system.path}", system.api_key, tuple(system.headers(start)))
                settings = Settings(seed=_SEED, timeout=system.timeout, contract=_contract(system))
                return Result(system, check(target, settings, lambda *_: None))
        except (NotInstalled, NotStarted) as error:
            return Result(system, None, str(error))


def _contract(system: System) -> Contract:
    profile = read(system.profile) if system.profile else EMPTY
    for key, value in system.declared.items():
        profile = profile.with_declared(key, value, "scripts/field_report/systems.py")
    return apply(load(), profile)


if __name__ == "__main__":
    command(prog_name="scripts/field-report")
