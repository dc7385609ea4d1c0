"""All oddities by their names, and the server that has some of them."""

from collections.abc import Iterable
from typing import Unpack

from ..app.service import Service, ServiceOptions
from ..variants import combined
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


def odd(names: Iterable[str], **options: Unpack[ServiceOptions]) -> Service:
    """A server with all the oddities named. Raises UnknownVariantError."""
    return combined("oddity", ODDITIES, names, options)
