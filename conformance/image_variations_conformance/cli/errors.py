"""Exit codes, the error that ends a command with a message, and the report of a bug in the suite."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from . import output

EXIT_FAILS, EXIT_USAGE, EXIT_BUG = 1, 2, 3


class CommandError(click.ClickException):
    """Ends the command with a message: what was expected, what came, and what to do next."""

    exit_code = EXIT_USAGE


@contextmanager
def reported_bugs(redact: Callable[[str], str]) -> Iterator[None]:
    """Exit with code 3 if an exception leaves the block: it is a bug of the suite, and not of the server.

    `redact` removes secrets from the traceback that is shown.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        from ..sources.resources import OutOfResources  # noqa: PLC0415 - it imports socket, which `list` does without

        if isinstance(error, OSError) and error.errno in output.UNWRITABLE:
            raise
        if isinstance(error, ModuleNotFoundError):  # a package of the extra [conformance]: see __main__
            raise
        if isinstance(error, OutOfResources):
            message = (
                f"Error: this machine cannot go on: {error}. That is not the server's fault. Raise the limit "
                "(ulimit -n for open files), or use fewer --workers."
            )
        else:
            message = (
                f"{redact(traceback.format_exc())}\n"
                "This is an error of image-variations itself, not of the server. Please report it."
            )
        click.echo(message, err=True)
        sys.exit(EXIT_BUG)
