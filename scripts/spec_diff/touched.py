"""The requirements, cases and profiles that a change touches."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from attrs import field, frozen
from image_variations_conformance.cases.catalogue import labels_by_requirement
from image_variations_conformance.contract import profile
from image_variations_conformance.contract.declarations import KEYS, ContradictionError, Edit
from image_variations_conformance.contract.document import Contract, parse
from image_variations_conformance.contract.pointers import escaped, steps

from spec_diff.tree import Change


@frozen
class Subjects:
    """What is about parts of a contract: pointers by the id of a requirement, and by profile; labels of cases by id."""

    requirements: Mapping[str, frozenset[str]] = field(factory=dict)
    profiles: Mapping[str, frozenset[str]] = field(factory=dict)
    cases: Mapping[str, list[str]] = field(factory=dict)

    @classmethod
    def of(cls, openapi: bytes, register: bytes) -> "Subjects | None":
        """Return the subjects of a contract, None if the suite cannot read it; scripts/regenerate says why."""
        try:
            contract = parse(openapi, register)
            pointers = {name: frozenset(_pointers(contract, name)) for name in contract.requirements}
            profiles = {name: frozenset(_declared(contract, name)) for name in profile.names()}
            return cls(pointers, profiles, labels_by_requirement(contract))
        except (ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError):
            return None

    def touched(self, change: Change) -> tuple[list[str], list[str], list[str]]:
        """Return the ids of the requirements, the labels of the cases and the names of the profiles."""
        if change.file == "requirements.yaml":
            words = change.text.replace(":", " ").split()
            ids = [word for word in words if word in self.requirements][:1]
        else:
            ids = _about(change.pointer, self.requirements)
        cases = dict.fromkeys(label for name in ids for label in self.cases.get(name, ()))
        profiles = _about(change.pointer, self.profiles) if change.file == "openapi.yaml" else []
        return ids, list(cases), profiles


def _about(pointer: str, subjects: Mapping[str, Iterable[str]]) -> list[str]:
    return [name for name, pointers in subjects.items() if any(_is_within(pointer, each) for each in pointers)]


def _is_within(pointer: str, other: str) -> bool:
    """Whether one pointer is to a part of what the other one is to."""
    return f"{pointer}/".startswith(f"{other}/") or f"{other}/".startswith(f"{pointer}/")


def _pointers(contract: Contract, requirement: str) -> Iterable[str]:
    entry = contract.requirements[requirement]
    if entry.pointer is not None:
        yield entry.pointer
    for name, _ in entry.about:
        yield _canonical(contract.document, f"{contract.fields_pointer}/{escaped(name)}")


def _canonical(document: Mapping[str, Any], pointer: str) -> str:
    """Return the pointer to what the node at a pointer refers to."""
    node: Any = document
    for step in steps(pointer):
        node = node[step]
    reference = node.get("$ref")
    return reference.removeprefix("#") if isinstance(reference, str) else pointer


def _declared(contract: Contract, name: str) -> Iterable[str]:
    """Return the pointers to the parts of the document that the keys of a profile change."""
    edit = Edit(deepcopy(dict(contract.document)), dict(contract.document))
    for key, value in profile.read(name).declared.items():
        try:
            KEYS[key](edit, value)
        except ContradictionError:
            continue  # `image-variations check --profile` says so
    return edit.touched
