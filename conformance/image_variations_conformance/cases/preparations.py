"""Requests that must be refused, sent on a kept connection between those that must be accepted.

Servers leave the rest of such a request unread, and take it for the next one.
"""

from __future__ import annotations

from collections.abc import Collection

from attrs import evolve

from .builder import Base
from .case import Case
from .named_case import is_of_key
from .plan import Plan
from .refusals import REFUSALS
from .transforms import kept_open, with_chunked_coding
from .wrong_values import WRONG_VALUES

_WITH_TRAILERS = with_chunked_coding(trailers=(("X-Checksum", "0"),), announced=False)
# Before each of the requests on the connection. After a request with the right key: a server may check the key of the
# first request alone. Where two follow each other, the answer to the second shows what is left of the first.
ROWS = (("n-zero", "image-far-too-large"), ("key-wrong",), ("method-put-form", "body-json"))
_IN_CHUNKS = frozenset({"n-zero", "key-wrong"})


def preparations(
    plan: Plan, base: Base, connection: str, *, chunked: bool, without: Collection[str]
) -> list[list[Case]]:
    """Return the requests for a connection: for each that must be accepted, those before it.

    Where chunked coding is refused (not `chunked`), what is wrong in it shows nothing, and is sent without it. Rows
    whose labels are in `without` are left out.
    """
    rows = {row.label: row for row in (*REFUSALS, *WRONG_VALUES)}
    found: list[list[Case]] = []
    for few in ROWS:
        found.append([])
        for label in few:
            if label in without or (is_of_key(label) and plan.target.api_key is None):
                continue
            case = plan.named(rows[label], base)
            kept = kept_open(case.request)
            prepared = evolve(
                case,
                label=f"{connection}-{label}",
                tests=(),
                request=_WITH_TRAILERS(kept) if chunked and label in _IN_CHUNKS else kept,
                connection=connection,
                is_preparation=True,
            )
            found[-1].append(prepared)
    return found
