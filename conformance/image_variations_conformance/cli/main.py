"""The command `image-variations`."""

from __future__ import annotations

import os
import secrets
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import click

from .. import __version__
from ..cases.case import Case
from ..cases.plan import DEPTHS, Depth
from ..contract import document as contract
from ..engine.check import Settings, cases_of
from ..engine.check import check as run_check
from ..engine.scheduler import KeyRefused, Unreachable
from ..reference import (
    API_KEY,
    FAULTS,
    ODDITIES,
    Running,
    Service,
    ServiceOptions,
    ServingError,
    UnknownVariantError,
    faulty,
    odd,
    running,
    serve,
)
from ..reports import console as console_report
from ..reports.folder import ReportFolder, UnusableFolder
from ..sources import signals as interruption
from ..sources.resources import OutOfResources
from ..wire.exchange import Headers
from ..wire.redaction import Redactor
from ..wire.target import Target, UnusableUrl
from . import output
from .arguments import KEY_VARIABLES, ApiKey, Seconds, read_headers, read_key

EXIT_FAILS, EXIT_USAGE, EXIT_BUG = 1, 2, 3


class Problem(click.ClickException):
    """Ends the command with a message: what was expected, what came, and what to do next."""

    exit_code = EXIT_USAGE


def _requirements(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    known = contract.load().requirements
    for value in values:
        if value.upper() not in known:
            raise click.BadParameter(f"there is no requirement {value!r}; 'image-variations list' shows them all")
    return frozenset(value.upper() for value in values)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, package_name="image-variations")
def cli() -> None:
    """Judge servers by the contract of POST /v1/images/variations."""


@cli.command()
@click.argument("urls", nargs=-1, metavar="URL")
@click.option("--reference", is_flag=True, help="Check the reference server, which is started for the run.")
@click.option(
    "--api-key",
    help="The API key. By default that of IMAGE_VARIATIONS_API_KEY, or else of OPENAI_API_KEY. Without one, no key is "
    "sent and no requirement about keys is tested.",
)
@click.option("--header", "headers", multiple=True, metavar="HEADER", callback=read_headers,
              help="A header for every request: 'Name: value'; repeatable.")  # fmt: skip
@click.option("--timeout", type=Seconds(positive=True), default=60.0, show_default=True,
              help="Seconds for one request and its response.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Same seed, same requests. By default, a new one each time.")
@click.option("--strict", is_flag=True, help="Let a broken SHOULD fail the run too.")
@click.option("--depth", type=click.Choice(DEPTHS), default="standard", show_default=True,
              help="At most 70 requests and 15 images, or 160 and 50, or all it takes, and then fuzzing.")  # fmt: skip
@click.option("--max-requests", type=click.IntRange(min=1), help="Send no more than that.")
@click.option("--max-images", type=click.IntRange(min=0), help="Ask for no more images than that.")
@click.option("--max-seconds", type=Seconds(positive=False), metavar="SECONDS",
              help="End after that; a deep run goes on fuzzing until then. By default, a deep run sends its whole "
              "plan, and fuzzes until 300 seconds from its start. 0: the plan and nothing else.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Requests under way at a time, where their order does not matter.")  # fmt: skip
@click.option("--only", multiple=True, metavar="ID", callback=_requirements, help="Judge this requirement; repeatable.")
@click.option("--dry-run", is_flag=True, help="List what would be sent, with its price in images, and send nothing.")
@click.option("--report-dir", type=click.Path(path_type=Path),
              help="Write report.json, junit.xml, and the bytes of each case that broke something.")  # fmt: skip
def check(
    urls: tuple[str, ...],
    reference: bool,
    api_key: str | None,
    headers: Headers,
    timeout: float,
    seed: int | None,
    strict: bool,
    depth: Depth,
    max_requests: int | None,
    max_images: int | None,
    max_seconds: float | None,
    workers: int,
    only: frozenset[str],
    dry_run: bool,
    report_dir: Path | None,
) -> int:
    """Check the server at URL, the part before /images/variations.

    Exit codes: 0 it conforms; 1 it does not; 2 it cannot be reached, or the call is wrong; 3 an error of the suite.
    """
    if len(urls) > 1:
        raise click.UsageError(f"expected one URL, got {len(urls)} arguments")
    if bool(urls) == reference:
        raise click.UsageError("expected either a URL or --reference, got " + ("both" if reference else "neither"))
    key = read_key(api_key, dict(os.environ))
    if key.value is not None and any(name.lower() == "authorization" for name, _ in headers):
        raise click.UsageError(f"Authorization cannot be set beside the API key: {key.source}")
    if reference and key.value is None:
        key = ApiKey(f"sk-{secrets.token_hex(16)}", "a key made for the run")
    try:
        target = Target.parse(urls[0] if urls else "http://127.0.0.1", key.value, headers)
        report = None if report_dir is None or dry_run else ReportFolder.at(report_dir)
    except (UnusableUrl, UnusableFolder) as error:
        raise Problem(str(error)) from error
    settings = Settings(
        seed=secrets.randbelow(2**32) if seed is None else seed,
        timeout=timeout,
        depth=depth,
        max_requests=max_requests,
        max_images=max_images,
        max_seconds=max_seconds,
        workers=workers,
        strict=strict,
        only=only,
    )
    if dry_run:
        console_report.show_plan(cases_of(target, settings), target, settings, output.console())
        return 0
    with running(Service(api_key=key.value or "")) if reference else nullcontext() as server:
        if server is not None:
            target = Target.parse(server.base_url, key.value, headers)
        with reported_bugs(Redactor.of(target.api_key, target.headers)):
            return _check(target, settings, key.source, report)


def _check(target: Target, settings: Settings, key_source: str, report: ReportFolder | None) -> int:
    """Run a check, write its report, show it, and return the exit code."""
    stdout = output.console()
    with interruption.taken():
        with console_report.ShownProgress(output.console(stderr=True)) as shown:

            def progress(done: int, total: int, case: Case) -> None:
                # The server has answered: from now on an earlier report would be taken for that of this run.
                if done == 1 and report is not None:
                    report.clear()
                shown(done, total, case)

            try:
                console_report.show_start(target, settings, key_source, stdout)
                run = run_check(target, settings, progress)
            except Unreachable as error:
                raise Problem(f"{target.base_url} cannot be reached: {error}") from error
            except KeyRefused as error:
                raise Problem(
                    f"Stopped after {error.requests} requests: each was answered 401{error.quoted}. Give the API key "
                    f"with --api-key, {' or '.join(KEY_VARIABLES)}. This run had {key_source}."
                ) from error
        code = EXIT_FAILS if run.outcome == "fails" else 0
        try:
            # Before it is shown: the terminal may be gone.
            if report is not None:
                report.write(run)
        except OSError as error:
            click.echo(f"Error: the report cannot be written: {error.strerror}", err=True)
            code = EXIT_USAGE
        with suppress(OSError) if run.interrupted else nullcontext():
            console_report.show(run, stdout, None if report is None else report.path)
        if run.interrupted:
            interruption.leave(code)
    return code


@cli.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--api-key", default=API_KEY, show_default=True, help="The key that clients have to send.")
@click.option("--latency", type=Seconds(positive=False), default=0.0, help="Seconds that an image takes.")
@click.option("--slots", type=click.IntRange(min=1), help="Images under way at a time; no limit unless told.")
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="Serve with this fault; see --list-faults.")
@click.option("--list-faults", is_flag=True, help="List the faults and the requirements that each breaks.")
@click.option(
    "--oddity", "oddities", multiple=True, metavar="NAME", help="Serve with this oddity, which breaks nothing."
)
@click.option("--list-oddities", is_flag=True, help="List the oddities and what allows each.")
def serve_command(
    host: str,
    port: int,
    api_key: str,
    latency: float,
    slots: int | None,
    faults: tuple[str, ...],
    list_faults: bool,
    oddities: tuple[str, ...],
    list_oddities: bool,
) -> None:
    """Run the reference server, correct, with faults, or with oddities."""
    if faults and oddities:
        raise click.UsageError("--fault and --oddity do not go together")
    if list_oddities:
        for oddity in ODDITIES.values():
            warns = f" (warned of under {', '.join(oddity.warns)})" if oddity.warns else ""
            click.echo(f"{oddity.name:32} {oddity.by}\n    {oddity.summary}{warns}")
        return
    if list_faults:
        for fault in FAULTS.values():
            click.echo(f"{fault.name:32} {fault.family:14} {', '.join(fault.breaks)}\n    {fault.summary}")
        return

    def announce(server: Running) -> None:
        # A key of the user's own may be a secret.
        shown = api_key if api_key == API_KEY else "given"
        click.echo(f"The reference server listens at {server.base_url} for the API key {shown}; Ctrl-C ends it.")

    # An oddity may have a latency of its own, which a latency of 0 would take from it.
    options: ServiceOptions = {"api_key": api_key, "slots": slots, **({"latency": latency} if latency else {})}
    try:
        service = odd(oddities, **options) if oddities else faulty(faults, **options)
        serve(service, host, port, announce)
    except (ServingError, UnknownVariantError) as error:
        raise Problem(str(error)) from error


@cli.command("list")
def list_command() -> None:
    """List the requirements."""
    for requirement in contract.load().requirements.values():
        click.echo(f"{requirement.id:22} {requirement.level:6} {requirement.text}")


@cli.command()
@click.argument("requirement_id", metavar="ID")
def explain(requirement_id: str) -> None:
    """Show one requirement: what it says, where it comes from, and what breaks it."""
    requirements = contract.load().requirements
    requirement = requirements.get(requirement_id.upper())
    if requirement is None:
        raise Problem(f"there is no requirement {requirement_id!r}; 'image-variations list' shows them all")
    click.echo(f"{requirement.id} ({requirement.level}, since contract {requirement.since})\n{requirement.text}")
    click.echo(f"Source: {requirement.source}")
    if requirement.pointer is not None:
        click.echo(f"In openapi.yaml: {requirement.pointer}")
    if requirement.excluded is not None:
        click.echo(f"Not judged: {requirement.excluded}")
    for fault in FAULTS.values():
        if requirement.id in fault.breaks:
            click.echo(f"Broken by the fault {fault.name}: {fault.summary}")


@contextmanager
def reported_bugs(redactor: Redactor) -> Iterator[None]:
    """End the command with exit code 3 where an exception leaves the block: it is our bug, and not the server's."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except OutOfResources as error:
        click.echo(
            f"Error: this machine cannot go on: {error}. That is not the server's fault. Raise the limit "
            "(ulimit -n for open files), or use fewer --workers.",
            err=True,
        )
        sys.exit(EXIT_BUG)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in output.UNWRITABLE:
            raise
        click.echo(redactor.text(traceback.format_exc()), err=True)
        click.echo("This is an error of image-variations itself, not of the server. Please report it.", err=True)
        sys.exit(EXIT_BUG)


def main() -> None:
    """Run the command and exit."""
    code: object = EXIT_USAGE
    try:
        with reported_bugs(Redactor()):
            code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        code = error.exit_code
    except click.Abort:
        code = EXIT_FAILS
    except OSError as error:
        output.report_unwritable(error)
    if not output.close() and not code:
        code = EXIT_USAGE
    sys.exit(code if isinstance(code, int) else 0)
