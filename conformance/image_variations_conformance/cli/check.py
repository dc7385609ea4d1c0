"""`image-variations check`."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import click
from attrs import frozen
from hypothesis.database import ExampleDatabase

from ..cases.case import Case
from ..cases.named_case import DEPTHS, Depth
from ..cases.plan import DEPTH_PROFILES
from ..contract.document import Contract
from ..contract.suggestion import no_requirement
from ..engine.check import Settings, plan_of
from ..engine.check import check as run_check
from ..engine.run import Run
from ..reference.app.service import BASE_PATH, Service
from ..reference.app.serving import running
from ..reports import console as console_report
from ..reports.folder import ReportFolder, UnusableFolder
from ..sources import signals
from ..wire.exchange import Headers
from ..wire.redaction import Redactor
from ..wire.target import Target, UnusableUrl
from . import output
from .arguments import ApiKey, Seconds, read_key, target_options
from .baselines import GivenBaseline
from .contracts import contract_options
from .databases import keep_cache_out_of_the_working_folder, read_database
from .errors import EXIT_FAILS, EXIT_USAGE, CommandError, reported_bugs
from .servers import at_origin, served, talking_to, url_of, wait_for

_LIMITS = {name: f"{it.max_requests} requests and {it.max_images} images" for name, it in DEPTH_PROFILES.items()}


def _requirements(contract: Contract, values: tuple[str, ...]) -> frozenset[str]:
    for value in values:
        if value.upper() not in contract.requirements:
            raise CommandError(f"--only: {no_requirement(value, contract.requirements)}")
    return frozenset(value.upper() for value in values)


@click.command("check")
@click.argument("urls", nargs=-1, metavar="URL")
@click.option("--app", "app_name", metavar="MODULE:ATTR",
              help="Check an ASGI app, or that of a factory, which is served on loopback for the run. URL is then a "
              f"path, {BASE_PATH} by default.")  # fmt: skip
@click.option("--reference", is_flag=True, help="Check the reference server, which is started for the run.")
@click.option("--wait", type=Seconds(positive=True), metavar="SECONDS",
              help="Wait so long for a server that is starting, and for rate limits, if that is more than 65 at once "
              "or 300 in all.")  # fmt: skip
@target_options
@click.option("--seed", type=click.IntRange(min=0), help="Same seed, same requests. By default, a new one each time.")
@click.option("--strict", is_flag=True, help="Let a broken SHOULD fail the run too.")
@click.option("--require-complete", is_flag=True, help="Exit 1 if evidence of a MUST is missing for any reason.")
@click.option("--depth", type=click.Choice(DEPTHS), default="standard", show_default=True,
              help=f"At most {_LIMITS['quick']}, or {_LIMITS['standard']}, or all, then random ones.")  # fmt: skip
@click.option("--max-requests", type=click.IntRange(min=1), help="Send no more than that.")
@click.option("--max-images", type=click.IntRange(min=0), help="Ask for no more images than that.")
@click.option("--max-seconds", type=Seconds(positive=False), metavar="SECONDS",
              help="End after that; a deep run sends random requests until then. By default, it sends its whole "
              "plan, and random requests until 300 seconds from its start. 0: only the plan.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Requests under way at a time, where their order does not matter.")  # fmt: skip
@click.option("--example-database", metavar="PATH|URL", callback=read_database,
              help="Keep random requests that failed here: a folder, or redis://…")  # fmt: skip
@click.option("--only", multiple=True, metavar="ID", help="Judge this requirement; repeatable.")
@contract_options(finds_profile=True)
@click.option("--baseline", "baseline_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="A TOML file of known failures: only new ones fail, and entries that are out of date. Without "
              "--seed, the seed is the one of the file.")  # fmt: skip
@click.option("--update-baseline", is_flag=True, help="Write what failed to the file of --baseline.")
@click.option("--dry-run", is_flag=True, help="List what would be sent, with its price in images, and send nothing.")
@click.option("--report-dir", type=click.Path(path_type=Path),
              help="Write report.json, junit.xml, and the bytes of a request for each failure.")  # fmt: skip
@click.option("--verbose", is_flag=True, help="Show every requirement and what was seen of it, not only failures.")
@click.option("--quiet", is_flag=True, help="Show the outcome alone.")
def command(
    urls: tuple[str, ...],
    app_name: str | None,
    reference: bool,
    wait: float | None,
    api_key: str | None,
    headers: Headers,
    timeout: float,
    seed: int | None,
    strict: bool,
    require_complete: bool,
    depth: Depth,
    max_requests: int | None,
    max_images: int | None,
    max_seconds: float | None,
    workers: int,
    example_database: ExampleDatabase | None,
    only: tuple[str, ...],
    contract: Contract,
    baseline_file: Path | None,
    update_baseline: bool,
    dry_run: bool,
    report_dir: Path | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Check the server at URL, the part before /images/variations.

    Exit codes: 0 it conforms; 1 it does not; 2 it cannot be reached, or the call is wrong; 3 an error of the suite.
    """
    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet exclude each other")
    url = url_of(urls, app_name, reference=reference)
    key = read_key(api_key, os.environ, headers)
    if reference and key.value is None:
        key = ApiKey(f"sk-{secrets.token_hex(16)}", "a key made for the run")
    try:
        target = Target.parse(url, key.value, headers)
        report = None if report_dir is None or dry_run else ReportFolder.at(report_dir)
    except (UnusableUrl, UnusableFolder) as error:
        raise CommandError(str(error)) from error
    baseline = GivenBaseline.of(baseline_file, update=update_baseline, requirements=contract.requirements)
    if seed is None and baseline is not None:
        seed = baseline.baseline.seed
    settings = Settings(
        seed=secrets.randbelow(2**32) if seed is None else seed,
        timeout=timeout,
        depth=depth,
        max_requests=max_requests,
        max_images=max_images,
        max_seconds=max_seconds,
        workers=workers,
        strict=strict,
        require_complete=require_complete,
        wait_seconds=wait or 0.0,
        only=_requirements(contract, only),
        contract=contract,
    )
    if dry_run:
        console_report.show_plan(plan_of(target, settings), settings, output.console())
        return 0
    keep_cache_out_of_the_working_folder()
    outputs = _Outputs(report, baseline, verbose, quiet, shlex.join(["--app", app_name, *urls]) if app_name else "")
    with _serving(app_name, Service(api_key=key.value or "", contract=contract) if reference else None) as origin:
        if origin is not None:
            target = at_origin(target, origin)
        if wait is not None:
            wait_for(target, wait)
        with reported_bugs(Redactor.of(target.api_key, target.headers, target.base_url).text):
            return _check(target, settings, key.source, outputs, example_database)


@contextmanager
def _serving(app_name: str | None, reference: Service | None) -> Iterator[str | None]:
    """Serve an app or the reference server where one is given. Yields its origin, or None."""
    if app_name is not None:
        with served(app_name) as origin:
            yield origin
    elif reference is not None:
        with running(reference) as server:
            yield server.origin
    else:
        yield None


@frozen
class _Outputs:
    """Where a run goes: its report, its baseline, and how much of it is shown. `server` names an app again."""

    report: ReportFolder | None
    baseline: GivenBaseline | None
    verbose: bool
    quiet: bool
    server: str

    def write(self, run: Run) -> tuple[Run, bool]:
        """Write the files. Return the run by the baseline, and whether everything was written."""
        try:
            if self.baseline is not None:
                run = self.baseline.applied(run)
            if self.report is not None:
                self.report.write(run)
        except OSError as error:
            click.echo(f"Error: {error.filename or 'a file'} cannot be written: {error.strerror}", err=True)
            return run, False
        return run, True


def _check(
    target: Target,
    settings: Settings,
    key_source: str,
    outputs: _Outputs,
    database: ExampleDatabase | None,
) -> int:
    """Run a check, write its report, show it, and return the exit code."""
    stdout, report = output.console(), outputs.report
    with signals.handled():
        with console_report.ShownProgress(output.console(stderr=True)) as shown:

            def progress(done: int, total: int, case: Case) -> None:
                # The server has answered. From now on, an earlier report could be mistaken for that of this run.
                if done == 1 and report is not None:
                    report.clear()
                shown(done, total, case)

            if not outputs.quiet:
                console_report.show_start(target, settings, key_source, stdout)
            with talking_to(target, key_source):
                run = run_check(target, settings, progress, database=database)
        # Files are written before anything is shown, because the terminal may be gone.
        run, is_written = outputs.write(run)
        code = EXIT_USAGE if not is_written else EXIT_FAILS if run.exit_code else 0
        with suppress(OSError) if run.interrupted else nullcontext():
            if outputs.quiet:
                console_report.show_headline(run, stdout)
            else:
                folder = None if report is None else report.path
                console_report.show(run, stdout, folder, verbose=outputs.verbose, server=outputs.server)
        if run.interrupted:
            signals.exit_now(code)
    return code
