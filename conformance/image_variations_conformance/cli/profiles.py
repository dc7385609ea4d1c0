"""`image-variations profiles`."""

from __future__ import annotations

import click

from ..contract.document import load
from ..contract.effective import apply
from ..contract.profile import names, read


@click.command("profiles")
def command() -> None:
    """List the ready-made profiles, and what each declares."""
    for name in names():
        profile = read(name)
        ids = {requirement for change in apply(load(), profile).changes for requirement in change.requirements}
        click.echo(f"{name}: {len(profile.declared)} declared, which changes {len(ids)} of the requirements")
        for key, value in profile.declared.items():
            click.echo(f"    {key} = {value}")
