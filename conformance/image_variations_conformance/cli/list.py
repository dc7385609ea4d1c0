"""`image-variations list`."""

from __future__ import annotations

import click

from ..contract.document import Contract
from .contracts import contract_options, show_profile


@click.command("list")
@contract_options(finds_profile=True)
def command(contract: Contract) -> None:
    """List the requirements."""
    show_profile(contract)
    for requirement in contract.requirements.values():
        click.echo(f"{requirement.id:22} {requirement.level:6} {requirement.text}")
