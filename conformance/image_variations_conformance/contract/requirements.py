"""The entries of the register of requirements, and which of them say something of a field of the form.

The register, spec/requirements.yaml, is written by hand. A field that is new in the OpenAPI document gets requirements
made of its name, so that it is sent, at its bounds and beyond, and judged before anybody has written a line about it.
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
    """The ids of the requirements of one field of the form, by the standing of its value.

    `beyond` and `lax` are None where `refused` says it all, `absent` where nothing is said of leaving the field out.
    """

    accepted: str
    refused: str
    absent: str | None = None
    beyond: str | None = None
    lax: str | None = None


_RULES = {
    "model": FieldRules(accepted="IV-MODEL-ACCEPTED", refused="IV-MODEL-UNKNOWN", absent="IV-MODEL-OPTIONAL"),
    "n": FieldRules(
        accepted="IV-N-RANGE", refused="IV-N-INTEGER", absent="IV-N-DEFAULT", beyond="IV-N-BOUNDS", lax="IV-N-STRICT"
    ),
    "response_format": FieldRules(
        accepted="IV-FORMAT-ENUM", refused="IV-FORMAT-UNKNOWN", absent="IV-FORMAT-DEFAULT", lax="IV-ENUM-CASE"
    ),
    "size": FieldRules(
        accepted="IV-SIZE-ENUM", refused="IV-SIZE-UNKNOWN", absent="IV-SIZE-DEFAULT", lax="IV-ENUM-CASE"
    ),
    "user": FieldRules(accepted="IV-USER-TEXT", refused="IV-USER-TEXT", absent="IV-USER-OPTIONAL"),
}
# What the requirements of the image say stands in code of its own.
_OF_ITS_OWN = frozenset({"image"})


def is_added(name: str) -> bool:
    """Whether the register has nothing to say of a field of that name."""
    return name not in _RULES and name not in _OF_ITS_OWN


def rules_of(name: str) -> FieldRules:
    """Return the ids of a field other than the image, made up where the register has none."""
    if name in _RULES:
        return _RULES[name]
    stem = f"IV-FIELD-{re.sub('[^A-Z0-9]+', '-', name.upper()).strip('-')}"
    return FieldRules(accepted=f"{stem}-ACCEPTED", refused=f"{stem}-REFUSED", absent=f"{stem}-OPTIONAL")


def of_added_fields(fields: Mapping[str, Mapping[str, Any]], since: str, pointer: str) -> Iterator[Requirement]:
    """Yield the requirements of the fields that the register has nothing to say of. `pointer` leads to all fields."""
    for name, schema in fields.items():
        if not is_added(name) or kind_of(schema) is None:
            continue
        rules, at = rules_of(name), f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        said = {rules.accepted: f"A {name} that its schema allows is accepted."}
        if is_bounded(schema):
            said[rules.refused] = f"A {name} that its schema does not allow is answered 4xx."
        said[rules.absent or ""] = f"A request without {name} is accepted."
        for requirement, text in said.items():
            yield Requirement(requirement, "must", text, "openapi.yaml alone", since, at)
