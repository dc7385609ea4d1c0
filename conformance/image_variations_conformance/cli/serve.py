"""`image-variations serve`."""

from __future__ import annotations

import click

from ..contract.document import Contract
from ..reference.app.service import API_KEY, ServiceOptions
from ..reference.variants import FAULTS, QUIRKS, UnknownVariantError, faulty, quirky
from .arguments import Seconds, checked_key
from .contracts import contract_options
from .errors import CommandError


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--api-key", help="The key that clients have to send.  [default: sk-reference]")
@click.option("--latency", type=Seconds(positive=False), default=0.0, help="Seconds that an image takes.")
@click.option("--slots", type=click.IntRange(min=1), help="Images under way at a time; no limit by default.")
@click.option("--fault", "faults", multiple=True, metavar="NAME", help="Serve with this fault; see --list-faults.")
@click.option("--list-faults", is_flag=True, help="List the faults and the requirements that each breaks.")
@click.option("--quirk", "quirks", multiple=True, metavar="NAME", help="Serve with this quirk, which breaks nothing.")
@click.option("--list-quirks", is_flag=True, help="List the quirks and what allows each.")
@contract_options()
def command(
    host: str,
    port: int,
    api_key: str | None,
    latency: float,
    slots: int | None,
    faults: tuple[str, ...],
    list_faults: bool,
    quirks: tuple[str, ...],
    list_quirks: bool,
    contract: Contract,
) -> None:
    """Run the reference server, correct, with faults, or with quirks."""
    if faults and quirks:
        raise click.UsageError("--fault and --quirk do not go together")
    if list_quirks:
        for quirk in QUIRKS.values():
            warns = f" (warned of under {', '.join(quirk.warns)})" if quirk.warns else ""
            click.echo(f"{quirk.name:32} {quirk.by}\n    {quirk.summary}{warns}")
    elif list_faults:
        for fault in FAULTS.values():
            click.echo(f"{fault.name:32} {fault.family:14} {', '.join(fault.breaks)}\n    {fault.summary}")
    else:
        # A quirk may have a latency of its own, which a latency of 0 would replace.
        options: ServiceOptions = {
            "api_key": API_KEY if api_key is None else checked_key(api_key, "--api-key"),
            "contract": contract,
            "slots": slots,
            **({"latency": latency} if latency else {}),
        }
        _serve(host, port, api_key is None, options, faults, quirks)


def _serve(
    host: str,
    port: int,
    shows_key: bool,
    options: ServiceOptions,
    faults: tuple[str, ...],
    quirks: tuple[str, ...],
) -> None:
    # Imported here because uvicorn is slow to import, and the lists do not need it.
    from ..reference.app.serving import Running, ServingError, serve  # noqa: PLC0415

    def announce(server: Running) -> None:
        # The user's own key may be a secret.
        shown = API_KEY if shows_key else "given"
        click.echo(f"The reference server listens at {server.base_url} for the API key {shown}; Ctrl-C ends it.")

    try:
        service = quirky(quirks, **options) if quirks else faulty(faults, **options)
        serve(service, host, port, announce)
    except (ServingError, UnknownVariantError) as error:
        raise CommandError(str(error)) from error
