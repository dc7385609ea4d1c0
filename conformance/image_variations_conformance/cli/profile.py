"""`image-variations profile`."""

from __future__ import annotations

import datetime
import os
import secrets

import click

from ..contract.document import load
from ..contract.effective import apply
from ..contract.profile import EMPTY, ProfileError
from ..engine.asking import Asker
from ..engine.budget import Budget, Limits
from ..engine.draft import Draft
from ..engine.drafting import MOST_IMAGES, MOST_REQUESTS, NothingAccepted, draft
from ..engine.scheduler import Scheduler
from ..reports.draft import render
from ..sources.transport import Transport
from ..wire.exchange import Headers
from ..wire.redaction import Redactor
from ..wire.target import Target, UnusableUrl
from .arguments import read_key, target_options
from .errors import CommandError, reported_bugs
from .servers import talking_to


@click.command("profile")
@click.argument("url", metavar="URL")
@click.option("--model", metavar="NAME", help="A model of the server.")
@target_options
@click.option("--max-images", type=click.IntRange(min=1), default=MOST_IMAGES, show_default=True,
              help="Ask for no more images than that.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Same seed, same requests.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked at most, and send nothing.")
def command(
    url: str,
    model: str | None,
    api_key: str | None,
    headers: Headers,
    timeout: float,
    max_images: int,
    seed: int | None,
    dry_run: bool,
) -> None:
    """Draft the profile of the server at URL: what it does differently, each line with what was seen.

    Redirect it to image-variations.toml, read it, and delete what is a bug and not meant.
    """
    key = read_key(api_key, os.environ, headers)
    try:
        target = Target.parse(url, key.value, headers)
    except UnusableUrl as error:
        raise CommandError(str(error)) from error
    if dry_run:
        click.echo(
            f"At most {MOST_REQUESTS} requests and {max_images} images, one at a time: about the model, the name of "
            "the image, keys, formats, sizes, n, kinds, sides and bytes of images, and errors."
        )
        return
    redactor = Redactor.of(target.api_key, target.headers, target.base_url)
    with reported_bugs(redactor.text):
        budget = Budget(Limits(MOST_REQUESTS, max_images))
        scheduler = Scheduler(Transport(target, timeout), lambda *_: None, budget=budget)
        asker = Asker(load(), target, scheduler, secrets.randbelow(2**32) if seed is None else seed)
        try:
            with talking_to(target, key.source):
                made = draft(asker, model)
        except NothingAccepted as error:
            raise CommandError(
                f"No request was accepted in {budget.requests}; a plain one was answered {redactor.text(str(error))}. "
                "Name a model of the server with --model. A server that accepts no PNG cannot be checked."
            ) from error
        text = render(made, target.base_url, datetime.datetime.now().astimezone().date())
        # As bytes: TOML is UTF-8, whatever the locale.
        click.echo(redactor.text(text).encode("utf-8", "backslashreplace"), nl=False)
        _warn_of_contradictions(made)


def _warn_of_contradictions(made: Draft) -> None:
    """Say so if the declarations do not go together, as those of a server with bugs may."""
    profile = EMPTY
    try:
        for line in made.lines:
            profile = profile.with_declared(line.key, line.value, "the draft")
        apply(load(), profile)
    except ProfileError as error:
        click.echo(f"The draft contradicts itself, and must be mended: {error}", err=True)
