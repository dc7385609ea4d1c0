"""Corner cases read off the schema of a field, for what no corner by name sends.

The bounds of every field are sent, and what is just beyond them; of a field that is new in the OpenAPI document, also a
few texts that are no value at all. There are none while the document is the one that the corners were written for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest

from attrs import evolve

from ..contract.document import Contract
from ..contract.fields import Schema, edges, samples, standing
from ..contract.requirements import is_added
from .catalogue import SENT, SMALL, Corner, form_of


def refused_fields(contract: Contract) -> Iterator[Corner]:
    """Yield a corner for each text that a field must refuse."""
    for name, texts in _unsent(contract, lambda at: at in {"refused", "beyond", "lax"}):
        for number, text in enumerate(texts, start=1):
            yield form_of(f"{_label(name)}-refused-{number}", **{name: text})


def accepted_fields(contract: Contract) -> Iterator[Corner]:
    """Yield packed corners that have each text that a field must accept, one of each field at a time."""
    rows = [
        [form_of(f"{_label(name)}-accepted-{number}", **{**SMALL, name: text}) for number, text in enumerate(texts, 1)]
        for name, texts in _unsent(contract, lambda at: at == "accepted")
    ]
    for number, row in enumerate(zip_longest(*rows), start=1):
        apart = tuple(corner for corner in row if corner is not None)
        own = {name: text for corner in apart for name, text in corner.fields.items() if (name, text) not in SENT}
        packed = form_of(f"packed-fields-{number}", **{**SMALL, **own})
        yield evolve(packed, apart=apart) if len(apart) > 1 else apart[0]


def _unsent(contract: Contract, wanted: Callable[[str], bool]) -> Iterator[tuple[str, list[str]]]:
    for name, schema in contract.fields.items():
        texts = dict.fromkeys(_texts(name, schema))
        chosen = [text for text in texts if wanted(standing(schema, text)) and (name, text) not in SENT]
        if chosen:
            yield name, chosen


def _texts(name: str, schema: Schema) -> Iterator[str]:
    found = edges(schema)
    yield from (*found.accepted, *found.refused)
    if is_added(name):
        yield from samples(schema)


def _label(name: str) -> str:
    return f"field-{name.replace('_', '-')}"
