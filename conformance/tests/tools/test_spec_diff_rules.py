"""Tests of the rules and the walk of scripts/spec-diff: each change is reported by its rule, and nothing is lost."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from regeneration.versions import canonical
from spec_diff.members import ABSENT, plain
from spec_diff.register import compare_registers
from spec_diff.rules import CLIENT_MORE, CLIENT_NAMES, NARROWED, RULES, WIDENED, WORD_KEYS, WORDS
from spec_diff.tree import Change
from support.spec_edits import (
    ADDITIVE,
    ANSWER,
    BREAKING,
    EXAMPLES,
    FIELDS,
    REGISTERS,
    STUDIO,
    compared,
    edited,
)

ROOT = Path(__file__).parents[3]
SPEC = plain(yaml.safe_load((ROOT / "spec" / "openapi.yaml").read_text()))
REGISTER = plain(yaml.safe_load((ROOT / "spec" / "requirements.yaml").read_text()))

# --- each rule


def rule_cases() -> Iterator[Any]:
    """Yield each rule of documents with a place, on both sides if it is a rule of schemas."""
    for key in RULES:
        if key[0] in {"register", "requirement"}:
            continue
        place, before, after = EXAMPLES.get(key, ("no example", None, None))
        name, _, rest = place.partition(":")
        field = {"schema": "size", "image": "photo/x-image"}.get(name)
        sides = ((FIELDS, "request"), (ANSWER, "response")) if field else (("", ""),)
        for media, side in sides:
            if field and key[2].startswith(("request-", "response-")) and not key[2].startswith(side):
                continue
            where = f"{media}/schema/properties/{field}/{rest}".rstrip("/") if field else place
            yield pytest.param(key, where, before, after, side, id=" ".join((*key, side)))


@pytest.mark.parametrize(("key", "place", "before", "after", "side"), list(rule_cases()))
def test_a_change_is_reported_by_its_rule_alone(
    key: tuple[str, str, str], place: str, before: Any, after: Any, side: str
) -> None:
    changes = compared(edited(STUDIO, place, before), edited(STUDIO, place, after))
    rule = RULES[key]
    at = "response-header" if key[0] == "header" else f"{side}-property"
    direction = "response" if key[0] == "header" or side == "response" else "request"
    assert [each.id for each in changes] == [rule.id.format(at=at, direction=direction)]
    assert changes[0].impact == rule.impact(direction, 1)  # type: ignore[arg-type]


def test_every_rule_of_documents_has_an_example() -> None:
    assert {key for key in RULES if key[0] not in {"register", "requirement"}} == set(EXAMPLES)


# --- what a rule means: a validator of JSON Schema as the judge

_TYPICAL = [
    *(None, True, 0.1, 0.3, 0.5, *range(10), "b"),
    *("a" * length for length in range(7)),
    *(list(range(length)) for length in range(7)),
    *([0, 0], ["a"]),
    *({str(key): key for key in range(length)} for length in range(7)),
    *({"a": 0}, {"a": 0, "b": 0}),
]
_NOT_VALIDATED = {"contentEncoding", "contentMediaType", "format", "x-image"}
_SHIFTS = [key for key, rule in RULES.items() if key[0] == "schema" and rule.effect in {WIDENED, NARROWED}]


@pytest.mark.parametrize("key", [key for key in _SHIFTS if key[1] not in _NOT_VALIDATED], ids=" ".join)
def test_a_rule_says_narrowed_or_widened_as_a_validator_does(key: tuple[str, str, str]) -> None:
    place, *values = EXAMPLES[key]
    keyword = place.removeprefix("schema:")
    old, new = [{} if value is ABSENT else {keyword: value} for value in values]
    narrow, wide = (old, new) if RULES[key].effect is WIDENED else (new, old)
    validity = {(is_valid(narrow, value), is_valid(wide, value)) for value in _TYPICAL}
    assert (False, True) in validity
    assert (True, False) not in validity


_BOUNDED = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["integer", "number", "string", ["string", "null"]]),
        "enum": st.lists(st.sampled_from([0, 1, 6, "a", "ab", None]), min_size=1, max_size=3, unique=True),
        "const": st.sampled_from([6, "ab"]),
        "minimum": st.integers(0, 7),
        "maximum": st.integers(0, 7),
        "exclusiveMinimum": st.integers(0, 7),
        "exclusiveMaximum": st.integers(0, 7),
        "multipleOf": st.sampled_from([0.5, 1, 2, 3, 6]),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "pattern": st.sampled_from(["a", "^a$"]),
    },
)
_NULLABLE = _BOUNDED | st.builds(
    lambda key, schema, is_first: {key: [{"type": "null"}, schema] if is_first else [schema, {"type": "null"}]},
    st.sampled_from(["anyOf", "oneOf"]),
    _BOUNDED.filter(lambda it: isinstance(it.get("type"), str)),
    st.booleans(),
)
_OBJECTS = st.fixed_dictionaries(
    {"type": st.just("object")},
    optional={
        "required": st.lists(st.sampled_from(["a", "b"]), unique=True),
        "additionalProperties": st.booleans() | st.just({}) | _BOUNDED,
        "properties": st.dictionaries(st.sampled_from(["a", "b"]), _BOUNDED),
        "maxProperties": st.integers(0, 2),
    },
)
_LISTS = st.fixed_dictionaries(
    {"type": st.just("array")},
    optional={
        "items": _BOUNDED,
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
    },
)
_COMPOSED = st.fixed_dictionaries(
    {},
    optional={
        "not": _BOUNDED,
        "allOf": st.lists(_BOUNDED, max_size=2),
        "anyOf": st.lists(_BOUNDED, min_size=1, max_size=2),
        "oneOf": st.lists(_BOUNDED, min_size=1, max_size=2),
        "if": _BOUNDED,
        "then": _BOUNDED,
    },
)
_SCALARS = st.sampled_from([None, 0, 0.5, 1, 2, 3, 4, 5, 6, 7, "", "a", "ab", "aba"])
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), _SCALARS)
_SILENT = {
    *("new-optional-request-property", "new-required-request-property", "request-property-removed"),
    *("response-optional-property-added", "response-required-property-added"),
    *("response-optional-property-removed", "response-required-property-removed"),
}
"""The contract says nothing about a member before or after these, where a validator allows any value."""


def is_valid(schema: dict[str, Any], value: Any) -> bool:
    """Return whether a value is valid by a schema."""
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


@given(
    st.sampled_from([_BOUNDED, _OBJECTS, _LISTS, _COMPOSED, _NULLABLE]).flatmap(lambda it: st.tuples(it, it)), _VALUES
)
def test_a_value_that_becomes_valid_or_invalid_breaks_the_side_that_relied_on_it(
    schemas: tuple[dict[str, Any], dict[str, Any]], value: Any
) -> None:
    before, after = (is_valid(schema, value) for schema in schemas)
    assume(before != after)
    for place, request in ((f"{FIELDS}/schema/properties/size", True), (f"{ANSWER}/schema/properties/size", False)):
        changes = compared(*(edited(STUDIO, place, schema) for schema in schemas))
        callers = any(each.impact.callers is BREAKING for each in changes)
        servers = any(each.impact.servers is BREAKING for each in changes)
        silent = not _SILENT.isdisjoint(each.id for each in changes)
        # A request that becomes valid must be accepted, an invalid one must be refused. A response may be new to
        # callers, or no longer be allowed to servers.
        assert silent or (callers if before == request else servers), (schemas, value, changes)
        assert silent or not request or servers


@pytest.mark.parametrize("keyword", ["if", "then", "else"])
@pytest.mark.parametrize("media", [FIELDS, ANSWER])
def test_a_bound_below_a_condition_breaks_both_sides(keyword: str, media: str) -> None:
    place = f"{media}/schema/properties/size"
    old = edited(STUDIO, place, {"if": {}, "then": {}, "else": {}})
    changes = compared(*(edited(old, f"{place}/{keyword}/maximum", maximum) for maximum in (5, 4)))
    assert [(it.impact.callers, it.impact.servers) for it in changes] == [(BREAKING, BREAKING)]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (1, "1", 'default: 1 → "1"'),
        ("true", True, 'default: "true" → true'),
        ("", ABSENT, 'default: "" → nothing'),
        ("a", "b", "default: a → b"),
    ],
)
def test_values_of_different_types_are_shown_differently(before: Any, after: Any, text: str) -> None:
    place = f"{ANSWER}/schema/properties/size/default"
    assert [each.text for each in compared(*(edited(STUDIO, place, it) for it in (before, after)))] == [text]


def test_a_bound_below_a_not_means_the_opposite() -> None:
    place = f"{ANSWER}/schema/properties/size/not"
    changes = compared(edited(STUDIO, place, {"maximum": 5}), edited(STUDIO, place, {"maximum": 4}))
    assert [(it.impact.callers, it.impact.servers) for it in changes] == [(BREAKING, ADDITIVE)]


def test_decimal_fractions_are_compared_as_written() -> None:
    place = f"{ANSWER}/schema/properties/size/multipleOf"
    changes = compared(edited(STUDIO, place, 0.3), edited(STUDIO, place, 0.1))
    assert [each.id for each in changes] == ["response-property-multiple-of-generalized"]


def test_a_member_below_a_not_breaks_both_sides() -> None:
    place = f"{FIELDS}/schema/properties/size/not"
    changes = compared(edited(STUDIO, place, {}), edited(STUDIO, place, {"properties": {"a": {}}}))
    assert [(it.impact.callers, it.impact.servers) for it in changes] == [(BREAKING, BREAKING)]


# --- the walk: nothing is lost


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every node within a value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from nodes(child, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """Return the node at a path."""
    for step in path:
        value = value[step]
    return value


_NEW: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, 1, 2.5, "", "4XX", "none", [], {}, ["a"], {"a": {}}, {"type": "string"}]
)
_EDITS = ("replace", "remove", "add", "duplicate")
_DOCUMENTS = {"openapi": SPEC, "register": REGISTER}
_PATHS = {name: list(nodes(document)) for name, document in _DOCUMENTS.items()}


def mutated(document: dict[str, Any], path: tuple[Any, ...], edit: str, new: Any) -> dict[str, Any]:
    """Return a copy of a document with one node replaced, removed, extended or duplicated."""
    document = deepcopy(document)
    parent, step = at(document, path[:-1]), path[-1]
    if edit == "replace":
        parent[step] = deepcopy(new)
    elif edit == "remove":
        del parent[step]
    elif isinstance(parent, list):
        parent.insert(step, deepcopy(new if edit == "add" else parent[step]))
    else:
        parent["new-key" if edit == "add" else f"{step}-2"] = deepcopy(new if edit == "add" else parent[step])
    return document


def all_changes(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return the changes of two documents or of two registers."""
    return compared(old, new) if name == "openapi" else compare_registers(old, new)


@given(st.sampled_from(sorted(_PATHS)).flatmap(lambda it: st.tuples(st.just(it), st.sampled_from(_PATHS[it]))), _NEW)
def test_a_difference_anywhere_is_reported(place: tuple[str, tuple[Any, ...]], new: Any) -> None:
    name, path = place
    for edit in _EDITS:
        changed = mutated(_DOCUMENTS[name], path, edit, new)
        differs = canonical(changed) != canonical(_DOCUMENTS[name])
        assert bool(all_changes(name, _DOCUMENTS[name], changed)) is differs
        assert bool(all_changes(name, changed, _DOCUMENTS[name])) is differs


# What is words, a name, or the order of what has none; and the version, which is compared by itself.
# Whether something refers to what is not there is for scripts/regenerate.
_HARMLESS = {*WORD_KEYS, "version", "tags", "$ref", "securitySchemes"}


@given(st.sampled_from(_PATHS["openapi"]), _NEW, st.sampled_from(["replace", "remove"]))
def test_a_difference_outside_words_is_never_editorial(path: tuple[Any, ...], new: Any, edit: str) -> None:
    assume(_HARMLESS.isdisjoint(path) and at(SPEC, path) != [])  # an empty set is as good as none
    assume(
        edit == "remove" or not (isinstance(new, dict) and isinstance(at(SPEC, path), dict))
    )  # or words alone differ
    changed = mutated(SPEC, path, edit, new)
    changes = compared(SPEC, changed)
    assume(canonical(changed) != canonical(SPEC))
    assert any(each.impact != WORDS for each in changes), (path, new, changes)


def shuffled(value: Any, source: random.Random) -> Any:
    """Return a value with the keys of its mappings in another order."""
    if isinstance(value, dict):
        keys = list(value)
        source.shuffle(keys)
        return {key: shuffled(value[key], source) for key in keys}
    return [shuffled(item, source) for item in value] if isinstance(value, list) else value


@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_is_no_change(source: random.Random) -> None:
    for name, document in _DOCUMENTS.items():
        assert all_changes(name, document, shuffled(document, source)) == []


SCHEMAS = "components/schemas"
REQUEST = f"{SCHEMAS}/CreateImageVariationRequest"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (f"{SCHEMAS}/ImageSize/enum", ["1024x1024", "512x512", "256x256"]),
        (f"{SCHEMAS}/ImageUsage/required", ["total_tokens", "output_tokens", "input_tokens_details", "input_tokens"]),
        (f"{SCHEMAS}/Unused", {"type": "string"}),
        (f"{REQUEST}/properties/size", SPEC["components"]["schemas"]["ImageSize"]),  # in place of a reference to it
        (f"{REQUEST}/additionalProperties", True),  # which is what holds without it
        ("security", [{"bearerAuth": []}]),  # the operation has its own
        ("info/title", "Variations of images"),
        (f"{SCHEMAS}/ImageSize/description", "The size."),
    ],
)
def test_order_words_and_what_was_true_before_are_editorial(place: str, value: Any) -> None:
    changes = compared(SPEC, edited(SPEC, place, value))
    assert changes
    assert {each.impact for each in changes} == {WORDS}


N = f"{REQUEST}/properties/n"
INTEGER = {"type": "integer", "minimum": 1, "maximum": 10}
NULL = {"type": "null"}
MODEL = {"$ref": f"#/{SCHEMAS}/ImageModel"}
SIZE = SPEC["components"]["schemas"]["ImageSize"]
FORM = "paths/~1images~1variations/post/requestBody/content/multipart~1form-data/schema"
BEARER = {"type": "http", "scheme": "bearer"}


@pytest.mark.parametrize(
    ("place", "before", "after"),
    [
        (N, INTEGER, {"type": "integer", "minimum": 1, "exclusiveMaximum": 11}),
        (N, INTEGER, {"type": "integer", "exclusiveMinimum": 0, "maximum": 10.5}),
        (N, INTEGER, {**INTEGER, "exclusiveMaximum": 12, "exclusiveMinimum": -1, "multipleOf": 1}),
        (N, {**INTEGER, "type": "number"}, {**INTEGER, "type": "number", "exclusiveMaximum": 11}),
        (N, {"enum": [1]}, {"const": 1}),
        (N, {"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (N, {"type": ["string", "null"], "enum": ["a", None]}, {"oneOf": [NULL, {"type": "string", "enum": ["a"]}]}),
        (N, INTEGER, {"allOf": [INTEGER], "description": "How many."}),
        (f"{REQUEST}/properties/model", MODEL, {"allOf": [MODEL], "default": "dall-e-2"}),
        (FORM, {"$ref": f"#/{REQUEST}"}, {"allOf": [{"$ref": f"#/{REQUEST}"}]}),
        (f"{SCHEMAS}/ImageSize", SIZE, {"allOf": [SIZE]}),
        ("components/securitySchemes/bearerAuth", BEARER, {**BEARER, "scheme": "Bearer"}),
        ("components/securitySchemes/bearerAuth", BEARER, {**BEARER, "bearerFormat": "JWT"}),
    ],
)
def test_another_way_to_say_the_same_is_editorial(place: str, before: Any, after: Any) -> None:
    old, new = (edited(SPEC, place, each) for each in (before, after))
    for changes in (compared(old, new), compared(new, old)):
        assert changes
        assert {each.impact for each in changes} == {WORDS}


@pytest.mark.parametrize(
    ("old_name", "new_name"),
    [("x-request-id", "X-Request-ID"), ("bearerAuth", "apiKey"), ("headers/RequestId", "headers/Id")],
)
def test_a_header_in_other_letter_case_and_another_name_of_what_has_no_class_are_editorial(
    old_name: str, new_name: str
) -> None:
    assert {each.impact for each in compared(SPEC, renamed(old_name, new_name))} == {WORDS}


@pytest.mark.parametrize("name", ["ImageTokens", "ImageSize", "CreateImageVariationRequest"])
def test_another_name_of_a_schema_breaks_callers_who_import_its_class(name: str) -> None:
    changes = compared(SPEC, renamed(f"schemas/{name}", "schemas/Other"))
    assert [(it.id, it.impact) for it in changes if it.impact != WORDS] == [
        ("api-schema-removed", CLIENT_NAMES),
        ("api-schema-added", CLIENT_MORE),
    ]


def renamed(old_name: str, new_name: str) -> Any:
    """Return the document with another name of a component, or of a header."""
    names = [name.rpartition("/")[2] for name in (old_name, new_name)]
    return json.loads(json.dumps(SPEC).replace(old_name, new_name).replace(f'"{names[0]}":', f'"{names[1]}":'))


def test_a_renamed_security_scheme_of_another_type_is_a_change() -> None:
    changed = json.loads(json.dumps(SPEC).replace("bearerAuth", "apiKey").replace('"bearer"', '"basic"'))
    assert "api-security-removed" in {each.id for each in compared(SPEC, changed)}


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [
        (INTEGER, {"type": "integer", "minimum": 1, "exclusiveMaximum": 10}, "max-decreased"),
        (INTEGER, {"type": "integer", "exclusiveMinimum": 1, "maximum": 10}, "min-increased"),
        ({"type": "number", "maximum": 10}, {"type": "number", "maximum": 10, "multipleOf": 1}, "multiple-of-added"),
        ({"enum": ["a", "b"]}, {"const": "a"}, "enum-value-removed"),
        ({"maximum": 5}, {"allOf": [{"maximum": 4}]}, "max-decreased"),
    ],
)
def test_a_bound_or_value_said_otherwise_with_another_meaning_is_reported_by_its_rule(
    before: Any, after: Any, action: str
) -> None:
    changes = compared(edited(SPEC, N, before), edited(SPEC, N, after))
    assert [each.id for each in changes if each.impact != WORDS] == [f"request-property-{action}"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": "string"}, {"anyOf": [{"type": "string"}, NULL]}),
        ({"$ref": f"#/{SCHEMAS}/Image"}, {"oneOf": [{"$ref": f"#/{SCHEMAS}/Image"}, NULL], "description": "One."}),
    ],
)
def test_null_beside_a_type_is_one_change_however_it_is_written(before: Any, after: Any) -> None:
    old, new = (edited(SPEC, f"{SCHEMAS}/ImagesResponse/properties/size", each) for each in (before, after))
    for changes, action in ((compared(old, new), "nullable"), (compared(new, old), "not-nullable")):
        assert [it.id for it in changes if it.impact != WORDS] == [f"response-property-became-{action}"]


def test_a_schema_below_a_keyword_without_rules_is_an_unknown_change() -> None:
    old = edited(SPEC, f"{REQUEST}/patternProperties", {"^a": {"$ref": f"#/{SCHEMAS}/Other"}})
    old, new = (edited(old, f"{SCHEMAS}/Other", {"maximum": maximum}) for maximum in (4, 5))
    assert [each.id for each in compared(old, new)] == ["unknown-change"]


def test_a_schema_of_many_responses_is_reported_once() -> None:
    changes = compared(SPEC, edited(SPEC, f"{SCHEMAS}/ErrorObject/properties/message/minLength", 2))
    assert [each.id for each in changes] == ["response-property-min-length-increased"]


def test_a_schema_of_requests_and_responses_is_reported_for_both() -> None:
    shared = edited(SPEC, f"{SCHEMAS}/ImagesResponse/properties/size", {"$ref": f"#/{SCHEMAS}/ImageSize"})
    changes = compared(shared, edited(shared, f"{SCHEMAS}/ImageSize/enum", ["256x256", "512x512"]))
    removed = {each.id: (each.impact.callers, each.impact.servers) for each in changes}
    assert removed == {
        "request-property-enum-value-removed": (BREAKING, BREAKING),
        "response-property-enum-value-removed": (ADDITIVE, BREAKING),
    }


def test_a_schema_that_refers_to_itself_is_compared() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": f"#/{SCHEMAS}/Image"}}}
    old = edited(SPEC, f"{SCHEMAS}/Image", tree)
    changes = compared(old, edited(old, f"{SCHEMAS}/Image/maxProperties", 1))
    assert [each.id for each in changes] == ["response-property-max-properties-set"]


# --- the register


@pytest.mark.parametrize("name", REGISTERS)
def test_a_change_of_the_register_is_reported_by_its_rule(name: str) -> None:
    old, new, expected = REGISTERS[name]
    changes = compare_registers(old, new)
    assert [(it.id, it.impact.callers, it.impact.servers, it.impact.bump) for it in changes] == [expected]
