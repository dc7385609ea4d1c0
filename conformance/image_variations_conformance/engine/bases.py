"""The forms of requests that are tried until a server accepts one, and cheaper ones."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from ..cases.builder import Base
from ..contract.document import Contract
from ..contract.fields import enum_values, is_bounded, kind_of
from ..media import png

_MAX_BASES = 20


def bases(contract: Contract) -> list[Base]:
    """Return what is tried as a base, in order.

    An image alone, then with one value of a field, then everything at once, then an RGBA image, then model, size and
    format together.
    """
    values = {name: _values(contract, name) for name in contract.text_fields}
    single = [{name: value} for name, each in values.items() for value in each]
    everything = {name: each[0] for name, each in values.items() if each}
    of_three = [[(name, value) for value in values.get(name, ())] for name in ("model", "size", "response_format")]
    together = [dict(pairs) for pairs in product(*filter(None, of_three))] if any(of_three) else []
    required = contract.required_texts
    texts = [{**required, **each} for each in ({}, *single, everything)]
    found = [Base(each) for each in texts] + [Base(each, png.Kind(png.RGBA)) for each in (texts[0], texts[-1])]
    found += [Base({**required, **each}) for each in together]
    unique = {str(base): base for base in found}
    return list(unique.values())[:_MAX_BASES]


def cheaper(contract: Contract) -> list[Mapping[str, str]]:
    """Return values that make a response cheaper, in the order in which they are tried."""
    formats = _values(contract, "response_format")
    inline: list[Mapping[str, str]] = [{"response_format": "b64_json"}] if "b64_json" in formats else []
    sizes = sorted(_values(contract, "size"), key=_pixels)
    together: list[Mapping[str, str]] = [{"size": sizes[0], **inline[0]}] if sizes and inline else []
    return [*together, *inline, *({"size": size} for size in sizes)]


def _pixels(size: str) -> int:
    width, _, height = size.partition("x")
    return int(width) * int(height) if width.isdigit() and height.isdigit() else 0


def _values(contract: Contract, name: str) -> tuple[str, ...]:
    """Return values of a field to be tried: those of an enum, examples, the smallest number, or a plain text."""
    schema = contract.text_fields.get(name, {})
    kind = kind_of(schema)
    if kind == "enum":
        return enum_values(schema)
    if schema.get("examples") and not (kind == "integer" and "minimum" in schema):
        return tuple(map(str, schema["examples"]))
    if kind == "integer":
        return (str(schema.get("minimum", 1)),)
    return ("user-1234",) if kind == "text" and not is_bounded(schema) else ()
