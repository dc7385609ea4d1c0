"""The requirements, cases and profiles that a change touches."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy

from attrs import field, frozen
from image_variations_conformance.cases.catalogue import labels_by_requirement
from image_variations_conformance.contract import profile
from image_variations_conformance.contract.declarations import KEYS, ContradictionError, Edit
from image_variations_conformance.contract.document import OPERATION_POINTER, Contract, parse
from image_variations_conformance.contract.pointers import escaped, steps, value_at
from image_variations_conformance.contract.texts import placeholders
from regeneration.document import Document, resolve

from spec_diff.tree import Change

_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError)


@frozen
class Subjects:
    """What is about parts of a contract: pointers by the id of a requirement, and by profile; labels of cases by id.

    `absent` are the pointers to the members of which a requirement says whether they may be left out.
    """

    document: Document = field(factory=dict)
    requirements: Mapping[str, frozenset[str]] = field(factory=dict)
    profiles: Mapping[str, frozenset[str]] = field(factory=dict)
    cases: Mapping[str, list[str]] = field(factory=dict)
    absent: Mapping[str, frozenset[str]] = field(factory=dict)

    @classmethod
    def of(cls, contract: Contract, new: Contract, old: Contract) -> "Subjects":
        """Return the subjects of a contract, which is the new one or the old one."""
        pointers = {name: {*_pointers(contract, name)} for name in contract.requirements}
        for name in new.requirements.keys() & old.requirements.keys():
            # Another variant counts, or the entry itself.
            if new.requirements[name].template != old.requirements[name].template:
                pointers[name].update(_of_variants(contract, name))
        return cls(
            dict(contract.document),
            {name: frozenset(each) for name, each in pointers.items()},
            {name: frozenset(_declared(contract, name)) for name in profile.names()},
            labels_by_requirement(contract),
            {name: frozenset(_absent(old, name)) for name in old.requirements},
        )

    def touched(self, change: Change) -> tuple[list[str], list[str], list[str]]:
        """Return the ids of the requirements, the labels of the cases and the names of the profiles."""
        profiles: list[str] = []
        if change.file == "requirements.yaml":
            words = change.text.replace(":", " ").split()
            ids = [word for word in words if word in self.requirements][:1]
        else:
            places = _reached(self.document, change.pointer)
            ids, profiles = _about(places, self.requirements), _about(places, self.profiles)
        if change.member:
            ids = [name for name, members in self.absent.items() if change.member in members]
            ids = ids or _about(_reached(self.document, change.member), self.requirements)
        cases = dict.fromkeys(label for name in ids for label in self.cases.get(name, ()))
        return ids, list(cases), profiles


def subjects(new: Sequence[bytes], old: Sequence[bytes]) -> list[Subjects]:
    """Return the subjects of two contracts, each given by its openapi.yaml and its requirements.yaml.

    One that the suite cannot read is left out; scripts/regenerate says why.
    """
    contracts, found = [], []
    for files in (new, old):
        with suppress(*_UNREADABLE):
            contracts.append(parse(*files))
    for contract in contracts:
        with suppress(*_UNREADABLE):
            found.append(Subjects.of(contract, contracts[0], contracts[-1]))
    return found


def _about(places: Iterable[str], subjects: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the names of what is about the places, in the order of these."""
    return list(
        dict.fromkeys(
            name
            for place in places
            for name, pointers in subjects.items()
            if any(_is_within(place, pointer) for pointer in pointers)
        )
    )


def _is_within(pointer: str, other: str) -> bool:
    """Whether one pointer is to a part of what the other one is to."""
    return f"{pointer}/".startswith(f"{other}/") or f"{other}/".startswith(f"{pointer}/")


def _reached(document: Document, pointer: str) -> list[str]:
    """Return a pointer, and the pointers to all that the node there refers to, directly or not."""
    found = list(dict.fromkeys((pointer, _through_references(document, pointer))))
    for each in found:  # which grows meanwhile
        with suppress(LookupError):
            found += [target for target in _references(resolve(document, f"#{each}")) if target not in found]
    return found


def _through_references(document: Document, pointer: str) -> str:
    """Return a pointer without references on the way, which there are if only the other document has none there."""
    path = ""
    for step in steps(pointer):
        path += f"/{escaped(step)}"
        with suppress(LookupError):
            node = resolve(document, f"#{path}")
            reference = node.get("$ref") if isinstance(node, dict) else None
            path = reference.removeprefix("#") if isinstance(reference, str) else path
    return path


def _references(node: object) -> Iterator[str]:
    for key, child in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        if key == "$ref" and isinstance(child, str):
            yield child.removeprefix("#")
        else:
            yield from _references(child)


def _pointers(contract: Contract, requirement: str) -> Iterable[str]:
    entry = contract.requirements[requirement]
    shown = [_base(contract, entry.pointer, each.path) + f"/{each.path}" for each in placeholders(entry.template)]
    yield from shown
    # Of the statuses of a refusal, a requirement is about those alone that its text shows: `must` or `should`.
    if entry.pointer is not None and not (shown and "/x-statuses" in entry.pointer):
        yield entry.pointer
    for name, _ in entry.about:
        yield from _reached(dict(contract.document), f"{contract.fields_pointer}/{escaped(name)}")


def _of_variants(contract: Contract, requirement: str) -> Iterator[str]:
    for entry in contract.register:
        if entry["id"] == requirement:
            yield from (each["pointer"] for each in entry.get("variants", ()) if "pointer" in each)


def _absent(contract: Contract, requirement: str) -> Iterable[str]:
    entry = contract.requirements[requirement]
    names = [name for name, values in entry.about if values == "absent"]
    if entry.pointer is not None and entry.pointer.endswith("/required"):
        schema = entry.pointer.removesuffix("/required")
        yield from (f"{schema}/properties/{escaped(name)}" for name in value_at(contract.document, entry.pointer))
    yield from (f"{contract.fields_pointer}/{escaped(name)}" for name in names)


def _base(contract: Contract, pointer: str | None, path: str) -> str:
    """Return below what a placeholder has its value: the pointer of the requirement, or else the operation."""
    with suppress(LookupError):
        if pointer is not None:
            value_at(contract.document, f"{pointer}/{path}")
            return pointer
    return OPERATION_POINTER


def _declared(contract: Contract, name: str) -> Iterable[str]:
    """Return the pointers to the parts of the document that the keys of a profile change."""
    edit = Edit(deepcopy(dict(contract.document)), dict(contract.document))
    for key, value in profile.read(name).declared.items():
        try:
            KEYS[key](edit, value)
        except ContradictionError:
            continue  # `image-variations check --profile` says so
    return edit.touched
