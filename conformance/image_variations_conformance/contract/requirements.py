"""Requirements: the entries of the register, and the ids that belong to each field of the form.

The register, spec/requirements.yaml, is written by hand. A field of the OpenAPI document that it does not mention gets
generated requirements, so that the field is sent and judged at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from attrs import frozen

from .fields import is_bounded, kind_of

Level = Literal["must", "should", "may"]


@frozen
class Requirement:
    """One entry of spec/requirements.yaml."""

    id: str
    level: Level
    text: str
    source: str
    since: str
    pointer: str | None = None
    excluded: str | None = None


@frozen
class FieldRules:
    """The ids of the requirements of one field of the form, by the validity of its value.

    `out_of_range` and `lenient` are None where `invalid` covers them, `absent` where the register says nothing about
    requests without the field.
    """

    valid: str
    invalid: str
    absent: str | None = None
    out_of_range: str | None = None
    lenient: str | None = None


_RULES = {
    "model": FieldRules(valid="IV-MODEL-ACCEPTED", invalid="IV-MODEL-UNKNOWN", absent="IV-MODEL-OPTIONAL"),
    "n": FieldRules(
        valid="IV-N-RANGE",
        invalid="IV-N-INTEGER",
        absent="IV-N-DEFAULT",
        out_of_range="IV-N-BOUNDS",
        lenient="IV-N-STRICT",
    ),
    "response_format": FieldRules(
        valid="IV-FORMAT-ENUM", invalid="IV-FORMAT-UNKNOWN", absent="IV-FORMAT-DEFAULT", lenient="IV-ENUM-CASE"
    ),
    "size": FieldRules(
        valid="IV-SIZE-ENUM", invalid="IV-SIZE-UNKNOWN", absent="IV-SIZE-DEFAULT", lenient="IV-ENUM-CASE"
    ),
    "user": FieldRules(valid="IV-USER-TEXT", invalid="IV-USER-TEXT", absent="IV-USER-OPTIONAL"),
}
# Its requirements are judged by code of their own.
_IMAGE = "image"


def has_generated_requirements(name: str) -> bool:
    """Return whether the register says nothing about a field of that name."""
    return name not in _RULES and name != _IMAGE


def rules_of(name: str) -> FieldRules:
    """Return the requirement ids of a field other than the image, generated where the register has none."""
    if name in _RULES:
        return _RULES[name]
    stem = f"IV-FIELD-{re.sub('[^A-Z0-9]+', '-', name.upper()).strip('-')}"
    return FieldRules(valid=f"{stem}-ACCEPTED", invalid=f"{stem}-REFUSED", absent=f"{stem}-OPTIONAL")


def generate_requirements(fields: Mapping[str, Mapping[str, Any]], since: str, pointer: str) -> Iterator[Requirement]:
    """Yield requirements for the fields that the register says nothing about.

    `pointer` is the JSON pointer to the schemas of all fields, `since` the version of the contract.
    """
    for name, schema in fields.items():
        if not has_generated_requirements(name) or kind_of(schema) is None:
            continue
        rules, at = rules_of(name), f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        texts = {rules.valid: f"A {name} that is valid by its schema is accepted."}
        if is_bounded(schema):
            texts[rules.invalid] = f"A {name} that is invalid by its schema is answered 4xx."
        texts[rules.absent or ""] = f"A request without {name} is accepted."
        for requirement, text in texts.items():
            yield Requirement(requirement, "must", text, "openapi.yaml alone", since, at)
