"""Requests that must be refused, sent on a kept connection between those that must be accepted.

Servers leave the rest of such a request unread, and take it for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
_ROWS: dict[str, Callable[[Request], Request] | None] = {
    "image-too-large": None,
    "method-get": None,
    "n-zero": _WITH_TRAILERS,
    # After a request with the right key: a server may check the key of the first request alone.
    "key-wrong": _WITH_TRAILERS,
}


def preparations(plan: Plan, base: Base, connection: str, *, chunked: bool) -> Iterator[Case]:
    """Yield the requests for a connection, some of them in chunked coding unless that is refused anyway."""
    rows = {row.label: row for row in (*REFUSALS, *WRONG_VALUES)}
    for label, change in _ROWS.items():
        if plan.target.api_key is not None or not is_of_key(label):
            case = plan.named(rows[label], base)
            request = case.request if change is None or not chunked else change(case.request)
            name = f"{connection}-{label}"
            yield evolve(
                case, label=name, tests=(), request=kept_open(request), connection=connection, is_preparation=True
            )
