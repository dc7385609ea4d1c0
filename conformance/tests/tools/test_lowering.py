"""Each rewrite of the lowering does its one thing, on any document, and leaves the document it was given alone."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from regeneration.document import Document, read, schemas
from regeneration.lint import lint
from regeneration.lowering import (
    REWRITES,
    drop_required_alternatives,
    drop_titles,
    give_first_example,
    lower,
    merge_error_statuses,
    secure_operations,
)

SPEC = Path(__file__).parents[3] / "spec" / "openapi.yaml"
MUSEUM = Path(__file__).parents[1] / "contracts" / "museum.yaml"
DOCUMENTS = [SPEC, MUSEUM]

TEXT = {"schema": {"type": "string"}}
NUMBER = {"schema": {"type": "number"}}


def with_schema(schema: dict[str, Any]) -> Document:
    return {"components": {"schemas": {"It": schema}}}


def with_operation(operation: dict[str, Any], **members: Any) -> Document:
    return {"paths": {"/it": {"post": operation}}, **members}


def with_responses(**contents: dict[str, Any] | None) -> Document:
    """A document with one response a status (written `_400`), each with the content for `application/json`."""
    responses = {
        status.lstrip("_"): {"description": f"It is {status.lstrip('_')}."}
        | ({"content": {"application/json": content}} if content is not None else {})
        for status, content in contents.items()
    }
    return with_operation({"responses": responses})


def responses_of(document: Document) -> dict[str, Any]:
    responses: dict[str, Any] = document["paths"]["/it"]["post"]["responses"]
    return responses


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rewrite", [*REWRITES, lower], ids=lambda rewrite: rewrite.__name__)
def test_a_rewrite_leaves_what_it_was_given_alone(rewrite: Any, path: Path) -> None:
    document = read(path)
    before = deepcopy(document)
    rewrite(document)
    assert document == before


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rewrite", [*REWRITES, lower], ids=lambda rewrite: rewrite.__name__)
def test_a_rewrite_finds_nothing_more_to_do_in_what_it_has_rewritten(rewrite: Any, path: Path) -> None:
    once = rewrite(read(path))
    assert rewrite(once) == once


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rewrite", [*REWRITES, lower], ids=lambda rewrite: rewrite.__name__)
def test_what_was_rewritten_is_a_sound_openapi_document(rewrite: Any, path: Path) -> None:
    rewritten = rewrite(read(path))
    assert lint(rewritten) == []
    assert list(OpenAPIV31SpecValidator(rewritten).iter_errors()) == []


@pytest.mark.parametrize("rewrite", REWRITES, ids=lambda rewrite: rewrite.__name__)
def test_every_rewrite_is_needed_by_one_of_the_documents(rewrite: Any) -> None:
    assert any(rewrite(read(path)) != read(path) for path in DOCUMENTS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_no_schema_no_property_and_no_value_of_an_enum_is_lost(path: Path) -> None:
    def kept(document: Document) -> list[Any]:
        return [
            (where, schema.get("type"), schema.get("enum"), sorted(schema.get("properties", {})))
            for where, schema in schemas(document)
            if "required" not in schema or "properties" in schema
            if "responses" not in where
        ]

    assert kept(lower(read(path))) == kept(read(path))


# --- oneOf and anyOf


@pytest.mark.parametrize("keyword", ["oneOf", "anyOf"])
@pytest.mark.parametrize(
    "alternatives",
    [
        [{"required": ["a"]}, {"required": ["b"]}],
        [{"required": ["a"], "not": {"required": ["b"]}}, {"required": ["b"]}],
        [{}, {"required": ["b"]}],
    ],
)
def test_alternatives_that_only_require_are_dropped(keyword: str, alternatives: list[Any]) -> None:
    properties = {"a": {"type": "string"}, "b": {"type": "string"}}
    rewritten = drop_required_alternatives(with_schema({"properties": properties, keyword: alternatives}))
    assert rewritten == with_schema({"properties": properties})


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},  # no properties beside it: nothing to save
        {"properties": {"a": {}}, "oneOf": [{"required": ["a"]}, {"type": "object"}]},
        {"properties": {"a": {}}, "anyOf": [{"$ref": "#/components/schemas/Other"}, {"required": ["a"]}]},
        {"properties": {"a": {}}, "allOf": [{"required": ["a"]}]},
        {"properties": {"oneOf": {"type": "string"}}},
    ],
)
def test_other_alternatives_stay(schema: dict[str, Any]) -> None:
    assert drop_required_alternatives(with_schema(schema)) == with_schema(schema)


# --- titles and examples


def test_a_title_is_dropped_and_a_property_called_title_stays() -> None:
    rewritten = drop_titles(
        with_schema({"title": "The one", "properties": {"title": {"title": "T", "type": "string"}}})
    )
    assert rewritten == with_schema({"properties": {"title": {"type": "string"}}})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"examples": ["a", "b"]}, {"example": "a"}),
        ({"examples": [None]}, {"example": None}),
        ({"examples": []}, {}),
        ({"examples": ["a"], "example": "b"}, {"example": "b"}),
        ({"example": "b"}, {"example": "b"}),
        ({"properties": {"examples": {"type": "string"}}}, {"properties": {"examples": {"type": "string"}}}),
    ],
)
def test_the_first_of_the_examples_becomes_the_example(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert give_first_example(with_schema(before)) == with_schema(after)


def test_the_examples_of_a_media_type_stay() -> None:
    media = {"schema": {"type": "string"}, "examples": {"one": {"value": "a"}}}
    document = with_responses(_200=media)
    assert give_first_example(document) == document


# --- security


def test_the_security_of_the_document_is_put_on_an_operation_without_its_own() -> None:
    rewritten = secure_operations(with_operation({}, security=[{"key": []}]))
    assert rewritten["paths"]["/it"]["post"] == {"security": [{"key": []}]}


@pytest.mark.parametrize("own", [[], [{"other": []}]])
def test_the_security_of_an_operation_stays(own: list[Any]) -> None:
    document = with_operation({"security": own}, security=[{"key": []}])
    assert secure_operations(document) == document


# --- error statuses


def test_error_statuses_of_one_schema_are_merged_into_a_range_a_class() -> None:
    rewritten = merge_error_statuses(with_responses(_200=NUMBER, _400=TEXT, _422=TEXT, _503=TEXT))
    assert responses_of(rewritten) == {
        "200": {"description": "It is 200.", "content": {"application/json": NUMBER}},
        "4XX": {
            "description": "400: It is 400. 422: It is 422.",
            "content": {"application/json": TEXT},
        },
        "5XX": {"description": "503: It is 503.", "content": {"application/json": TEXT}},
    }


def test_error_statuses_are_merged_through_references_and_past_their_examples() -> None:
    document = with_responses(_400=TEXT | {"example": "a"})
    document["components"] = {
        "responses": {
            "Gone": {"description": "Gone.", "content": {"application/json": TEXT | {"example": "b"}}},
            "Away": {"$ref": "#/components/responses/Gone"},
        }
    }
    responses_of(document)["410"] = {"$ref": "#/components/responses/Away"}
    assert responses_of(merge_error_statuses(document)) == {
        "4XX": {"description": "400: It is 400. 410: Gone.", "content": {"application/json": TEXT}}
    }


@pytest.mark.parametrize(
    "document",
    [
        with_responses(_400=TEXT, _404=NUMBER),
        with_responses(_400=TEXT, _404=None),
        with_responses(_400=None, _404=None),
        with_responses(_400=TEXT, _4XX=TEXT),
        with_responses(_200=TEXT, _201=TEXT, default=TEXT),
    ],
    ids=["differing", "one empty", "all empty", "beside a range", "no errors"],
)
def test_other_statuses_stay(document: Document) -> None:
    assert merge_error_statuses(document) == document


@given(st.dictionaries(st.integers(400, 599).map("_{}".format), st.sampled_from([TEXT, NUMBER]), max_size=6))
def test_a_merged_document_says_of_every_status_what_it_said_before(contents: dict[str, dict[str, Any]]) -> None:
    before, after = (responses_of(rewrite(with_responses(**contents))) for rewrite in (deepcopy, merge_error_statuses))
    for status, response in before.items():
        found = after.get(status) or after[f"{status[0]}XX"]
        assert found["content"] == response["content"]
