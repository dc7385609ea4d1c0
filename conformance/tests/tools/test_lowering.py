"""Each rewrite of the lowering makes one kind of change and does not modify the document that it is given."""

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
    return {"components": {"schemas": {"Model": schema}}}


def with_operation(operation: dict[str, Any], **members: Any) -> Document:
    return {"paths": {"/path": {"post": operation}}, **members}


def with_responses(**contents: dict[str, Any] | None) -> Document:
    """Return a document with one response per status (written `_400`), each with content of `application/json`.

    A response whose content is None has none.
    """
    responses = {
        status.lstrip("_"): {"description": f"Status {status.lstrip('_')}."}
        | ({"content": {"application/json": content}} if content is not None else {})
        for status, content in contents.items()
    }
    return with_operation({"responses": responses})


def responses_of(document: Document) -> dict[str, Any]:
    responses: dict[str, Any] = document["paths"]["/path"]["post"]["responses"]
    return responses


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rewrite", [*REWRITES, lower], ids=lambda rewrite: rewrite.__name__)
def test_a_rewrite_does_not_modify_its_argument(rewrite: Any, path: Path) -> None:
    document = read(path)
    before = deepcopy(document)
    rewrite(document)
    assert document == before


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rewrite", [*REWRITES, lower], ids=lambda rewrite: rewrite.__name__)
def test_a_rewrite_is_idempotent(rewrite: Any, path: Path) -> None:
    once = rewrite(read(path))
    assert rewrite(once) == once


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rewrite", [*REWRITES, lower], ids=lambda rewrite: rewrite.__name__)
def test_a_rewritten_document_is_a_valid_openapi_document_without_lint_problems(rewrite: Any, path: Path) -> None:
    rewritten = rewrite(read(path))
    assert lint(rewritten) == []
    assert list(OpenAPIV31SpecValidator(rewritten).iter_errors()) == []


@pytest.mark.parametrize("rewrite", REWRITES, ids=lambda rewrite: rewrite.__name__)
def test_every_rewrite_changes_at_least_one_of_the_documents(rewrite: Any) -> None:
    assert any(rewrite(read(path)) != read(path) for path in DOCUMENTS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_lowering_keeps_every_schema_property_and_enum_value(path: Path) -> None:
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
def test_alternatives_that_only_require_properties_are_dropped(keyword: str, alternatives: list[Any]) -> None:
    properties = {"a": {"type": "string"}, "b": {"type": "string"}}
    rewritten = drop_required_alternatives(with_schema({"properties": properties, keyword: alternatives}))
    assert rewritten == with_schema({"properties": properties})


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},  # The schema has no properties.
        {"properties": {"a": {}}, "oneOf": [{"required": ["a"]}, {"type": "object"}]},
        {"properties": {"a": {}}, "anyOf": [{"$ref": "#/components/schemas/Other"}, {"required": ["a"]}]},
        {"properties": {"a": {}}, "allOf": [{"required": ["a"]}]},
        {"properties": {"oneOf": {"type": "string"}}},
    ],
)
def test_other_alternatives_are_kept(schema: dict[str, Any]) -> None:
    assert drop_required_alternatives(with_schema(schema)) == with_schema(schema)


# --- titles and examples


def test_a_title_is_dropped_but_a_property_called_title_is_kept() -> None:
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


def test_the_examples_of_a_media_type_are_kept() -> None:
    media = {"schema": {"type": "string"}, "examples": {"one": {"value": "a"}}}
    document = with_responses(_200=media)
    assert give_first_example(document) == document


# --- security


def test_the_security_of_the_document_is_copied_to_an_operation_without_its_own() -> None:
    rewritten = secure_operations(with_operation({}, security=[{"key": []}]))
    assert rewritten["paths"]["/path"]["post"] == {"security": [{"key": []}]}


@pytest.mark.parametrize("own", [[], [{"other": []}]])
def test_the_security_of_an_operation_is_kept(own: list[Any]) -> None:
    document = with_operation({"security": own}, security=[{"key": []}])
    assert secure_operations(document) == document


# --- error statuses


def test_error_statuses_with_the_same_schema_are_merged_into_one_range_per_class() -> None:
    rewritten = merge_error_statuses(with_responses(_200=NUMBER, _400=TEXT, _422=TEXT, _503=TEXT))
    assert responses_of(rewritten) == {
        "200": {"description": "Status 200.", "content": {"application/json": NUMBER}},
        "4XX": {
            "description": "400: Status 400. 422: Status 422.",
            "content": {"application/json": TEXT},
        },
        "5XX": {"description": "503: Status 503.", "content": {"application/json": TEXT}},
    }


def test_error_statuses_are_merged_even_if_they_are_references_or_have_different_examples() -> None:
    document = with_responses(_400=TEXT | {"example": "a"})
    document["components"] = {
        "responses": {
            "Gone": {"description": "Gone.", "content": {"application/json": TEXT | {"example": "b"}}},
            "Away": {"$ref": "#/components/responses/Gone"},
        }
    }
    responses_of(document)["410"] = {"$ref": "#/components/responses/Away"}
    assert responses_of(merge_error_statuses(document)) == {
        "4XX": {"description": "400: Status 400. 410: Gone.", "content": {"application/json": TEXT}}
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
    ids=["different schemas", "one without content", "all without content", "with a range", "no errors"],
)
def test_other_statuses_are_not_merged(document: Document) -> None:
    assert merge_error_statuses(document) == document


@given(st.dictionaries(st.integers(400, 599).map("_{}".format), st.sampled_from([TEXT, NUMBER]), max_size=6))
def test_merging_keeps_the_content_of_every_error_status(contents: dict[str, dict[str, Any]]) -> None:
    before, after = (responses_of(rewrite(with_responses(**contents))) for rewrite in (deepcopy, merge_error_statuses))
    for status, response in before.items():
        merged = after.get(status) or after[f"{status[0]}XX"]
        assert merged["content"] == response["content"]
