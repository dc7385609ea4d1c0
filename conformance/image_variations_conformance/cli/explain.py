"""`image-variations explain ID`."""

from __future__ import annotations

import click

from ..cases.catalogue import labels_by_requirement
from ..contract.document import Contract
from ..contract.suggestion import no_requirement
from ..reference.variants import FAULTS
from .contracts import contract_options, show_profile
from .errors import CommandError


@click.command("explain")
@click.argument("requirement_id", metavar="ID")
@contract_options(finds_profile=True)
def command(requirement_id: str, contract: Contract) -> None:
    """Show one requirement: its text, its source, its cases, and the faults that break it."""
    requirement = contract.requirements.get(requirement_id.upper())
    if requirement is None:
        raise CommandError(no_requirement(requirement_id, contract.requirements))
    show_profile(contract)
    click.echo(f"{requirement.id} ({requirement.level}, since contract {requirement.since})\n{requirement.text}")
    click.echo(f"Source: {requirement.source}")
    for change in contract.changes:
        if requirement.id in change.requirements:
            click.echo(f"Changed by {change.key} ({change.source})")
    if requirement.pointer is not None:
        click.echo(f"In openapi.yaml: {requirement.pointer}")
    if requirement.excluded is not None:
        click.echo(f"Not judged: {requirement.excluded}")
    if requirement.evidence is not None:
        click.echo(f"Evidence: {', '.join(requirement.evidence.items(contract))}")
    cases = labels_by_requirement(contract).get(requirement.id)
    if cases:
        click.echo(f"Cases: {', '.join(dict.fromkeys(cases))}")
    for fault in FAULTS.values():
        if requirement.id in fault.breaks:
            click.echo(f"Broken by the fault {fault.name}: {fault.summary}")
