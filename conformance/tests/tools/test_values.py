"""Values that stand in a document are valid by their schemas, and equal only if they are the same in JSON."""

from typing import Any

import pytest
from regeneration.document import Document
from regeneration.mistakes import mistakes
from regeneration.values import examples

JSON = "application/json"
MULTIPART = "multipart/form-data"
BODY = "/paths/~1books/post/requestBody/content"
PAGES = {"type": "object", "properties": {"pages": {"type": "integer", "maximum": 10}}}
SIZED: dict[str, Any] = {"type": "object", "properties": {"size": {"type": "integer"}}}
FILE = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}


def document(media: dict[str, Any], media_type: str = JSON, **components: Any) -> Document:
    """Return a document whose request body is described so."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Library", "version": "1.0.0"},
        "paths": {
            "/books": {
                "post": {
                    "operationId": "addBook",
                    "requestBody": {"content": {media_type: media}},
                    "responses": {"204": {"description": "Added."}},
                }
            }
        },
        "components": components,
    }


def found(document: Document) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.message) for problem in mistakes(document)]


def repeated(enum: list[Any]) -> list[str]:
    """Return the messages about values that are there twice in an enum of a document."""
    schema = {"type": "object", "properties": {"a": {"enum": enum}}}
    return [message for _, message in found(document({"schema": schema})) if "twice" in message]


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        ({"exclusiveMinimum": 0, "exclusiveMaximum": 1}, "exclusiveMinimum 0, exclusiveMaximum 1"),
        ({"minimum": 1, "maximum": 6, "multipleOf": 7}, "minimum 1, maximum 6, multipleOf 7"),
        ({"minimum": 5, "exclusiveMaximum": 5}, "minimum 5, exclusiveMaximum 5"),
        ({"minimum": 1.2, "maximum": 1.8}, "minimum 1.2, maximum 1.8"),
    ],
)
def test_bounds_that_no_integer_is_within_are_found_at_the_first(schema: dict[str, Any], shown: str) -> None:
    of_integers = document({"schema": {"type": "object", "properties": {"a": {"type": "integer", **schema}}}})
    where = f"/paths/~1books/post/requestBody/content/application~1json/schema/properties/a/{next(iter(schema))}"
    assert found(of_integers) == [(where, f"no integer is valid with {shown}; correct one")]


@pytest.mark.parametrize(
    "enum", [[1, True], [0, False], ["1", 1], [None, False], [[1], [True]], [{"a": 0}, {"a": False}]]
)
def test_values_that_differ_in_json_are_not_the_same_value_twice(enum: list[Any]) -> None:
    assert repeated(enum) == []


@pytest.mark.parametrize(
    ("enum", "shown"),
    [([1, 1.0], "1.0"), ([True, True], "true"), ([None, None], "null"), ([{"a": 1}, {"a": 1.0}], '{"a": 1.0}')],
)
def test_values_that_are_equal_in_json_are_the_same_value_twice(enum: list[Any], shown: str) -> None:
    assert repeated(enum) == [f"the enum has {shown} twice; remove one"]


@pytest.mark.parametrize(
    ("media", "place"),
    [
        ({"example": {"pages": 20}}, "example/pages"),
        ({"examples": {"many": {"value": {"pages": 20}}}}, "examples/many/value/pages"),
        ({"examples": {"many": {"$ref": "#/components/examples/Many"}}}, "examples/many/pages"),
    ],
)
def test_a_wrong_value_in_an_example_of_a_body_is_found_at_its_place(media: dict[str, Any], place: str) -> None:
    problems = found(document({"schema": PAGES, **media}, examples={"Many": {"value": {"pages": 20}}}))
    assert problems == [
        (
            f"{BODY}/application~1json/{place}",
            "the schema does not allow this value: 20 is greater than the maximum of 10",
        )
    ]


@pytest.mark.parametrize(
    ("name", "place"), [("tilte", "example/tilte"), ("titles", "example/titles"), ("name", "example")]
)
def test_an_example_that_lacks_a_name_is_wrong_at_the_name_that_is_like_it(name: str, place: str) -> None:
    schema = {"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}}
    [(where, message)] = found(document({"schema": schema, "example": {name: "Emma"}}))
    assert where == f"{BODY}/application~1json/{place}"
    assert '"title" is a required property' in message
    assert ("did you mean it by" in message) == (place != "example")


@pytest.mark.parametrize(
    ("schema", "value", "place"),
    [
        (SIZED, {"sise": 1}, "/sise"),
        ({"allOf": [SIZED]}, {"sise": 1}, "/sise"),
        (
            {"type": "object", "properties": {"all": {"type": "array", "items": SIZED}}},
            {"all": [{"sise": 1}]},
            "/all/0/sise",
        ),
        (SIZED, {"sise": 1, "size": 1}, None),  # no other name is missing
        (SIZED, {"colour": 1}, None),
        (SIZED, {"size_id": 1}, None),
        (SIZED | {"additionalProperties": True}, {"sise": 1}, None),
    ],
)
def test_a_member_of_an_example_that_is_like_one_that_it_lacks_is_found(
    schema: dict[str, Any], value: Any, place: str | None
) -> None:
    message = "no property is called 'sise'; did you mean 'size'? If not, say additionalProperties: true"
    expected = [] if place is None else [(f"{BODY}/application~1json/example{place}", message)]
    described = document({"schema": schema, "example": value})
    assert [(problem.pointer, problem.message) for problem in examples(described)] == expected


def test_a_wrong_example_of_a_parameter_is_found_at_its_place() -> None:
    described = document({"schema": PAGES})
    parameter = {"name": "limit", "in": "query", "schema": {"type": "integer"}, "example": "many"}
    described["paths"]["/books"]["post"]["parameters"] = [parameter]
    assert [where for where, _ in found(described)] == ["/paths/~1books/post/parameters/0/example"]


@pytest.mark.parametrize("name", ["Mnay", "Loop"])
def test_an_example_that_is_a_reference_to_nothing_is_found_at_its_place(name: str) -> None:
    described = document(
        {"schema": PAGES, "examples": {"many": {"$ref": f"#/components/examples/{name}"}}},
        examples={"Loop": {"$ref": "#/components/examples/Loop"}},
    )
    assert [where for where, _ in found(described)] == [f"{BODY}/application~1json/examples/many/$ref"]


@pytest.mark.parametrize(
    "media", [{"example": {"file": "(the bytes)"}}, {"examples": {"a": {"externalValue": "a.png"}}}]
)
def test_an_example_of_a_file_is_any_text_and_an_external_one_is_not_read(media: dict[str, Any]) -> None:
    assert found(document({"schema": FILE, **media}, MULTIPART)) == []
