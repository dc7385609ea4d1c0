"""The exception that ends a regeneration, and how its messages name a file."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Refused(Exception):
    """The run cannot continue. The message says what is wrong and what to do."""


def shown_path(path: Path) -> Path:
    """Return a path for a message: relative to the source tree if it is within it."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
