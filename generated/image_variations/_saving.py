# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Write a file completely or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import cast

from attrs import frozen

from .errors import InvalidRequestError


@frozen
class Destination:
    """A place where a regular file is, or can be written.

    `path` is what the caller asked for, and `target` the same without symbolic links. `mode` has the permissions of the
    file that is there, or is None.
    """

    path: str
    target: Path
    mode: int | None

    def write(self, content: bytes) -> Path:
        """Write the content and return the path. Raises `OSError`, with the path as its `filename`.

        The content is written to a temporary file in the same folder, which then replaces the file.
        """
        temporary = self.target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            # Nobody who may not read the old file can read the new one, even before it has all its permissions.
            mode = 0o666 if self.mode is None else self.mode
            with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                file.write(content)
            if self.mode is not None:
                temporary.chmod(self.mode)
            temporary.replace(self.target)
        except OSError as error:
            raise _of(self.path, error) from None
        finally:
            # If even the folder is gone, the error above says so.
            if os.path.lexists(temporary):
                temporary.unlink()
        return Path(self.path)


def destination(path: object) -> Destination:
    """Return the place that `path`, a str or `os.PathLike`, leads to. Nothing is written.

    Raises `InvalidRequestError` if it cannot be the path of a regular file, and `OSError` if its folder is missing or
    the file that is there must not be written.
    """
    kind = type(path).__name__
    asked: object = os.fspath(cast("os.PathLike[str]", path)) if isinstance(path, str | os.PathLike) else path
    if not isinstance(asked, str):
        raise _refused(f"must be a str or os.PathLike of one, not {kind}")
    if not asked:
        raise _refused("is empty: it must name the file to write")
    if asked.endswith(tuple(filter(None, (os.sep, os.altsep)))):
        raise _refused(f"must name a file, and {asked!r:.200} ends like a folder")
    try:
        target = Path(os.path.realpath(asked))
        mode = _mode(target)
        if mode is None:
            target.parent.stat()
            return Destination(asked, target, None)
        if not stat.S_ISREG(mode):
            raise _refused(f"must name a regular file, and {asked!r:.200} is {_kind(mode)}")
        os.close(os.open(target, os.O_WRONLY))  # raises what writing to the file itself would
    except OSError as error:
        raise _of(asked, error) from None
    except ValueError as error:  # a null character, or half a surrogate pair
        if isinstance(error, InvalidRequestError):
            raise
        raise _refused(f"{asked!r:.200} cannot be the name of a file") from None
    return Destination(asked, target, stat.S_IMODE(mode) & 0o777)


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _of(path: str, error: OSError) -> OSError:
    """Return the error for the file that was asked for, instead of the temporary file."""
    return OSError(error.errno, error.strerror or str(error), path)


def _refused(reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"path {reason}.", param="path")
