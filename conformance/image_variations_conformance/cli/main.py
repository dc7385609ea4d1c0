"""The command `image-variations`: its subcommands, and how it ends."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module

import click

from . import output
from .errors import EXIT_USAGE, reported_bugs

# Each command is a module, which is imported when the command is called: some import slow libraries.
_COMMANDS = {
    "check": "Check a server.",
    "serve": "Run the reference server, correct, with faults, or with quirks.",
    "list": "List the requirements.",
    "profile": "Draft the profile of a server: what it does differently, with what was seen.",
    "profiles": "List the ready-made profiles, and what each declares.",
    "vendor": "Write the client into your source tree, compare it, or bring it up to date.",
    "explain": "Show one requirement: its text, its source, its cases, and the faults that break it.",
}


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are needed. Its help needs none of them."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(_COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """Return the command of that name, or None."""
        if name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"{__package__}.{name}").command
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="image-variations")
def cli() -> None:
    """Check servers by the contract of POST /v1/images/variations."""


def main() -> int:
    """Run the command. Return the exit code. Raises KeyboardInterrupt and BrokenPipeError."""
    try:
        # Not cli.main(), which exits with 1 where a pipe has no reader.
        with reported_bugs(str), cli.make_context("image-variations", sys.argv[1:]) as context:
            code: object = cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return error.exit_code
    except BrokenPipeError:  # the output has no reader
        raise
    except OSError as error:
        output.report_unwritable(error)
        return EXIT_USAGE
    return code if isinstance(code, int) else 0
