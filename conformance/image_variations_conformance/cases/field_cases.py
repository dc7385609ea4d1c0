"""Cases derived from the schemas of the fields, for wrong values that no named case sends.

The boundary values of every field are sent; for a field that the register does not mention, also some typical values.
So a document with another field or other bounds has cases at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..contract.document import Contract
from ..contract.fields import Schema, boundary_values, kind_of, sample_values, validity_of
from ..contract.requirements import FieldRules
from .named_case import Build, NamedCase, form_case
from .wrong_values import WRONG_VALUES

_SENT = frozenset(pair for case in WRONG_VALUES for pair in case.fields.items())


def invalid_field_cases(contract: Contract) -> Iterator[NamedCase]:
    """Yield a case for each value that a field must refuse."""
    for name, schema in contract.text_fields.items():
        values = dict.fromkeys(_values(schema, contract.rules[name]))
        rules = contract.rules[name]
        violated = {"invalid": rules.invalid, "out_of_range": rules.out_of_range, "lenient": rules.lenient}
        wrong = [(value, validity_of(schema, value)) for value in values]
        missing = [(value, it) for value, it in wrong if it in violated and (name, value) not in _SENT]
        for number, (value, validity) in enumerate(missing, start=1):
            requirement = violated[validity] or rules.invalid
            yield form_case(f"{_label(name)}-refused-{number}", requirement, depth="quick", **{name: value})
    yield from _undeclared(contract)
    for name in contract.required_texts:
        rules = contract.rules[name]
        yield NamedCase(
            f"{_label(name)}-none", rules.absent or rules.invalid, f"no {name}", _without(name), depth="quick"
        )


def _undeclared(contract: Contract) -> Iterator[NamedCase]:
    """Yield a case for each value that the contract has and a profile takes away."""
    for name, schema in (contract.base or contract).text_fields.items():
        effective = contract.text_fields.get(name, schema)
        values = [value for value in boundary_values(schema).valid if validity_of(effective, value) != "valid"]
        for number, value in enumerate(values if kind_of(schema) != "text" else (), start=1):
            rules = contract.rules[name]
            requirement = rules.out_of_range if "maximum" in schema else rules.invalid
            label = f"{_label(name)}-undeclared-{number}"
            yield form_case(label, requirement or rules.invalid, depth="quick", **{name: value})


def _without(name: str) -> Build:
    """Return what builds a form without a required field."""
    return lambda b: b.multipart((b.image(), *b.texts(**{name: None})))


def _values(schema: Schema, rules: FieldRules) -> Iterator[str]:
    boundaries = boundary_values(schema)
    yield from (*boundaries.valid, *boundaries.invalid)
    if rules.is_generated:
        yield from sample_values(schema)


def _label(name: str) -> str:
    return f"field-{name.replace('_', '-')}"
