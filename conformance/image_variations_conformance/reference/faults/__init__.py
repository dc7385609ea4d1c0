"""The faults: each is a defect that servers have had or are likely to have.

Most are made by a function of `factories`, which changes one step of the reference server; those with a state of their
own are subclasses of Service. A fault is registered with the requirements that it breaks. Several faults can be
combined in one server. A correct conformance suite reports each of them.

What a fault breaks: one defect, one failure. A wrong answer to a request that violates a requirement, or a 5xx, breaks
that requirement; a refusal of a valid request, or a 5xx, that of the feature it has. IV-ERR-NO-5XX is broken only by a
5xx in response to a request about which the contract says nothing else, and may be reported beside the others.

Tables of faults are formatted by hand (fmt: off), a fault in one to four lines, so that they can be read as tables.
"""

from . import (
    authentication,
    concurrency,
    content_type,
    errors,
    fields,
    files,
    forms,
    images,
    links,
    liveness,
    numbers,
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
    "files",
    "forms",
    "images",
    "links",
    "liveness",
    "numbers",
    "protocol",
    "schema",
    "state",
    "status",
    "uploads",
]
