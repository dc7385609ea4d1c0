"""The faults: each is a defect that servers have had or are likely to have.

A fault is a subclass of Service that overrides a step. It is registered with the requirements that it breaks. Several
faults can be combined in one server. A correct conformance suite reports each of them.
"""

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

__all__ = [
    "authentication",
    "concurrency",
    "content_type",
    "errors",
    "fields",
    "forms",
    "images",
    "links",
    "liveness",
    "protocol",
    "schema",
    "state",
    "status",
    "uploads",
]
