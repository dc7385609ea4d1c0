"""The command `image-variations`."""

from __future__ import annotations

import secrets
import sys
import traceback
from contextlib import nullcontext, suppress
from pathlib import Path

import click
from rich.console import Console

from . import __version__, contract, interruption
from .checking import Settings, cases_of
from .checking import check as run_check
from .exchange import Headers
from .plan import DEPTHS, Depth
from .reference import (
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
from .reports import console as console_report
from .reports import folder
from .run import Run
from .runner import Unreachable
from .transport import Target, UnusableUrl

EXIT_FAILS, EXIT_USAGE, EXIT_BUG = 1, 2, 3


class Problem(click.ClickException):
    """Ends the command with a message: what was expected, what came, and what to do next."""

    exit_code = EXIT_USAGE


def _header(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Headers:
    headers = []
    for value in values:
        name, colon, content = value.partition(":")
        if not colon or not name.strip() or not value.isprintable():
            raise click.BadParameter(f"expected 'Name: value', got {value!r}")
        headers.append((name.strip(), content.strip()))
    return tuple(headers)


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
@click.argument("url", required=False)
@click.option(
    "--api-key",
    envvar=["IMAGE_VARIATIONS_API_KEY", "OPENAI_API_KEY"],
    help="The key for the server. Without one, nothing is sent as a key and no requirement of keys is tested.",
)
@click.option("--header", "headers", multiple=True, callback=_header, help="A header for every request: 'Name: value'.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True,
              help="Seconds for one request and its answer.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Same seed, same requests. By default, a new one each time.")
@click.option("--strict", is_flag=True, help="Let a broken SHOULD fail the run too.")
@click.option("--depth", type=click.Choice(DEPTHS), default="standard", show_default=True,
              help="At most 70 requests and 15 images, or 160 and 50, or all it takes, and then fuzzing.")  # fmt: skip
@click.option("--max-requests", type=click.IntRange(min=1), help="Send no more than that.")
@click.option("--max-images", type=click.IntRange(min=0), help="Ask for no more images than that.")
@click.option("--max-seconds", type=click.FloatRange(min=0), metavar="SECONDS",
              help="Send nothing more after that; a deep run goes on fuzzing until then. By default, a deep run sends "
              "its whole plan, and fuzzes until 300 seconds from its start. 0: the plan and nothing else.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Requests under way at a time, where their order does not matter.")  # fmt: skip
@click.option("--only", multiple=True, metavar="ID", callback=_requirements, help="Judge this requirement; repeatable.")
@click.option("--dry-run", is_flag=True, help="List what would be sent, with its price in images, and send nothing.")
@click.option("--report-dir", type=click.Path(file_okay=False, path_type=Path),
              help="Write report.json, junit.xml, and the bytes of each case that broke something.")  # fmt: skip
def check(
    url: str | None,
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
) -> None:
    """Judge the server at URL, the part before /images/variations. Without URL, the reference server.

    Exit codes: 0 it conforms; 1 it does not; 2 it cannot be reached, or the call is wrong; 3 an error of the suite.
    """
    if report_dir is not None and not dry_run:
        try:
            folder.prepare(report_dir)
        except OSError as error:
            raise Problem(f"cannot write a report to {report_dir}: {error.strerror}") from error
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
    if url is None:
        api_key = f"sk-{secrets.token_hex(16)}"
    with running(Service(api_key=api_key or "")) if url is None else nullcontext() as reference:
        try:
            target = Target.parse(reference.base_url if reference is not None else url or "", api_key, headers)
        except UnusableUrl as error:
            raise Problem(str(error)) from error
        if dry_run:
            console_report.show_plan(cases_of(target, settings), target, settings, Console())
            return
        with interruption.taken():
            with console_report.ShownProgress(Console(stderr=True)) as progress:
                try:
                    run = run_check(target, settings, progress)
                except Unreachable as error:
                    raise Problem(f"{target.base_url} cannot be reached: {error}") from error
            # Before it is shown: the terminal may be gone.
            unwritten = _write(run, report_dir)
            # An interruption may have been the end of the terminal.
            with suppress(OSError) if run.interrupted else nullcontext():
                console_report.show(run, Console(), report_dir)
            if unwritten is not None:
                raise unwritten
            code = EXIT_FAILS if run.outcome == "fails" else 0
            if run.interrupted:
                interruption.leave(code)
    sys.exit(code)


def _write(run: Run, report_dir: Path | None) -> Problem | None:
    try:
        if report_dir is not None:
            folder.write(run, report_dir)
    except OSError as error:
        return Problem(f"cannot write the report to {report_dir}: {error.strerror}")
    return None


@cli.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--api-key", default=API_KEY, show_default=True, help="The key that clients have to send.")
@click.option("--latency", type=click.FloatRange(min=0), default=0.0, help="Seconds that an image takes.")
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
        click.echo(f"The reference server listens at {server.base_url} for the API key {api_key}; Ctrl-C ends it.")

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


def main() -> None:
    """Run the command; a bug of ours ends with exit code 3 and a traceback to report."""
    try:
        cli()
    except Exception:  # noqa: BLE001 - whatever it is, it is our bug and not the server's
        traceback.print_exc()
        click.echo("This is an error of image-variations itself, not of the server. Please report it.", err=True)
        sys.exit(EXIT_BUG)
