"""The client expresses every kind of value that is not refused: one document has an operation for each."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from regeneration.__main__ import run

pytestmark = pytest.mark.slow

TREE = {"$ref": "#/components/schemas/Tree"}
LEAF = {"$ref": "#/components/schemas/Leaf"}
FILE = {"type": "string", "format": "binary"}
FORM, FIELDS, OCTETS = "multipart/form-data", "application/x-www-form-urlencoded", "application/octet-stream"


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


SENT: list[tuple[str, dict[str, Any]]] = [
    ("application/json", TREE),
    ("application/json", {"type": "array", "items": TREE}),
    ("application/json", {"type": "string"}),
    ("application/json", {}),
    ("application/json", {"anyOf": [TREE, {"type": "null"}]}),
    ("application/json", {"anyOf": [TREE, LEAF]}),
    ("application/vnd.tree+json", LEAF),
    (
        "application/json",
        of(a={"type": "integer", "enum": [1, 2]}, b={"const": True}, c={"type": "integer", "const": 3}),
    ),
    ("application/json", of(a={"enum": ["", "a b", '"', "\\", "é", "None", "{{ x }}"]}, b={"enum": ["a", None]})),
    ("application/json", {"type": "object", "properties": {"a-b": {"type": "string"}, "1st": {}, "é": {}, 'q"u': {}}}),
    ("application/json", of(a={"type": "number", "multipleOf": 0.5, "minimum": 0.25, "maximum": 2.1})),
    ("application/json", of(a={"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3})),
    (
        "application/json",
        of(a={"type": "integer", "minimum": 1, "exclusiveMinimum": 1}, b={"type": "integer", "maximum": -5}),
    ),
    ("application/json", of(a={"type": "string", "pattern": "^[a-z]+$", "minLength": 3, "maxLength": 5})),
    ("application/json", of(a={"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]})),
    ("application/json", of(a={"allOf": [LEAF, of(more={"type": "integer", "minimum": 2})]})),
    (
        "application/json",
        of(client={}, files={}, self={}, values={}, cls={}, src_dict={}, body={}, timeout={"type": "integer"}),
    ),
    (
        "application/json",
        of(Date={"type": "string", "format": "date"}, datetime={"type": "string", "format": "date-time"}),
    ),
    (FORM, of(f=FILE, fs={"type": "array", "minItems": 1, "items": FILE}, o=of(x={"type": "string", "maxLength": 2}))),
    (
        FORM,
        of(b={"type": "boolean"}, d={"type": "string", "format": "date"}, t={"type": "string", "format": "date-time"}),
    ),
    (FORM, of(l={"type": "array", "items": {"type": "integer"}}, u={"type": "string", "format": "uuid"}, any={})),
    (FORM, of(f={**FILE, "x-image": {"kinds": ["png", "gif"], "square": True, "sides": {"multiple-of": 16}}})),
    (FIELDS, of(b={"type": "boolean"}, l={"type": "array", "items": {"type": "string"}}, o=of(x={"type": "string"}))),
    (OCTETS, FILE),
]
READ: list[tuple[str, dict[str, Any]]] = [
    ("application/json", TREE),
    ("application/json", {}),
    ("application/json", {"type": "null"}),
    ("application/json", {"type": "integer"}),
    ("application/json", {"enum": ["a", "b"]}),
    ("application/json", {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}),
    ("application/json", {"type": "string", "format": "date-time"}),
    ("application/json; charset=utf-8", {"type": "object", "additionalProperties": {"type": "integer"}}),
    ("application/json", {"type": "object", "additionalProperties": TREE}),
    ("application/json", of(a={"const": "x"}, b={"enum": ["a", None]}, c={"type": ["string", "null"]})),
    ("text/csv", {"type": "string"}),
    (OCTETS, FILE),
]


def operation(request: tuple[str, Any] | None, response: tuple[str, Any], **members: Any) -> dict[str, Any]:
    media_type, schema = response
    body = {} if request is None else {"requestBody": {"content": {request[0]: {"schema": request[1]}}, **members}}
    content = {media_type: {"schema": schema}}
    return {"post": {**body, "responses": {"200": {"description": "Done.", "content": content}}}}


def test_every_kind_of_value_is_sent_and_read_as_the_document_says(tmp_path: Path) -> None:
    parameters = [
        {"name": "filter[a]", "in": "query", "schema": of(a={"type": "string", "maxLength": 3}), "required": True},
        {"name": "level", "in": "query", "schema": {"type": "integer", "enum": [1, 2]}},
        {"name": "X-Is-New", "in": "header", "schema": {"type": "boolean"}},
    ]
    path_parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in ("a", "b-c")
    ]
    paths: dict[str, Any] = {
        **{f"/sent/{n}": operation(each, READ[0], required=True) for n, each in enumerate(SENT)},
        **{f"/optional/{n}": operation(SENT[n], READ[0]) for n in (0, 4, 18, 22, 23)},
        **{f"/read/{n}": operation(None, each) for n, each in enumerate(READ)},
        "/v1.0/{a}.{b-c}:run'\"": {"parameters": path_parameters, **operation(None, READ[0])},
        "/other": {
            # The operation `head` overrides both; `get` has them as they are here.
            "parameters": [
                {"name": "level", "in": "query", "schema": {"type": "string", "maxLength": 1}, "required": True},
                {"name": "X-Is-New", "in": "header", "schema": {"type": "integer"}},
            ],
            "head": {"parameters": parameters, "responses": {"2XX": {"description": "x"}, "302": {"description": "x"}}},
            "get": {"responses": {"2XX": {"description": "x"}}},
        },
        "/errors": {
            "delete": {"security": [], "responses": {"404": operation(None, READ[0])["post"]["responses"]["200"]}}
        },
        "/default": {"get": {"responses": {"default": operation(None, READ[9])["post"]["responses"]["200"]}}},
    }
    tree = {
        **of(leaf=LEAF, trees={"type": "array", "items": TREE}, up={"anyOf": [TREE, {"type": "null"}]}),
        "required": ["up"],
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Kinds", "version": "1.0.0"},
        "security": [{"key": []}, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "Bearer"}},
            "schemas": {"Tree": tree, "Leaf": {**of(size={"type": "integer"}), "required": ["size"]}},
        },
    }
    spec = tmp_path / "kinds.yaml"
    spec.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    assert run(spec, tmp_path / "kinds", check=False) == 0
