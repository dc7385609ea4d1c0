"""`image-variations vendor`."""

from __future__ import annotations

import click

from ..vendoring.command import run


# The module of `run` parses the arguments and has the help, since it works without click, too.
@click.command("vendor", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Write the client into your source tree, compare it, or bring it up to date."""
    return run(arguments)
