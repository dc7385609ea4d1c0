"""All faults by name, and servers that have several of them."""

from collections.abc import Iterable
from typing import Unpack

from ..app.service import Service, ServiceOptions
from ..variants import combined
from . import (
    authentication,
    concurrency,
    content_type,
    errors,
    fields,
    forms,
    images,
    links,
    liveness,
    protocol,
    schema,
    state,
    status,
    uploads,
)
from .registry import Fault

_FAMILIES = (
    status.fault,
    authentication.fault,
    forms.fault,
    fields.fault,
    uploads.fault,
    schema.fault,
    content_type.fault,
    images.fault,
    links.fault,
    errors.fault,
    state.fault,
    concurrency.fault,
    protocol.fault,
    liveness.fault,
)

FAULTS: dict[str, Fault] = {fault.name: fault for family in _FAMILIES for fault in family.faults}


def faulty(names: Iterable[str], **options: Unpack[ServiceOptions]) -> Service:
    """Return a server with all the named faults. Raises UnknownVariantError for an unknown name."""
    return combined("fault", FAULTS, names, options)
