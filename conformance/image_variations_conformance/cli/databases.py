"""Where Hypothesis keeps things: the database of random requests that failed, a folder or a Redis server; its cache."""

from __future__ import annotations

import os
from pathlib import Path

import click
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

from ..version import install_command
from .errors import CommandError

_REDIS = ("redis://", "rediss://", "unix://")


def read_database(_: click.Context, __: click.Parameter, value: str | None) -> ExampleDatabase | None:
    """Return the database at a path or URL. Raises CommandError. No message quotes a URL, which may hold a password."""
    if value is None:
        return None
    return _redis(value) if value.startswith(_REDIS) else _folder(Path(value))


def keep_cache_out_of_the_working_folder() -> None:
    """Let Hypothesis keep its cache in the user's cache folder, unless its own variable names another."""
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:  # the user has no home
        caches = Path(os.devnull)  # Hypothesis does without a cache that it cannot write
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(caches / "image-variations" / "hypothesis"))


def _folder(path: Path) -> ExampleDatabase:
    if path.exists() and not path.is_dir():
        raise CommandError(f"--example-database: expected a folder, a new path or redis://…, got the file {path}")
    return DirectoryBasedExampleDatabase(path)


def _redis(url: str) -> ExampleDatabase:
    try:
        import redis  # noqa: PLC0415 - an extra
        from hypothesis.extra.redis import RedisExampleDatabase  # noqa: PLC0415
    except ImportError as error:
        raise CommandError(f"--example-database redis://… needs: {install_command('redis')}") from error
    try:
        server = redis.Redis.from_url(url)
        server.ping()
    except (redis.RedisError, ValueError) as error:
        raise CommandError(f"--example-database: the Redis server cannot be used ({type(error).__name__})") from error
    return RedisExampleDatabase(server)
