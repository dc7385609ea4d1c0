"""Requirements: the entries of the register, and the ids that belong to each field of the form.

The register, spec/requirements.yaml, is written by hand. Requirements are generated for the form fields of the
OpenAPI document that it does not mention, so that a new field is tested without a change of the register.
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
    """One entry of spec/requirements.yaml, or a generated requirement.

    `since` is a version of the contract, `pointer` a JSON pointer into the OpenAPI document. `excluded` says why the
    requirement is not judged; None if it is.
    """

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

    `out_of_range` and `lenient` are None if `invalid` covers them, `absent` if no requirement is about requests without
    the field.
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
# The requirements of the image are not about the validity of a text, so it has no FieldRules.
_IMAGE = "image"


def has_generated_requirements(name: str) -> bool:
    """Return whether the register does not mention a field of this name, so that its requirements are generated."""
    return name not in _RULES and name != _IMAGE


def rules_of(name: str) -> FieldRules:
    """Return the requirement ids of a field other than the image; generated ids if the register has none."""
    if name in _RULES:
        return _RULES[name]
    stem = f"IV-FIELD-{re.sub('[^A-Z0-9]+', '-', name.upper()).strip('-')}"
    return FieldRules(valid=f"{stem}-ACCEPTED", invalid=f"{stem}-REFUSED", absent=f"{stem}-OPTIONAL")


def generate_requirements(fields: Mapping[str, Mapping[str, Any]], since: str, pointer: str) -> Iterator[Requirement]:
    """Yield requirements for the fields that the register does not mention.

    `pointer` is the JSON pointer to the schemas of all fields, `since` the version of the contract.
    """
    for name, schema in fields.items():
        if not has_generated_requirements(name) or kind_of(schema) is None:
            continue
        rules, field_pointer = rules_of(name), f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        texts = {rules.valid: f"A {name} that is valid by its schema is accepted."}
        if is_bounded(schema):
            texts[rules.invalid] = f"A {name} that is invalid by its schema is answered 4xx."
        texts[rules.absent or ""] = f"A request without {name} is accepted."
        for requirement_id, text in texts.items():
            yield Requirement(requirement_id, "must", text, "openapi.yaml alone", since, field_pointer)
