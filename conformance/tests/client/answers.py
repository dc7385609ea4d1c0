"""Answers drawn from the contract: any that it allows, and any of those with one wrong value at a known place."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen
from hypothesis import strategies as st
from regeneration.document import read

ROOT = Path(__file__).parents[3]
CONTRACT = read(ROOT / "spec" / "openapi.yaml")
SCHEMAS: dict[str, dict[str, Any]] = CONTRACT["components"]["schemas"]

Json = Any
# Lone surrogates too: JSON can write them.
TEXTS = st.text(st.characters(), max_size=12)
BIG = st.integers(-(10**40), 10**40)
VALUES = st.recursive(
    st.none() | st.booleans() | BIG | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
# Names that mean something to a program that makes attributes of members.
_NAMES = [
    "self",
    "additional_properties",
    "to_dict",
    "from_dict",
    "__class__",
    "__init__",
    "src_dict",
    "cls",
    "n",
    "error",
]
_NAMES += ["read", "save", "_client", "b64_json ", "Created", "URL", ""]


def _target(definition: Mapping[str, Any]) -> str | None:
    reference = definition.get("$ref")
    return reference.rpartition("/")[2] if reference else None


def objects(model: str) -> st.SearchStrategy[dict[str, Json]]:
    """Return objects that a schema of the contract allows, with members that it does not know and with nulls."""
    schema = SCHEMAS[model]
    properties = {name: _values(definition) for name, definition in schema["properties"].items()}
    # Of an image there is the link or the bytes, and the other may be null.
    choices = [set(choice["required"]) for choice in schema.get("oneOf", ())] or [set()]
    either = set().union(*choices)

    def of(chosen: set[str]) -> st.SearchStrategy[dict[str, Json]]:
        given = {*schema.get("required", ()), *chosen}
        # Null is not in the contract. Servers send it all the same, for what they have not got.
        others = {name: st.none() if name in either else properties[name] | st.none() for name in properties}
        return st.fixed_dictionaries(
            {name: properties[name] for name in sorted(given)},
            optional={name: others[name] for name in sorted(others.keys() - given)},
        )

    names = (TEXTS | st.sampled_from(_NAMES)).filter(lambda name: name not in properties)
    unknown = st.dictionaries(names, VALUES, max_size=3)
    return st.builds(_joined, unknown, st.one_of([of(chosen) for chosen in choices]))


def _joined(unknown: dict[str, Json], known: dict[str, Json]) -> dict[str, Json]:
    return {**unknown, **known}


def _values(definition: Mapping[str, Any]) -> st.SearchStrategy[Json]:
    target = _target(definition)
    if target:
        return objects(target)
    if definition["type"] == "integer":
        # 1.0 is an integer in JSON Schema.
        return st.integers(0, 10**40) | st.integers(0, 2**40).map(float)
    if definition["type"] == "array":
        return st.lists(_values(definition["items"]), min_size=1, max_size=3)
    assert definition["type"] == "string"
    if "enum" in definition:
        # A word that this contract does not know may well be in the next.
        return st.sampled_from(definition["enum"]) | TEXTS
    return TEXTS.map(lambda text: text or "x")


ANSWERS = objects("ImagesResponse")


@frozen
class Place:
    """A member or an item somewhere in an answer: its name, and what the contract wants there."""

    name: str
    holder: Any
    key: str | int
    definition: Mapping[str, Any]
    required: bool


def places(model: str, value: dict[str, Json], prefix: str = "") -> Iterator[Place]:
    """Yield all places of an object that the contract knows, those that are left out included."""
    schema = SCHEMAS[model]
    for name, definition in schema["properties"].items():
        place = Place(prefix + name, value, name, definition, name in schema.get("required", ()))
        yield place
        inner = value.get(name)
        target = _target(definition)
        if target and isinstance(inner, dict):
            yield from places(target, inner, f"{place.name}.")
        if isinstance(inner, list) and "items" in definition:
            for index, item in enumerate(inner):
                here = f"{place.name}[{index}]"
                yield Place(here, inner, index, definition["items"], required=True)
                item_target = _target(definition["items"])
                if item_target and isinstance(item, dict):
                    yield from places(item_target, item, f"{here}.")


_LISTS = st.lists(VALUES, max_size=2)
_OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=2)
_FRACTIONS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number != int(number))


_OF_TYPE = {
    "string": TEXTS,
    "integer": BIG,
    "number": _FRACTIONS,
    "boolean": st.booleans(),
    "array": _LISTS,
    "object": _OBJECTS,
}


@cache
def _wrong(kind: str, required: bool) -> st.SearchStrategy[Json]:
    wrong = [values for name, values in _OF_TYPE.items() if name != kind]
    if kind == "integer":
        wrong.append(st.sampled_from(["1", "1589478378", "", " 1"]))
    return st.one_of([*wrong, st.none()] if required else wrong)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[dict[str, Json], str]:
    """Draw an answer with one value of the wrong type, or without something it must have, and the name of the place."""
    answer = draw(ANSWERS)
    place = draw(st.sampled_from(list(places("ImagesResponse", answer))))
    if place.required and isinstance(place.key, str) and draw(st.booleans()):
        del place.holder[place.key]
    else:
        kind = "object" if _target(place.definition) else place.definition["type"]
        place.holder[place.key] = draw(_wrong(kind, place.required))
    return answer, place.name


def canonical(value: Json) -> str:
    """Return a text that is the same for the same JSON: true is not 1, but 1.0 is where it stands for an integer."""
    return json.dumps(_whole_numbers("ImagesResponse", value), sort_keys=True)


def _whole_numbers(model: str, value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    properties = SCHEMAS[model]["properties"]
    return {name: _whole(properties.get(name, {}), inner) for name, inner in value.items()}


def _whole(definition: Mapping[str, Any], value: Json) -> Json:
    target = _target(definition)
    if target:
        return _whole_numbers(target, value)
    if definition.get("type") == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if definition.get("type") == "array" and isinstance(value, list):
        return [_whole(definition["items"], item) for item in value]
    return value
