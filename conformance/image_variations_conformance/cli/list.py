"""`image-variations list`."""

from __future__ import annotations

import click

from .contracts import contract_options, read_contract


@click.command("list")
@contract_options
def command(profile_name: str | None, model_name: str | None, settings: tuple[str, ...]) -> None:
    """List the requirements."""
    contract, _ = read_contract(profile_name, model_name, settings)
    for requirement in contract.requirements.values():
        click.echo(f"{requirement.id:22} {requirement.level:6} {requirement.text}")
