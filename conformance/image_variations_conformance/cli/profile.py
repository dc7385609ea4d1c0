"""`image-variations profile`."""

from __future__ import annotations

import datetime
import os
import secrets
import shlex
from contextlib import nullcontext
from pathlib import Path

import click

from ..contract.document import load
from ..contract.effective import apply
from ..contract.profile import EMPTY, ProfileError
from ..engine.asking import Asker
from ..engine.budget import Budget, Limits
from ..engine.draft import Draft
from ..engine.draft_base import NothingAccepted
from ..engine.drafting import MOST_IMAGES, MOST_REQUESTS, draft
from ..engine.scheduler import Scheduler
from ..reports.draft import render
from ..sources.transport import Transport
from ..wire.exchange import Headers
from ..wire.redaction import Redactor
from ..wire.target import Target, UnusableUrl
from . import output
from .arguments import read_key, target_options
from .errors import EXIT_FAILS, CommandError, reported_bugs
from .servers import at_origin, served, talking_to, url_of

_NAME_A_MODEL = "Name a model of the server with --model."
_DECLARE_BY_HAND = (
    "Each had a PNG, and no fields but those of the contract. What else the server wants can only be declared by hand; "
    "a server that takes no PNG cannot be tested."
)


@click.command("profile")
@click.argument("urls", nargs=-1, metavar="URL")
@click.option("--app", "app_name", metavar="MODULE:ATTR", help="Ask an ASGI app, as `check --app` serves it.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="A model of the server; repeatable.")
@target_options
@click.option("--max-images", type=click.IntRange(min=1), default=MOST_IMAGES, show_default=True,
              help="Ask for no more images than that.")  # fmt: skip
@click.option("--output", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the draft to this file, once it is there. By default, it is printed.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Same seed, same requests.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked at most, and send nothing.")
def command(
    urls: tuple[str, ...],
    app_name: str | None,
    models: tuple[str, ...],
    api_key: str | None,
    headers: Headers,
    timeout: float,
    max_images: int,
    file: Path | None,
    seed: int | None,
    dry_run: bool,
) -> None:
    """Draft the profile of the server at URL: what it does differently, each line with what was seen.

    Give --output image-variations.toml, read that, and delete what is a bug and not meant.
    """
    if file is not None and not file.absolute().parent.is_dir():
        raise CommandError(f"--output: {file} cannot be written: there is no folder {file.parent}; make it first")
    key = read_key(api_key, os.environ, headers)
    try:
        target = Target.parse(url_of(urls, app_name), key.value, headers)
    except UnusableUrl as error:
        raise CommandError(str(error)) from error
    if dry_run:
        click.echo(
            f"At most {MOST_REQUESTS} requests and {max_images} images, one at a time: about the model, the name of "
            "the image, keys, formats, sizes, n, kinds, sides and bytes of images, and errors."
        )
        return
    redactor = Redactor.of(target.api_key, target.headers, target.base_url)
    name = shlex.join(["--app", app_name, *urls]) if app_name else target.base_url
    with served(app_name) if app_name else nullcontext() as origin, reported_bugs(redactor.text):
        if origin is not None:
            target = at_origin(target, origin)
        budget = Budget(Limits(MOST_REQUESTS, max_images))
        scheduler = Scheduler(Transport(target, timeout), lambda *_: None, budget=budget)
        asker = Asker(load(), target, scheduler, secrets.randbelow(2**32) if seed is None else seed)
        try:
            with talking_to(target, key.source):
                made = draft(asker, models)
        except NothingAccepted as error:
            about_model = not models and "model" in str(error).lower()
            raise CommandError(
                f"No request was accepted in {budget.requests}; a plain one was answered {redactor.text(str(error))}. "
                f"{_NAME_A_MODEL if about_model else _DECLARE_BY_HAND}"
            ) from error
        text = render(made, name, datetime.datetime.now().astimezone().date())
        # As bytes: TOML is UTF-8, whatever the locale.
        content = redactor.text(text).encode("utf-8", "backslashreplace")
        if file is None:
            click.echo(content, nl=False)
        else:
            _write(file, content)
        _require_consistency(made)


def _write(file: Path, content: bytes) -> None:
    """Write the draft, or print it with an error where that cannot be done: it took images."""
    try:
        output.write_file(file, content)
    except OSError as error:
        click.echo(content, nl=False)
        raise CommandError(f"--output: {file} cannot be written: {error.strerror}; the draft was printed") from error


def _require_consistency(made: Draft) -> None:
    """Exit with 1 if the declarations do not go together, as those of a server with bugs may."""
    profile = EMPTY
    try:
        for line in made.lines:
            profile = profile.with_declared(line.key, line.value, "the draft")
        apply(load(), profile)
    except ProfileError as error:
        click.echo(f"The draft contradicts itself, and must be mended: {error}", err=True)
        raise click.exceptions.Exit(EXIT_FAILS) from error
