"""The version of the suite, and how to install its extras."""

from __future__ import annotations

DISTRIBUTION = "image-variations"


def suite_version() -> str:
    """Return the version of the installed distribution."""
    # Slow to import, and few commands need it.
    from importlib.metadata import version  # noqa: PLC0415

    return version(DISTRIBUTION)


def install_command(extra: str) -> str:
    """Return the command that installs an extra from the repository, whose URL is in pyproject.toml."""
    from importlib.metadata import metadata  # noqa: PLC0415 - as above

    urls: list[str] = metadata(DISTRIBUTION).get_all("Project-URL", [])
    repository = dict(entry.split(", ", 1) for entry in urls)["Repository"]
    return f"pip install '{DISTRIBUTION}[{extra}] @ git+{repository}'"
