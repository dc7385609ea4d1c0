"""All quirks by name, and servers that have several of them."""

from collections.abc import Iterable
from typing import Unpack

from ..app.service import Service, ServiceOptions
from ..variants import combined
from . import documents, limits, links, load, pictures, refusals, wire
from .registry import Quirk

_FAMILIES = (
    wire.quirk,
    documents.quirk,
    refusals.quirk,
    limits.quirk,
    pictures.quirk,
    links.quirk,
    load.quirk,
)

QUIRKS: dict[str, Quirk] = {quirk.name: quirk for family in _FAMILIES for quirk in family.quirks}


def quirky(names: Iterable[str], **options: Unpack[ServiceOptions]) -> Service:
    """Return a server with all the named quirks. Raises UnknownVariantError for an unknown name."""
    return combined("quirk", QUIRKS, names, options)
