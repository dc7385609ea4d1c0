"""Check the evidence of a requirement against the document and the catalogue of cases."""

from collections.abc import Collection, Iterable, Iterator

from image_variations_conformance.cases.catalogue import FEATURE_VALUES
from image_variations_conformance.contract.document import Contract
from image_variations_conformance.contract.evidence import (
    ABSENT,
    BOUNDS,
    BY_FORMAT,
    ENUM,
    AcceptsFeature,
    AcceptsField,
    Every,
    Evidence,
    EvidenceError,
    Sample,
    parse_evidence,
)
from image_variations_conformance.contract.fields import enum_values, kind_of, validity_of

Problem = tuple[str, str, str]
"""The key in the evidence, the name of the check, and a message."""


def problems(
    requirement: str, node: object, contract: Contract, situations: Collection[str] | None
) -> Iterator[Problem]:
    """Yield the problems of the value of the key `evidence`.

    `situations` are the labels, groups and ids that exist, or None if any may be named.
    """
    try:
        evidence = parse_evidence(requirement, node)
        if not evidence.items(contract):
            yield "", "evidence", "nothing would have to be seen; name a value that the document has"
    except EvidenceError as error:
        yield error.key, "evidence", f"{error.reason}; correct the evidence, or restore the field"
        return
    if isinstance(evidence, AcceptsField):
        yield from _field_values("accepts/values", evidence.field, evidence.values, contract)
    elif isinstance(evidence, Sample):
        yield from _field_values("sample/always", evidence.field, evidence.always, contract)
    elif isinstance(evidence, AcceptsFeature) and situations is not None:
        yield from _feature_values(evidence)
    elif isinstance(evidence, Every):
        yield from _situations(evidence, contract, situations)


def _feature_values(evidence: AcceptsFeature) -> Iterator[Problem]:
    """Each value of a feature has a probe."""
    for value in evidence.values:
        if (evidence.requirement, evidence.feature, value) not in FEATURE_VALUES:
            yield "accepts/values", "evidence", f"no probe sends {evidence.feature}={value}; add one, or correct it"


def unnamed(evidence: Iterable[Evidence]) -> Iterator[tuple[str, str]]:
    """Yield the requirement of each probe of a feature that no evidence names, and a message."""
    named = {
        (it.requirement, it.feature, value) for it in evidence if isinstance(it, AcceptsFeature) for value in it.values
    }
    for requirement, feature, value in sorted(FEATURE_VALUES - named):
        yield requirement, f"a probe sends {feature}={value}; name it in the evidence, or remove the probe"


def _field_values(key: str, field: str, values: tuple[str, ...], contract: Contract) -> Iterator[Problem]:
    schema = contract.fields[field]
    words = {str(schema[bound]): bound for bound in BOUNDS if bound in schema}
    if kind_of(schema) == "enum":
        words |= dict.fromkeys(enum_values(schema), ENUM)
    for value in values:
        if value in words:
            yield key, "literal", f"{value!r} is a value of the document; write {words[value]}"
        elif value not in {ABSENT, ENUM, *BOUNDS} and validity_of(schema, value) != "valid":
            yield key, "evidence", f"{value!r} is not a valid {field}; name a valid one"


def _situations(evidence: Every, contract: Contract, situations: Collection[str] | None) -> Iterator[Problem]:
    if evidence.subject in BY_FORMAT:
        formats = enum_values(contract.fields["response_format"])
        if set(evidence.situations) >= set(formats):
            yield "situations", "literal", f"these are all values of the document; write {ENUM}"
        for value in evidence.situations:
            if value not in formats:
                yield "situations", "evidence", f"{value!r} is none of the response formats {', '.join(formats)}"
        return
    for value in evidence.situations:
        if situations is not None and value not in situations:
            message = (
                f"no case or group of the catalogue and no other requirement is called {value!r}; add or correct it"
            )
            yield "situations", "evidence", message
