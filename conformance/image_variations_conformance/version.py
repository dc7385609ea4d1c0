"""The version of the suite."""

from __future__ import annotations

DISTRIBUTION = "image-variations"


def suite_version() -> str:
    """Return the version of the installed distribution."""
    # Slow to import, and few commands need it.
    from importlib.metadata import version  # noqa: PLC0415

    return version(DISTRIBUTION)


def repository() -> str:
    """Return the URL of the repository, as pyproject.toml states it."""
    from importlib.metadata import metadata  # noqa: PLC0415 - as above

    urls: list[str] = metadata(DISTRIBUTION).get_all("Project-URL", [])
    return dict(entry.split(", ", 1) for entry in urls)["Repository"]
