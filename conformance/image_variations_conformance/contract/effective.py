"""The effective contract: the contract as a profile changes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from attrs import evolve

from .declarations import KEYS, ContradictionError, Edit, contradictions
from .document import Change, Contract, with_requirements
from .pointers import escaped
from .profile import Profile, ProfileError


def apply(contract: Contract, profile: Profile) -> Contract:
    """Return the contract as a profile changes it: its document, and the requirements made from it.

    Raises ProfileError, with the file and line, if the declarations contradict each other.
    """
    base = contract.base or contract
    document = deepcopy(dict(contract.document))
    keys = {change.pointer: change.key for change in contract.changes}
    places = {change.key: change.source for change in contract.changes} | dict(profile.places)
    for key in (key for key in KEYS if key in profile.declared):
        edit = Edit(document, dict(base.document))
        try:
            KEYS[key](edit, profile.declared[key])
        except ContradictionError as error:
            raise ProfileError(f"{profile.places[key]}: {key}: {error}") from None
        keys.update(dict.fromkeys(edit.touched, key))
    for key, contradiction in contradictions(document):
        place = next((places[each] for each in (f"default_{key[:-1]}", key) if each in places), profile.name)
        raise ProfileError(f"{place}: {contradiction}")
    differing = list(Edit(document, dict(base.document)).differing(keys))
    # A part of something that the same key changed is not a change of its own.
    changed = [
        pointer
        for pointer in differing
        if not any(pointer.startswith(f"{outer}/") and keys[outer] == keys[pointer] for outer in differing)
    ]
    if not changed:
        return base
    effective = evolve(contract, document=document, base=base, changes=())
    effective = with_requirements(evolve(effective, register=_register(base, effective.image_field)))
    changes = (
        Change(pointer, keys[pointer], places[keys[pointer]], _affected(pointer, effective, base))
        for pointer in changed
    )
    return evolve(effective, changes=tuple(changes), profile=profile.name, profile_sha256=profile.sha256)


def _register(base: Contract, image_field: str) -> list[Mapping[str, Any]]:
    """Return the entries of the register, and their variants, with the name of the field with the input image."""
    fields = base.fields_pointer
    old, new = (f"{fields}/{escaped(name)}" for name in (base.image_field, image_field))

    def renamed(entry: Mapping[str, Any]) -> Mapping[str, Any]:
        made = dict(entry)
        if f"{entry.get('pointer')}/".startswith(f"{old}/"):
            made["pointer"] = new + entry["pointer"].removeprefix(old)
        if "variants" in entry:
            made["variants"] = [renamed(variant) for variant in entry["variants"]]
        return made

    return [renamed(entry) for entry in base.register]


def _affected(pointer: str, effective: Contract, base: Contract) -> tuple[str, ...]:
    """Return the ids of the requirements about a part of the document that say something else than in the base.

    Those about the whole part or a part of it are affected although their text is the same.
    """
    return tuple(
        requirement.id
        for requirement in effective.requirements.values()
        if requirement.pointer is not None
        and (
            f"{requirement.pointer}/".startswith(f"{pointer}/")
            or (
                f"{pointer}/".startswith(f"{requirement.pointer}/")
                and requirement != base.requirements.get(requirement.id)
            )
        )
    )


def inverse(contract: Contract, profile: Profile) -> Profile:
    """Return the profile that declares what a contract says about the keys of a profile."""
    declared = {key: _READERS[key](contract) for key in profile.declared}
    return Profile(f"inverse of {profile.name}", declared, dict.fromkeys(declared, "the contract"))


def _default_size(contract: Contract) -> object:
    schema = contract.fields["size"]
    return schema.get("default", schema.get("x-default", "any"))


def _sides(contract: Contract) -> object:
    rules = contract.image_rules
    return {"min": rules.min_side, "max": rules.max_side, "multiple_of": rules.multiple_of}


def _auth(contract: Contract) -> object:
    if contract.key_required:
        return "bearer"
    return "optional" if contract.key_checked else "none"


def _max_image_bytes(contract: Contract) -> object:
    rules = contract.image_rules
    return {"valid_below": rules.valid_below_bytes, "invalid_from": rules.invalid_from_bytes}


_READERS: Mapping[str, Callable[[Contract], object]] = {
    "models": lambda contract: contract.fields["model"]["enum"],
    "model_required": lambda contract: "model" in contract.required_fields,
    "sizes": lambda contract: contract.fields["size"].get("enum", "any"),
    "default_size": _default_size,
    "response_formats": lambda contract: contract.fields["response_format"]["enum"],
    "default_response_format": lambda contract: contract.defaults["response_format"],
    "max_n": lambda contract: contract.fields["n"].get("maximum", "unlimited"),
    "auth": _auth,
    "image_field": lambda contract: [contract.image_field, *contract.image_rules.other_names],
    "image_kinds": lambda contract: list(contract.image_rules.kinds),
    "square": lambda contract: contract.image_rules.square,
    "image_sides": _sides,
    "max_image_bytes": _max_image_bytes,
    "error_body": lambda contract: contract.error_body,
    "error_statuses": lambda contract: {
        kind: statuses["must"]
        for kind, statuses in contract.operation["x-statuses"].items()
        if contract.base and statuses != contract.base.operation["x-statuses"][kind]
    },
    "json_body": lambda contract: contract.accepts_json,
    "extra_fields": lambda contract: {
        name: schema
        for name, schema in contract.text_fields.items()
        if contract.base and name not in contract.base.fields
    },
}
