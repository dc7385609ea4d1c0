"""Cases that Schemathesis derives from the OpenAPI document, through its public interface.

It says which fields hold what; the bytes are ours. Whether a case is valid is read off those bytes, not taken from
Schemathesis: much of what it calls negative (a number for a text field, say) is valid once it is a form on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import schemathesis
from hypothesis import strategies as st

from . import png
from .appraisal import Verdict, appraise
from .cases import Builder, Case
from .contract import PATH, Contract
from .exchange import Request
from .multipart import Part, file_part, text_part
from .strategies import draw, pngs
from .transport import Target

# For the format, not for the media type image/png of the part: Schemathesis would let that strategy take the place of
# the whole form.
schemathesis.openapi.format("binary", pngs((png.PLAIN, png.Kind(png.RGBA)), max_side=64))

# So many that the rarest verdict, and of the valid ones those that are cheap, come up often enough with every seed.
_FORMS_A_CASE = 8


def schema_cases(contract: Contract, target: Target, seed: int, wanted: Mapping[Verdict, int]) -> list[Case]:
    """Return up to so many cases of each verdict, leaving out what asks for many images."""
    found: dict[Verdict, list[Request]] = {verdict: [] for verdict in wanted}
    for index, parts in enumerate(_forms(contract, seed, _FORMS_A_CASE * sum(wanted.values()))):
        request = Builder.of(target, seed, f"schema/{index}").request(parts)
        verdict = appraise(request, contract, target.api_key).verdict
        if verdict in found and len(found[verdict]) < wanted[verdict] and (verdict == "invalid" or _affordable(parts)):
            found[verdict].append(request)
    return [
        Case(f"schema-{verdict}-{number}", "derived from the schema", request)
        for verdict in wanted
        for number, request in enumerate(found[verdict], start=1)
    ]


def _affordable(parts: tuple[Part, ...]) -> bool:
    return all(part.content == b"1" for part in parts if part.name == "n")


@lru_cache(maxsize=8)
def _forms(contract: Contract, seed: int, number: int) -> list[tuple[Part, ...]]:
    """Return the parts of that many forms, half of them meant to be valid and half not."""
    operation = schemathesis.openapi.from_dict(dict(contract.document))[PATH]["POST"]
    either = st.one_of([operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode])
    return draw(either.map(_parts), number, seed)


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
