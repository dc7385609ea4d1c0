"""Requests that must be refused, sent on a kept connection between those that must be accepted.

Servers leave the rest of such a request unread, and take it for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from attrs import evolve

from ..wire.exchange import Request
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
_ROWS: tuple[dict[str, Callable[[Request], Request]], ...] = (
    {"n-zero": _WITH_TRAILERS, "image-far-too-large": lambda request: request},
    {"key-wrong": _WITH_TRAILERS},
    {"method-put-form": lambda request: request, "body-json": lambda request: request},
)


def preparations(
    plan: Plan, base: Base, connection: str, *, chunked: bool, without: Collection[str]
) -> list[list[Case]]:
    """Return the requests for a connection: for each that must be accepted, those before it.

    Where chunked coding is refused (not `chunked`), a wrong key in it shows nothing, and is sent without it, too. Rows
    whose labels are in `without` are left out.
    """
    rows = {row.label: row for row in (*REFUSALS, *WRONG_VALUES)}
    found: list[list[Case]] = []
    for few in _ROWS:
        found.append([])
        for label, change in few.items():
            if label in without or (is_of_key(label) and plan.target.api_key is None):
                continue
            case = plan.named(rows[label], base)
            as_is = evolve(
                case,
                label=f"{connection}-{label}-as-is",
                tests=(),
                request=kept_open(case.request),
                connection=connection,
                is_preparation=True,
            )
            changed = evolve(as_is, label=f"{connection}-{label}", request=change(as_is.request))
            found[-1] += [as_is, changed] if is_of_key(label) and not chunked else [changed]
    return found
