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
    describe_defaults,
    drop_required_alternatives,
    drop_titles,
    drop_types_of_constants,
    follow_references,
    give_first_example,
    keep_forms,
    keep_json_errors,
    keep_members,
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
            if {"type", "enum"} & schema.keys() and "const" not in schema
            # Those of responses are merged, and those of parameters copied to where they are used.
            if not {"responses", "parameters"} & set(where)
        ]

    assert kept(lower(read(path))) == kept(read(path))


# --- references and allOf


def test_a_reference_to_a_reference_points_to_where_that_leads() -> None:
    document: Document = {
        "paths": {"/path": {"post": {"responses": {"200": {"$ref": "#/components/responses/First"}}}}},
        "components": {
            "responses": {
                "First": {"$ref": "#/components/responses/Second"},
                "Second": {
                    "description": "Made.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}},
                },
            },
            "schemas": {
                "A": {"$ref": "#/components/schemas/B", "description": "An A."},
                "B": {"$ref": "#/components/schemas/C"},
                "C": {"type": "string"},
            },
        },
    }
    lowered = follow_references(document)
    assert responses_of(lowered) == {"200": {"$ref": "#/components/responses/Second"}}
    schema = {"$ref": "#/components/schemas/C", "description": "An A."}
    assert lowered["components"]["responses"]["Second"]["content"] == {"application/json": {"schema": schema}}
    assert lowered["components"]["schemas"] == {"C": {"type": "string"}}


@pytest.mark.parametrize("beside", [{"properties": {"a": {"type": "string"}}}, {"required": ["b"]}])
def test_members_beside_one_reference_in_all_of_are_kept(beside: dict[str, Any]) -> None:
    schema = {"allOf": [{"$ref": "#/components/schemas/Model"}], **beside}
    [reference, empty] = keep_members(with_schema(schema))["components"]["schemas"]["Model"]["allOf"]
    assert (reference, empty) == (schema["allOf"][0], {"properties": {}})


# --- oneOf, anyOf and if


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
    "branches",
    [
        {"if": {"required": ["a"]}, "then": {"not": {"required": ["b"]}}, "else": {"required": ["b"]}},
        {"if": {"required": ["a"], "properties": {"a": {}}}, "then": {"not": {"properties": {}, "required": ["b"]}}},
        {"if": {"required": ["a"]}, "else": {"required": ["b"]}},
    ],
)
def test_branches_that_only_require_properties_are_dropped(branches: dict[str, Any]) -> None:
    properties = {"a": {"type": "string"}, "b": {"type": "string"}}
    rewritten = drop_required_alternatives(with_schema({"properties": properties, **branches}))
    assert rewritten == with_schema({"properties": properties})


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},  # The schema has no properties.
        {"properties": {"a": {}}, "oneOf": [{"required": ["a"]}, {"type": "object"}]},
        {"properties": {"a": {}}, "anyOf": [{"$ref": "#/components/schemas/Other"}, {"required": ["a"]}]},
        {"properties": {"a": {}}, "allOf": [{"required": ["a"]}]},
        {"properties": {"oneOf": {"type": "string"}}},
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},  # The schema has no properties.
        {"properties": {"a": {}}, "if": {"required": ["a"]}, "then": {"properties": {"a": {"type": "string"}}}},
        {"properties": {"a": {}}, "if": {"type": "object"}, "then": {"required": ["a"]}},
    ],
)
def test_other_alternatives_are_kept(schema: dict[str, Any]) -> None:
    assert drop_required_alternatives(with_schema(schema)) == with_schema(schema)


# --- defaults


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"default": "a b", "description": "A word."}, {"description": "A word. Default: a b."}),
        ({"default": 1, "type": "integer"}, {"type": "integer", "description": "Default: 1."}),
        ({"default": True}, {"description": "Default: true."}),
        ({"default": None}, {"description": "Default: null."}),
        ({"default": ["a"]}, {"description": 'Default: ["a"].'}),
        ({"properties": {"default": {"type": "string"}}}, {"properties": {"default": {"type": "string"}}}),
    ],
)
def test_a_default_is_dropped_and_stated_in_the_description(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert describe_defaults(with_schema({"properties": {"a": before}})) == with_schema({"properties": {"a": after}})


@pytest.mark.parametrize(("value", "words"), [("input", "that of the input image"), ("any", "up to the server")])
def test_a_default_that_depends_on_the_request_is_stated_in_words(value: str, words: str) -> None:
    before = {"type": "string", "x-default": value, "description": "A size."}
    after = {**before, "description": f"A size. Default: {words}."}
    assert describe_defaults(with_schema({"properties": {"a": before}})) == with_schema({"properties": {"a": after}})


def test_the_default_of_a_parameter_is_stated_in_the_description_of_the_parameter() -> None:
    parameter = {"name": "n", "in": "query", "description": "A number."}
    rewritten = describe_defaults(with_operation({"parameters": [{**parameter, "schema": {"default": 1}}]}))
    assert rewritten == with_operation(
        {"parameters": [{**parameter, "description": "A number. Default: 1.", "schema": {}}]}
    )


def test_the_default_of_a_response_and_of_a_server_variable_are_kept() -> None:
    document = with_responses(default=TEXT) | {"servers": [{"url": "{a}", "variables": {"a": {"default": "/"}}}]}
    assert describe_defaults(document) == document


# --- titles and examples


def test_the_type_beside_a_const_is_dropped_where_it_is_a_boolean() -> None:
    schema = {"properties": {"a": {"type": "boolean", "const": False}, "b": {"type": "string", "const": "x"}}}
    rewritten = drop_types_of_constants(with_schema(schema))
    assert rewritten == with_schema({"properties": {"a": {"const": False}, "b": {"type": "string", "const": "x"}}})


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


# --- media types


@pytest.mark.parametrize("is_reference", [False, True], ids=["inline", "reference"])
def test_only_the_form_is_kept_of_a_body_with_a_form_and_other_media_types(*, is_reference: bool) -> None:
    def with_body(content: dict[str, Any]) -> Document:
        body = {"required": True, "content": content}
        if not is_reference:
            return with_operation({"requestBody": body})
        components = {"requestBodies": {"Body": body}}
        return with_operation({"requestBody": {"$ref": "#/components/requestBodies/Body"}}, components=components)

    form = {**TEXT, "encoding": {"image": {"contentType": "image/png"}}}
    before = with_body({"application/json": TEXT, "multipart/form-data": form, "text/plain": TEXT})
    assert keep_forms(before) == with_body({"multipart/form-data": form})


def test_the_media_types_of_a_body_without_a_form_are_kept() -> None:
    document = with_operation({"requestBody": {"content": {"application/json": TEXT, "text/plain": TEXT}}})
    assert keep_forms(document) == document


@pytest.mark.parametrize("json_type", ["application/json", "application/json; charset=utf-8", "application/a+json"])
def test_only_json_is_kept_of_an_error_with_json_and_other_media_types(json_type: str) -> None:
    headers = {"x-request-id": TEXT}
    both = {"text/html": TEXT, json_type: NUMBER, "text/plain": TEXT}
    response = {"description": "Wrong.", "headers": headers}
    before = {
        "200": {"description": "Right.", "content": both},
        "400": {**response, "content": both},
        "503": {"$ref": "#/components/responses/Away"},
    }
    components = {"responses": {"Away": {**response, "content": both}}}
    rewritten = keep_json_errors(with_operation({"responses": before}, components=components))
    assert responses_of(rewritten) == {
        "200": before["200"],
        "400": {**response, "content": {json_type: NUMBER}},
        "503": {**response, "content": {json_type: NUMBER}},
    }
    assert rewritten["components"] == components


def test_the_media_types_of_an_error_without_json_are_kept() -> None:
    content = {"text/html": TEXT, "text/plain": TEXT}
    document = with_operation({"responses": {"400": {"description": "Wrong.", "content": content}}})
    assert keep_json_errors(document) == document


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


def test_error_statuses_with_different_headers_are_merged() -> None:
    document = with_responses(_401=TEXT, _429=TEXT)
    responses_of(document)["429"]["headers"] = {"Retry-After": TEXT}
    assert responses_of(merge_error_statuses(document)) == {
        "4XX": {"description": "401: Status 401. 429: Status 429.", "content": {"application/json": TEXT}}
    }


def test_the_errors_of_the_contract_are_merged_into_one_range_per_class() -> None:
    responses = lower(read(SPEC))["paths"]["/images/variations"]["post"]["responses"]
    assert list(responses) == ["200", "4XX", "5XX"]
    assert all(list(response["content"]) == ["application/json"] for response in responses.values())


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
