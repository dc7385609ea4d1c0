"""The command `image-variations`, and `python -m image_variations_conformance`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command. Without the packages of the extra [conformance], say how to install them, and exit with 2."""
    try:
        from .cli.main import main as run  # noqa: PLC0415 - it may not be installed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"image_variations", "image_variations_conformance"}:
            raise
        message = f"image-variations: the package {error.name} is missing. Install 'image-variations[conformance]'."
        print(message, file=sys.stderr)  # noqa: T201 - click may be what is missing
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
