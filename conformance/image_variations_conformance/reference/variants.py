"""Servers with faults or quirks. Importing this module registers all of them."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Unpack

from . import faults, quirks
from .app.service import Service, ServiceOptions
from .registry import FAULTS, QUIRKS, Fault, Quirk

__all__ = [
    "FAULTS",
    "QUIRKS",
    "Fault",
    "Quirk",
    "UnknownVariantError",
    "combined",
    "faults",
    "faulty",
    "quirks",
    "quirky",
]


class UnknownVariantError(LookupError):
    """No fault or no quirk has the given name."""


def combined(names: Iterable[str]) -> type[Service]:
    """Return the class of servers with all the named faults and quirks, in any mixture.

    If two override the same step, the first named is called first. Raises UnknownVariantError, with similar names, for
    an unknown name.
    """
    return _combined("fault or quirk", {**FAULTS, **QUIRKS}, names)


def faulty(names: Iterable[str], **options: Unpack[ServiceOptions]) -> Service:
    """Return a server with all the named faults, likewise."""
    return _combined("fault", FAULTS, names)(**options)


def quirky(names: Iterable[str], **options: Unpack[ServiceOptions]) -> Service:
    """Return a server with all the named quirks, likewise."""
    return _combined("quirk", QUIRKS, names)(**options)


def _combined(kind: str, known: Mapping[str, Fault | Quirk], names: Iterable[str]) -> type[Service]:
    names = tuple(dict.fromkeys(names))
    for name in names:
        if name not in known:
            similar = difflib.get_close_matches(name, known)
            hint = f" Similar names: {', '.join(similar)}." if similar else ""
            raise UnknownVariantError(f"There is no {kind} named {name}.{hint}")
    bases = tuple(known[name].service for name in names)
    return type("Combined", (*bases, Service), {})
