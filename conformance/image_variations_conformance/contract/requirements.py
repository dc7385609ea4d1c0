"""Requirements: the entries of the register, and the ids that belong to each field of the form.

The register, spec/requirements.yaml, is written by hand. Requirements are generated for the form fields of the
OpenAPI document that it does not mention, so that a new field is tested without a change of the register.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal, get_args

import jsonschema_rs
from attrs import evolve, frozen

from .evidence import ABSENT, AcceptsField, Every, Evidence, parse_evidence
from .fields import Schema, is_bounded, kind_of, known_values
from .pointers import escaped, value_at
from .texts import render

Level = Literal["must", "should", "may"]
_KEYS = frozenset({"id", "level", "text", "source", "since", "pointer", "excluded", "evidence", "variants", "about"})


class RegisterError(ValueError):
    """An entry of the register is not as its schema says."""


@frozen
class Requirement:
    """One entry of spec/requirements.yaml, or a generated requirement.

    `text` is the `template` with the values of the OpenAPI document. `since` is a version of the contract, `pointer` a
    JSON pointer into the document. `evidence` is what must be seen before the requirement passes. `excluded` says why
    the requirement is not judged; None if it is. `is_open` is whether a profile makes the document say nothing about
    it. `about` are fields of the form, each with the kind of values that the requirement is about.
    """

    id: str
    level: Level
    text: str
    template: str
    sources: tuple[str, ...]
    since: str
    evidence: Evidence | None = None
    pointer: str | None = None
    excluded: str | None = None
    is_open: bool = False
    about: tuple[tuple[str, str], ...] = ()

    @property
    def source(self) -> str:
        """All sources in one line."""
        return "; ".join(self.sources)

    def render(self, document: Mapping[str, Any], operation: str) -> Requirement:
        """Return the requirement with the text for another document.

        `operation` is the JSON pointer to the operation. Raises TextError if a placeholder has no value there.
        """
        bases = (operation,) if self.pointer is None else (self.pointer, operation)
        return evolve(self, text=render(self.template, document, bases, self.id))


@frozen
class FieldRules:
    """The ids of the requirements of one field of the form, by the validity of its value.

    `out_of_range` and `lenient` are None if `invalid` covers them, `absent` if no requirement is about requests without
    the field. `is_generated` is whether the register does not mention the field.
    """

    valid: str
    invalid: str
    absent: str | None = None
    out_of_range: str | None = None
    lenient: str | None = None
    is_generated: bool = False


def field_rules(requirements: Iterable[Requirement], name: str) -> FieldRules:
    """Return the requirement ids of a field other than the image; generated ids if the register has none."""
    ids = {
        values: requirement.id for requirement in requirements for field, values in requirement.about if field == name
    }
    if not ids:
        stem = f"IV-FIELD-{re.sub('[^A-Z0-9]+', '-', name.upper()).strip('-')}"
        return FieldRules(f"{stem}-ACCEPTED", f"{stem}-REFUSED", f"{stem}-OPTIONAL", is_generated=True)
    return FieldRules(ids["valid"], ids["invalid"], ids.get("absent"), ids.get("out_of_range"), ids.get("lenient"))


def read_register(
    entries: Iterable[Mapping[str, Any]], document: Mapping[str, Any], operation: str
) -> Iterator[Requirement]:
    """Yield the requirements of entries of the register, with the texts for a document.

    `operation` is the JSON pointer to the operation. Raises RegisterError, TextError or EvidenceError, each of which
    names the requirement.
    """
    for entry in entries:
        name = str(entry.get("id", "an entry without an id"))
        unknown, missing = set(entry) - _KEYS, {"id", "level", "text", "source", "since"} - set(entry)
        if unknown or missing:
            what = f"unknown key {min(unknown)}" if unknown else f"{min(missing)} is missing"
            raise RegisterError(f"{name}: {what}")
        level = next((each for each in get_args(Level) if each == entry["level"]), None)
        if level is None:
            raise RegisterError(f"{name}: level: expected must, should or may, not {entry['level']!r}")
        sources = entry["source"] if isinstance(entry["source"], list) else [entry["source"]]
        variant = _variant(entry, document)
        yield Requirement(
            name,
            level,
            variant["text"],
            variant["text"],
            tuple(sources),
            entry["since"],
            parse_evidence(name, variant["evidence"]) if "evidence" in variant else None,
            entry.get("pointer"),
            entry.get("excluded"),
            is_open=variant is not entry and "evidence" not in variant,
            about=_about(entry),
        ).render(document, operation)


def _about(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    about = entry.get("about", {"field": [], "values": []})
    fields, values = ([each] if isinstance(each, str) else each for each in (about["field"], about["values"]))
    return tuple((field, value) for field in fields for value in values)


def _variant(entry: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the variant of an entry that the document fulfils, or the entry itself."""
    for variant in entry.get("variants", ()):
        try:
            value = value_at(document, variant.get("pointer", entry.get("pointer")))
        except LookupError:
            continue
        if jsonschema_rs.is_valid(variant["is"], value):
            return dict(variant)
    return entry


def generate_requirements(
    fields: Mapping[str, Schema],
    rules_by_field: Mapping[str, FieldRules],
    required: Collection[str],
    since: str,
    pointer: str,
) -> Iterator[Requirement]:
    """Yield requirements for the fields that the register does not mention.

    `required` are the names of the required fields, `pointer` is the JSON pointer to the schemas of all fields, `since`
    the version of the contract.
    """
    for name, schema in fields.items():
        rules = rules_by_field[name]
        if not rules.is_generated or kind_of(schema) is None:
            continue
        field_pointer = f"{pointer}/{escaped(name)}"
        accepted = known_values(schema)
        number_of_refused = len(known_values(schema, {"invalid", "out_of_range", "lenient"}))
        # The labels of the cases of cases/field_cases.py.
        labels = tuple(f"field-{name.replace('_', '-')}-refused-{number}" for number in range(1, number_of_refused + 1))
        parts: dict[str | None, tuple[str, Evidence]] = {
            rules.valid: (
                f"A {name} that is valid by its schema is accepted.",
                AcceptsField(rules.valid, name, accepted),
            ),
            rules.invalid: (
                f"A {name} that is invalid by its schema is refused.",
                Every(rules.invalid, "refusal", labels),
            ),
            rules.absent: (
                f"A request without {name} is accepted.",
                AcceptsField(rules.absent or "", name, (ABSENT,)),
            ),
        }
        if name in required:
            label = f"field-{name.replace('_', '-')}-none"
            refused = Every(rules.absent or "", "refusal", (label,))
            parts[rules.absent] = (f"A request without {name} is refused.", refused)
        for requirement_id, (text, evidence) in parts.items():
            if requirement_id is not None and (requirement_id != rules.invalid or is_bounded(schema)):
                sources = ("openapi.yaml alone",)
                yield Requirement(requirement_id, "must", text, text, sources, since, evidence, field_pointer)
