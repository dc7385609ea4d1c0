"""Forms that Schemathesis derives from the OpenAPI document, through its public interface.

Schemathesis chooses the fields and their values; the bytes are ours. Whether a case is valid is classified from those
bytes and not taken from Schemathesis: many of its negative cases (a number for a text field, for instance) are valid
once they are a form on the wire.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import schemathesis
from schemathesis import APIOperation, GenerationMode

from ..contract.document import Contract
from ..contract.unjudged import PATH
from ..media import png
from ..wire.multipart import Part, file_part, text_part
from .strategies import draw, pngs

# Registered for the format and not for the media type image/png of the part, because Schemathesis would replace the
# whole form by it.
schemathesis.openapi.format("binary", pngs((png.PLAIN, png.Kind(png.RGBA)), max_side=64))

Operation = APIOperation[Any, Any, Any, Any]


def operation(contract: Contract) -> Operation:
    """Return the operation as Schemathesis reads it from the document."""
    return schemathesis.openapi.from_dict(dict(contract.document))[PATH]["POST"]


def forms(schema: Operation, seed: int, number: int) -> Iterator[tuple[Part, ...]]:
    """Yield the parts of at most so many forms, half of them positive and half negative."""
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        yield from _forms(schema, seed, 0, number // 2, mode)


def _forms(schema: Operation, seed: int, draw_number: int, number: int, mode: GenerationMode) -> list[tuple[Part, ...]]:
    if not number:
        return []
    strategy = schema.as_strategy(generation_mode=mode).map(_parts)
    return draw(strategy, number, random.Random(f"{seed}/{draw_number}").getrandbits(32))  # noqa: S311 - test data


def _parts(case: schemathesis.Case[Any]) -> tuple[Part, ...]:
    """Return the form that Schemathesis would send as parts; empty where the body is not a form."""
    files = case.as_transport_kwargs(base_url="http://127.0.0.1").get("files") or ()
    return tuple(
        text_part(name, _bytes(value))
        if filename is None
        else file_part(name, _bytes(value), "picture.png", "image/png")
        for name, (filename, value, *_) in files
    )


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
