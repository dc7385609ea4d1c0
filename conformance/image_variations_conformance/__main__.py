"""The command `image-variations`, and `python -m image_variations_conformance`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command. Without the packages of the extra [conformance], only `vendor` works."""
    try:
        from .cli.main import main as run  # noqa: PLC0415 - it may not be installed

        run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"", "image_variations", "image_variations_conformance"}:
            raise
        sys.exit(_run_without_extra(sys.argv[1:], missing))


def _run_without_extra(arguments: list[str], missing: str) -> int:
    """Run `vendor`. For every other command, say how to install what is missing. Return the exit code."""
    from .cli import output  # noqa: PLC0415 - not needed with the extra

    if arguments[:1] == ["vendor"]:
        from .vendoring.command import run  # noqa: PLC0415 - not needed with the extra

        code = run(arguments[1:])
    else:
        from .version import install_command  # noqa: PLC0415 - not needed with the extra

        command = install_command("conformance")
        message = f"image-variations: the package {missing} is missing. Install it with: {command}"
        print(message, file=sys.stderr)  # noqa: T201 - click may be what is missing
        code = 2
    return code if output.close() else code or 2


if __name__ == "__main__":
    main()
