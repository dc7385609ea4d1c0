"""Cases derived from the schemas of the fields, for values that no named case sends.

The boundary values of every field are sent; for a field that the register does not mention, also some typical values.
There are none as long as the named cases cover the document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import zip_longest

from attrs import evolve

from ..contract.document import Contract
from ..contract.fields import FieldValidity, Schema, boundary_values, kind_of, sample_values, validity_of
from ..contract.requirements import FieldRules
from ..wire.exchange import Request
from ..wire.multipart import file_part
from .case import Builder
from .catalogue import FIELD_VALUES
from .named_case import SMALL, Build, NamedCase, form_case, text_parts


def invalid_field_cases(contract: Contract) -> Iterator[NamedCase]:
    """Yield a case for each value that a field must refuse."""
    for name, values in _missing_values(contract, {"invalid", "out_of_range", "lenient"}):
        for number, value in enumerate(values, start=1):
            yield form_case(f"{_label(name)}-refused-{number}", contract.rules[name].invalid, **{name: value})
    yield from _undeclared(contract)
    for name in contract.required_texts:
        rules = contract.rules[name]
        yield NamedCase(f"{_label(name)}-none", rules.absent or rules.invalid, f"no {name}", _without(name))


def _undeclared(contract: Contract) -> Iterator[NamedCase]:
    """Yield a case for each value that the contract has and a profile takes away."""
    for name, schema in (contract.base or contract).text_fields.items():
        effective = contract.text_fields.get(name, schema)
        values = [value for value in boundary_values(schema).valid if validity_of(effective, value) != "valid"]
        for number, value in enumerate(values if kind_of(schema) != "text" else (), start=1):
            rules = contract.rules[name]
            requirement = rules.out_of_range if "maximum" in schema else rules.invalid
            label = f"{_label(name)}-undeclared-{number}"
            yield NamedCase(label, requirement or rules.invalid, f"{name}={value!r}", _exactly(name, value))


def _exactly(name: str, value: str) -> Build:
    """Return what builds a form with the value of a field as it is, even if the contract does not have it."""
    return lambda builder: _exact(builder, {**builder.contract.required_texts, name: value})


def valid_field_cases(contract: Contract) -> Iterator[NamedCase]:
    """Yield combined cases with the values that fields must accept, one value of each field in a case."""
    for number, name in enumerate(contract.image_rules.other_names, start=1):
        yield NamedCase(f"field-image-named-{number}", "IV-IMAGE-REQUIRED", f"the image as {name}", _image_as(name))
    rows = [
        [
            form_case(f"{_label(name)}-accepted-{number}", contract.rules[name].valid, **{**SMALL, name: value})
            for number, value in enumerate(values, start=1)
        ]
        for name, values in _missing_values(contract, {"valid"})
    ]
    for number, row in enumerate(zip_longest(*rows), start=1):
        parts = tuple(case for case in row if case is not None)
        fields = {
            name: value for case in parts for name, value in case.fields.items() if (name, value) not in FIELD_VALUES
        }
        requirements = " ".join(requirement for case in parts for requirement in case.requirements)
        combined = form_case(f"combined-fields-{number}", requirements, **{**SMALL, **fields})
        yield evolve(combined, parts=parts) if len(parts) > 1 else parts[0]


def _missing_values(contract: Contract, wanted: Collection[FieldValidity]) -> Iterator[tuple[str, list[str]]]:
    """Yield each field with its values of the wanted validity that no named case sends."""
    for name, schema in contract.text_fields.items():
        values = [
            value
            for value in dict.fromkeys(_values(schema, contract.rules[name]))
            if validity_of(schema, value) in wanted and (name, value) not in FIELD_VALUES
        ]
        if values:
            yield name, values


def _without(name: str) -> Build:
    """Return what builds a form without a required field."""

    def build(builder: Builder) -> Request:
        required = {other: value for other, value in builder.contract.required_texts.items() if other != name}
        return _exact(builder, {**required, **SMALL})

    return build


def _exact(builder: Builder, texts: Mapping[str, str]) -> Request:
    return builder.multipart((builder.image(), *text_parts(**texts)), exact=True)


def _image_as(name: str) -> Build:
    """Return what builds a form with the image in a field of another name."""
    return lambda builder: builder.form(file_part(name, builder.png(), "picture.png", "image/png"), **SMALL)


def _values(schema: Schema, rules: FieldRules) -> Iterator[str]:
    boundaries = boundary_values(schema)
    yield from (*boundaries.valid, *boundaries.invalid)
    if rules.is_generated:
        yield from sample_values(schema)


def _label(name: str) -> str:
    return f"field-{name.replace('_', '-')}"
