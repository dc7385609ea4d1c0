"""The version of the suite."""

from __future__ import annotations


def suite_version() -> str:
    """Return the version of the installed distribution."""
    # Slow to import, and few commands need it.
    from importlib.metadata import version  # noqa: PLC0415

    return version("image-variations")
