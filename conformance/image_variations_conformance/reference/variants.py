"""Variants of the reference server: the interface that faults and quirks share, and servers that combine variants."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Protocol

from .app.service import Service, ServiceOptions


class Variant(Protocol):
    """A named difference from the reference server: a fault or a quirk."""

    @property
    def name(self) -> str:
        """Return the name, as given on the command line."""

    @property
    def service(self) -> type[Service]:
        """Return the Service subclass that has only this difference."""


class UnknownVariantError(LookupError):
    """No fault or no quirk has the given name."""


def combined(kind: str, known: Mapping[str, Variant], names: Iterable[str], options: ServiceOptions) -> Service:
    """Return a server with all the named variants. If two override the same step, the first named is called first.

    `kind` is the noun for one of the `known` variants, such as "fault". Raises UnknownVariantError, with similar names,
    if a name is not known.
    """
    names = tuple(dict.fromkeys(names))
    for name in names:
        if name not in known:
            similar = difflib.get_close_matches(name, known)
            hint = f" Similar names: {', '.join(similar)}." if similar else ""
            raise UnknownVariantError(f"There is no {kind} named {name}.{hint}")
    bases = tuple(known[name].service for name in names)
    service: type[Service] = type(f"With{kind.capitalize()}", (*bases, Service), {})
    return service(**options)
