"""The command `image-variations`, and `python -m image_variations_conformance`."""

from __future__ import annotations

import sys

from .cli import output

_INTERRUPTED = 130
_HELP = """\
Usage: image-variations vendor [OPTIONS] DEST

  Write the client into your source tree, compare it, or bring it up to date: 'image-variations vendor --help'.

The other commands, such as check, need the extra [conformance]:"""


def main() -> None:
    """Run the command and exit."""
    output.prepare()
    try:
        code = _run(sys.argv[1:])
    except BrokenPipeError:
        code = output.EXIT_NO_READER
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)  # noqa: T201 - click may be what is missing
        code = _INTERRUPTED
    unwritten = output.close()
    sys.exit(code or unwritten)


def _run(arguments: list[str]) -> int:
    """Run the command. Without the packages of the extra [conformance], only `vendor` works. Return the exit code."""
    try:
        from .cli.main import main as run  # noqa: PLC0415 - it may not be installed

        return run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"", "image_variations", "image_variations_conformance"}:
            raise
        return _run_without_extra(arguments, missing)


def _run_without_extra(arguments: list[str], missing: str) -> int:
    """Run `vendor` or show the help or version; say how to install what another command needs. Return the exit code."""
    if arguments[:1] == ["vendor"]:
        from .vendoring.command import run  # noqa: PLC0415 - not needed with the extra

        return run(arguments[1:])
    from .version import install_command, suite_version  # noqa: PLC0415 - not needed with the extra

    how = f"the package {missing} is missing. Install it with: {install_command('conformance')}"
    match arguments:
        case ["--version"]:
            print(f"image-variations, version {suite_version()}")  # noqa: T201 - click may be what is missing
            return 0
        case [] | ["-h" | "--help"]:
            print(f"{_HELP}\n{how}")  # noqa: T201 - as above
            return 0
    print(f"image-variations: {how}", file=sys.stderr)  # noqa: T201 - as above
    return 2


if __name__ == "__main__":
    main()
