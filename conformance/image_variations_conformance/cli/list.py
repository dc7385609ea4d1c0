"""`image-variations list`."""

from __future__ import annotations

import click

from ..contract.document import load


@click.command("list")
def command() -> None:
    """List the requirements."""
    for requirement in load().requirements.values():
        click.echo(f"{requirement.id:22} {requirement.level:6} {requirement.text}")
