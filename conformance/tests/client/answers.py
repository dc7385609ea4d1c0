"""Strategies for responses of the contract: any valid one, and any with one invalid value at a known place."""

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
# These texts contain lone surrogates too, because JSON can express them.
TEXTS = st.text(st.characters(), max_size=12)
BIG = st.integers(-(10**40), 10**40)
VALUES = st.recursive(
    st.none() | st.booleans() | BIG | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
# Names of members that could clash with attributes of the models.
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
    """Return a strategy for objects that clients must accept for a schema, with unknown members and with nulls."""
    schema = SCHEMAS[model]
    properties = {name: _values_of(definition) for name, definition in schema["properties"].items()}
    # An image has either the link or the bytes. The other one may be null.
    choices = [set(schema[keyword]["required"]) for keyword in ("if", "else") if keyword in schema] or [set()]
    exclusive = set().union(*choices)

    def objects_with(chosen: set[str]) -> st.SearchStrategy[dict[str, Json]]:
        present = {*schema.get("required", ()), *chosen}
        # The contract does not allow null, but servers send it for members without a value.
        others = {name: st.none() if name in exclusive else properties[name] | st.none() for name in properties}
        return st.fixed_dictionaries(
            {name: properties[name] for name in sorted(present)},
            optional={name: others[name] for name in sorted(others.keys() - present)},
        )

    names = (TEXTS | st.sampled_from(_NAMES)).filter(lambda name: name not in properties)
    unknown_members = st.dictionaries(names, VALUES, max_size=3)
    return st.builds(_merge, unknown_members, st.one_of([objects_with(chosen) for chosen in choices]))


def _merge(unknown_members: dict[str, Json], known_members: dict[str, Json]) -> dict[str, Json]:
    return {**unknown_members, **known_members}


def _values_of(definition: Mapping[str, Any]) -> st.SearchStrategy[Json]:
    target = _target(definition)
    if target:
        return objects(target)
    if definition["type"] == "integer":
        # 1.0 is an integer in JSON Schema.
        return st.integers(0, 10**40) | st.integers(0, 2**40).map(float)
    if definition["type"] == "array":
        return st.lists(_values_of(definition["items"]), min_size=1, max_size=3)
    assert definition["type"] == "string"
    if "enum" in definition:
        # A later version of the contract may have more enum values.
        return st.sampled_from(definition["enum"]) | TEXTS
    return TEXTS.map(lambda text: text or "x")


RESPONSES = objects("ImagesResponse")


@frozen
class Place:
    """A member or an array item of a response: its name, its position, and its schema in the contract."""

    name: str
    holder: Any
    key: str | int
    definition: Mapping[str, Any]
    required: bool


def places(model: str, value: dict[str, Json], prefix: str = "") -> Iterator[Place]:
    """Yield all places of an object that the contract defines, including absent optional members."""
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
                item_name = f"{place.name}[{index}]"
                yield Place(item_name, inner, index, definition["items"], required=True)
                item_target = _target(definition["items"])
                if item_target and isinstance(item, dict):
                    yield from places(item_target, item, f"{item_name}.")


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
def _wrong_values(kind: str, required: bool) -> st.SearchStrategy[Json]:
    alternatives = [values for name, values in _OF_TYPE.items() if name != kind]
    if kind == "integer":
        alternatives.append(st.sampled_from(["1", "1589478378", "", " 1"]))
    return st.one_of([*alternatives, st.none()] if required else alternatives)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[dict[str, Json], str]:
    """Draw a response with one value of the wrong type or one required member missing, and the name of the place."""
    response = draw(RESPONSES)
    place = draw(st.sampled_from(list(places("ImagesResponse", response))))
    if place.required and isinstance(place.key, str) and draw(st.booleans()):
        del place.holder[place.key]
    else:
        kind = "object" if _target(place.definition) else place.definition["type"]
        place.holder[place.key] = draw(_wrong_values(kind, place.required))
    return response, place.name


def canonical(value: Json) -> str:
    """Return a text that is equal for equal responses. true and 1 differ; 1.0 and 1 are equal as integer members."""
    return json.dumps(_normalize_object("ImagesResponse", value), sort_keys=True)


def _normalize_object(model: str, value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    properties = SCHEMAS[model]["properties"]
    return {name: _normalize(properties.get(name, {}), inner) for name, inner in value.items()}


def _normalize(definition: Mapping[str, Any], value: Json) -> Json:
    target = _target(definition)
    if target:
        return _normalize_object(target, value)
    if definition.get("type") == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if definition.get("type") == "array" and isinstance(value, list):
        return [_normalize(definition["items"], item) for item in value]
    return value
