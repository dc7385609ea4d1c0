"""All oddities by their names, and the server that has some of them."""

import difflib
from collections.abc import Iterable
from typing import Unpack

from ..service import Service, ServiceOptions
from . import documents, limits, links, load, pictures, refusals, wire
from .registry import Oddity

_FAMILIES = (
    wire.oddity,
    documents.oddity,
    refusals.oddity,
    limits.oddity,
    pictures.oddity,
    links.oddity,
    load.oddity,
)

ODDITIES: dict[str, Oddity] = {oddity.name: oddity for family in _FAMILIES for oddity in family.oddities}


class UnknownOddityError(LookupError):
    """There is no oddity of that name."""


def odd(names: Iterable[str], **options: Unpack[ServiceOptions]) -> Service:
    """A server with all the oddities named. Where two meet in one step, the first named comes first.

    Raises UnknownOddityError, with the names that are close.
    """
    bases = tuple(_oddity(name).service for name in dict.fromkeys(names))
    service: type[Service] = type("OddService", (*bases, Service), {})
    return service(**options)


def _oddity(name: str) -> Oddity:
    if name in ODDITIES:
        return ODDITIES[name]
    close = difflib.get_close_matches(name, ODDITIES)
    hint = f" Close to it: {', '.join(close)}." if close else ""
    raise UnknownOddityError(f"There is no oddity of the name {name}.{hint}")
