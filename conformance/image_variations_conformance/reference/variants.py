"""Variants of the reference server: what faults and quirks have in common, and the server that is several at once."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Protocol

from .app.service import Service, ServiceOptions


class Variant(Protocol):
    """A way in which a server differs from the reference server."""

    @property
    def name(self) -> str:
        """The name that it is asked for by."""

    @property
    def service(self) -> type[Service]:
        """The server that differs in this way alone."""


class UnknownVariantError(LookupError):
    """There is no fault, or no quirk, of that name."""


def combined(kind: str, known: Mapping[str, Variant], names: Iterable[str], options: ServiceOptions) -> Service:
    """A server with all the variants named. Where two meet in one step, the first named comes first.

    `kind` is what one of those known is called. Raises UnknownVariantError, with the names that are close.
    """
    names = tuple(dict.fromkeys(names))
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known)
            hint = f" Close to it: {', '.join(close)}." if close else ""
            raise UnknownVariantError(f"There is no {kind} of the name {name}.{hint}")
    bases = tuple(known[name].service for name in names)
    service: type[Service] = type(f"With{kind.capitalize()}", (*bases, Service), {})
    return service(**options)
