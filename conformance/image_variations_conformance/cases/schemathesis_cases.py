"""Cases that Schemathesis derives from the OpenAPI document, through its public interface.

Schemathesis chooses the fields and their values; the bytes are ours. Whether a case is valid is classified from those
bytes and not taken from Schemathesis: many of its negative cases (a number for a text field, for instance) are valid
once they are a form on the wire.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import schemathesis
from attrs import evolve
from schemathesis import APIOperation, GenerationMode

from ..contract.document import Contract
from ..contract.expectation import Validity
from ..contract.unjudged import PATH
from ..media import png
from ..wire.multipart import Part, file_part, text_part
from ..wire.target import Target
from .case import Builder, Case
from .strategies import draw, pngs

# Registered for the format and not for the media type image/png of the part, because Schemathesis would replace the
# whole form by it.
schemathesis.openapi.format("binary", pngs((png.PLAIN, png.Kind(png.RGBA)), max_side=64))

# Less than half of the negative forms are invalid once they are bytes on the wire.
_FORMS_PER_INVALID_CASE = 3
_MAX_DRAWS = 8

Operation = APIOperation[Any, Any, Any, Any]


def schema_cases(contract: Contract, target: Target, seed: int, wanted: Mapping[Validity, int]) -> list[Case]:
    """Return at most so many cases of each validity, each for one image."""
    found: dict[Validity, list[Case]] = {validity: [] for validity in wanted}

    def take(parts: tuple[Part, ...], name: str) -> bool:
        builder = Builder.of(contract, target, seed, f"schema/{name}")
        case = builder.case("derived from the schema", builder.multipart(parts, exact=True))
        validity = case.expectation.validity
        has_room = len(found.get(validity, ())) < wanted.get(validity, 0)
        if has_room and (validity == "invalid" or _asks_for_one_image(parts)):
            found[validity].append(case)
            return True
        return False

    def missing(*validities: Validity) -> int:
        return sum(wanted.get(validity, 0) - len(found.get(validity, ())) for validity in validities)

    if not wanted:
        return []
    schema = operation(contract)
    # Few forms are drawn at a time, since Schemathesis takes longer for a form than everything else takes for a case.
    for draw_number in range(_MAX_DRAWS):
        number = _FORMS_PER_INVALID_CASE * missing("invalid")
        for index, parts in enumerate(_forms(schema, seed, draw_number, number, GenerationMode.NEGATIVE)):
            take(parts, f"negative/{draw_number}/{index}")
        number = missing("valid", "unspecified")
        for index, parts in enumerate(_forms(schema, seed, draw_number, number, GenerationMode.POSITIVE)):
            # Nearly all have unknown fields. Without those, and with n=1, the same form is valid.
            if not take(parts, f"positive/{draw_number}/{index}"):
                take(_simplified(parts, contract), f"simplified/{draw_number}/{index}")
    return [
        evolve(case, label=f"schema-{validity}-{number}", is_random=validity != "invalid")
        for validity in wanted
        for number, case in enumerate(found[validity], start=1)
    ]


def _asks_for_one_image(parts: tuple[Part, ...]) -> bool:
    return all(part.content == b"1" for part in parts if part.name == "n")


def _simplified(parts: tuple[Part, ...], contract: Contract) -> tuple[Part, ...]:
    return tuple(text_part("n", "1") if part.name == "n" else part for part in parts if part.name in contract.fields)


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
