"""All faults by their names, and the server that has some of them."""

import difflib
from collections.abc import Iterable
from typing import Unpack

from ..service import Service, ServiceOptions
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


class UnknownFaultError(LookupError):
    """There is no fault of that name."""


def faulty(names: Iterable[str], **options: Unpack[ServiceOptions]) -> Service:
    """A server with all the faults named. Where two meet in one step, the first named comes first.

    Raises UnknownFaultError, with the names that are close.
    """
    bases = tuple(_fault(name).service for name in dict.fromkeys(names))
    service: type[Service] = type("FaultyService", (*bases, Service), {})
    return service(**options)


def _fault(name: str) -> Fault:
    if name in FAULTS:
        return FAULTS[name]
    close = difflib.get_close_matches(name, FAULTS)
    hint = f" Close to it: {', '.join(close)}." if close else ""
    raise UnknownFaultError(f"There is no fault of the name {name}.{hint}")
