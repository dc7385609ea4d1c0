"""Cases that Schemathesis derives from the OpenAPI document, through its public interface.

It says which fields hold what; the bytes are ours. Whether a case is valid is read off those bytes, not taken from
Schemathesis: much of what it calls negative (a number for a text field, say) is valid once it is a form on the wire.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import schemathesis
from schemathesis import APIOperation, GenerationMode

from ..contract.document import PATH, Contract
from ..contract.expectation import Verdict, appraise
from ..media import png
from ..wire.exchange import Request
from ..wire.multipart import Part, file_part, text_part
from ..wire.target import Target
from .case import Builder, Case
from .strategies import draw, pngs

# For the format, not for the media type image/png of the part: Schemathesis would let that strategy take the place of
# the whole form.
schemathesis.openapi.format("binary", pngs((png.PLAIN, png.Kind(png.RGBA)), max_side=64))

# Of forms that are meant to be invalid somewhat less than half are, once they are bytes on the wire.
_FORMS_AN_INVALID_CASE = 3
_MOST_DRAWS = 8


def schema_cases(contract: Contract, target: Target, seed: int, wanted: Mapping[Verdict, int]) -> list[Case]:
    """Return up to so many cases of each verdict, leaving out what asks for many images."""
    found: dict[Verdict, list[Request]] = {verdict: [] for verdict in wanted}

    def take(parts: tuple[Part, ...], name: str) -> bool:
        request = Builder.of(target, seed, f"schema/{name}").request(parts)
        verdict = appraise(request, contract, target.api_key).verdict
        taken = len(found.get(verdict, ())) < wanted.get(verdict, 0) and (verdict == "invalid" or _affordable(parts))
        if taken:
            found[verdict].append(request)
        return taken

    def lacking(*verdicts: Verdict) -> int:
        return sum(wanted.get(verdict, 0) - len(found.get(verdict, ())) for verdict in verdicts)

    # Each draw is small, and the next one is only made where the last did not do: a form takes Schemathesis longer than
    # all the rest of a case takes.
    for draw_number in range(_MOST_DRAWS):
        number = _FORMS_AN_INVALID_CASE * lacking("invalid")
        for index, parts in enumerate(_forms(contract, seed, draw_number, number, GenerationMode.NEGATIVE)):
            take(parts, f"negative/{draw_number}/{index}")
        number = lacking("valid", "open")
        for index, parts in enumerate(_forms(contract, seed, draw_number, number, GenerationMode.POSITIVE)):
            # Nearly all have fields that nobody knows. Without these, and for one image, the same form is valid.
            if not take(parts, f"positive/{draw_number}/{index}"):
                take(_plainer(parts, contract), f"plainer/{draw_number}/{index}")
    return [
        Case(f"schema-{verdict}-{number}", "derived from the schema", request, drawn=verdict != "invalid")
        for verdict in wanted
        for number, request in enumerate(found[verdict], start=1)
    ]


def _affordable(parts: tuple[Part, ...]) -> bool:
    return all(part.content == b"1" for part in parts if part.name == "n")


def _plainer(parts: tuple[Part, ...], contract: Contract) -> tuple[Part, ...]:
    return tuple(text_part("n", "1") if part.name == "n" else part for part in parts if part.name in contract.fields)


def forms(contract: Contract, seed: int, number: int) -> list[tuple[Part, ...]]:
    """Return the parts of that many forms, half of them meant to be valid and half not."""
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    return [parts for mode in modes for parts in _forms(contract, seed, 0, number // len(modes), mode)]


@lru_cache(maxsize=32)
def _forms(
    contract: Contract, seed: int, draw_number: int, number: int, mode: GenerationMode
) -> list[tuple[Part, ...]]:
    """Return the parts of that many forms, which are meant to be valid or not."""
    if not number:
        return []
    strategy = _operation(contract).as_strategy(generation_mode=mode).map(_parts)
    return draw(strategy, number, random.Random(f"{seed}/{draw_number}").getrandbits(32))  # noqa: S311 - test data


@lru_cache(maxsize=2)
def _operation(contract: Contract) -> APIOperation[Any, Any, Any, Any]:
    return schemathesis.openapi.from_dict(dict(contract.document))[PATH]["POST"]


def _parts(case: schemathesis.Case[Any]) -> tuple[Part, ...]:
    """Return what Schemathesis would put into a form as its parts; a body that is no form has none."""
    files = case.as_transport_kwargs(base_url="http://127.0.0.1").get("files") or ()
    return tuple(
        text_part(name, _bytes(value))
        if filename is None
        else file_part(name, _bytes(value), "picture.png", "image/png")
        for name, (filename, value, *_) in files
    )


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
