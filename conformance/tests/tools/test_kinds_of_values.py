"""The client expresses every kind of value that is not refused: one document has an operation for each."""

import importlib
import math
import sys
from pathlib import Path
from typing import Any

import httpx
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
    (FORM, of(**{"größe": {"type": "string"}, 'q"u': {"type": "string"}, "日本": {"type": "integer"}})),
    (
        FORM,
        {
            "allOf": [LEAF, of(f={**FILE, "x-image": {"kinds": ["png", "jpeg"]}}, s={"type": ["string", "null"]})],
        },
    ),
    (
        "application/json",
        of(
            u={"type": ["integer", "boolean"]},
            l={"type": "array", "items": {"type": "number"}},
            m={"type": "object", "additionalProperties": {"type": "string"}},
        ),
    ),
    (
        FORM,
        of(
            fs={
                "type": "array",
                "minItems": 2,
                "items": {**FILE, "x-image": {"kinds": ["png", "webp"], "square": True}},
            }
        ),
    ),
    (
        "application/json",
        of(
            price={"type": "number", "multipleOf": 0.01, "minimum": 0, "maximum": 1},
            share={"type": "number", "multipleOf": 0.1, "minimum": 0.25},
            huge={"type": "number", "maximum": 1e308},
            between={"type": "integer", "minimum": 0.5, "maximum": 3.5},
            words={"type": "string", "pattern": "^[a-z]+ [a-z]+$"},
            accents={"type": "string", "pattern": "^é+$", "minLength": 2},
            token={"type": "string", "pattern": "^[a-z0-9]{300}$"},
            key={"type": "string", "pattern": "^sk-[a-z0-9_-]+$", "minLength": 64},
            points={"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            several={"type": "array", "minItems": 2, "items": {"type": "integer"}},
            stop={"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
            path={"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
            tags={"type": ["array", "null"], "items": {"type": "string"}, "maxItems": 2},
            level={"type": "integer", "enum": [1, 2], "x-open": True},
            even={"type": "integer", "minimum": 2.0, "maximum": 10.0, "multipleOf": 1.0},
        ),
    ),
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
    ("application/json", of(a={"type": "string", "pattern": "^[a-z]{3}$", "minLength": 10})),
    ("application/json", of(a={"type": ["string", "integer", "null"]}, b={"type": ["array", "boolean"], "items": {}})),
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
        {"name": "X-Request", "in": "header", "schema": {"type": "string", "minLength": 2, "maxLength": 5}},
        {"$ref": "#/components/parameters/Order"},
        {"$ref": "#/components/parameters/Range"},
    ]
    components = {
        "Order": {"name": "order", "in": "query", "schema": {"enum": ["up", "down"]}},
        "Range": {"name": "range", "in": "query", "schema": of(low={"type": "integer"}, high={"type": "integer"})},
    }
    path_parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in ("a", "b-c")
    ]
    several = [n for n, (_, schema) in enumerate(SENT) if "allOf" in schema]
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
    for n in several:
        media = paths[f"/sent/{n}"]["post"]["requestBody"]["content"][FORM]
        media["encoding"] = {"f": {"contentType": "image/jpeg, image/png"}}
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
            "parameters": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "Bearer"}},
            "schemas": {"Tree": tree, "Leaf": {**of(size={"type": "integer"}), "required": ["size"]}},
        },
    }
    spec = tmp_path / "kinds.yaml"
    spec.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    assert run(spec, tmp_path / "kinds", check=False) == 0


def generated(tmp_path: Path, name: str, schema: dict[str, Any], **members: Any) -> Any:
    """Return the new client of a document with one operation, `add`, whose form has the schema."""
    post = {**operation((FORM, schema), READ[1], required=True)["post"], "operationId": "add", "tags": ["things"]}
    media = post["requestBody"]["content"][FORM]
    document = {
        "openapi": "3.1.0",
        "info": {"title": "One", "version": "1.0.0"},
        "paths": {"/things": {"post": {**post, **members}}},
        "components": {"schemas": {"Kind": {"enum": ["a", "b"], "default": "b", "description": "The kind."}}},
    }
    media["encoding"] = {
        key: {"contentType": "image/png"} for key, each in schema["properties"].items() if "x-image" in each
    }
    spec = tmp_path / f"{name}.yaml"
    spec.write_text(yaml.safe_dump(document, sort_keys=False))
    assert run(spec, tmp_path / name, check=False) == 0
    sys.path.insert(0, str(tmp_path))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(tmp_path))


def test_values_that_the_document_does_not_allow_are_refused_before_they_are_sent(tmp_path: Path) -> None:
    schema = of(
        style={"type": ["string", "null"]},
        mode={"type": "integer", "enum": [1, 2]},
        names={"type": "array", "items": {"type": "string"}},
        both={"type": "array", "items": {"type": ["integer", "null"]}},
        when={"anyOf": [{"type": "number"}, {"type": "boolean"}]},
    )
    package = generated(tmp_path, "strict_values", schema)
    client = package.Client(base_url="http://127.0.0.1:9")
    wrong: list[tuple[str, Any]] = [
        *(("style", value) for value in (5, True, b"x", ["a"], {"a": 1})),
        *(("mode", value) for value in (True, 2.0, 3)),
        *(("names", value) for value in ("abc", 5, ["a", 5], [None], [True])),
        *(("both", value) for value in (["a"], [1.5], [False])),
        *(("when", value) for value in ("a", math.nan, [1])),
    ]
    for name, value in wrong:
        with pytest.raises(package.errors.InvalidRequestError, match=rf"^{name}\b"):
            client.things.add(**{name: value})
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"up": None}))) as http:
        client = package.Client(base_url="http://127.0.0.1:9", http_client=http)
        client.things.add(style="a", mode=2, names=["a"], both=[1], when=False)


def test_a_field_with_the_name_of_an_argument_of_each_call_has_an_underscore(tmp_path: Path) -> None:
    fields = {"timeout": {"type": "integer"}, "body": {"type": "string"}, "extra_body": {"type": "string"}}
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        return httpx.Response(200, json={"up": None})

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        package = generated(tmp_path, "with_underscores", of(**fields))
        client = package.Client(base_url="http://127.0.0.1:9", http_client=http)
        client.things.add(timeout_=3, body_="b", extra_body_="e", timeout=5.0)
    assert [sent[0].count(b'name="%b"' % name.encode()) for name in fields] == [1, 1, 1]


def test_what_a_property_says_beside_a_reference_is_in_the_docstrings(tmp_path: Path) -> None:
    kind = {"$ref": "#/components/schemas/Kind"}
    schema = of(
        one={**kind, "default": "a"},
        two={**kind, "description": "Own words."},
        three={**kind, "deprecated": True},
        four={"type": "string", "deprecated": True, "description": "Old."},
    )
    package = generated(tmp_path, "with_words", schema, deprecated=True, description="Add it.")
    text = " ".join(package.Client(base_url="http://127.0.0.1:9").things.add.__doc__.split())
    assert "one: The kind. Default: a." in text
    assert "two: Own words." in text
    assert "three: The kind. Default: b. Deprecated." in text
    assert "four: Old. Deprecated." in text
    assert "Add it. Deprecated." in text


def test_an_image_is_sent_as_the_one_of_its_kinds_that_it_is(tmp_path: Path) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        return httpx.Response(200, json={"up": None})

    package = generated(tmp_path, "with_kinds", of(f={**FILE, "x-image": {"kinds": ["png", "jpeg"]}}))
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        client = package.Client(base_url="http://127.0.0.1:9", http_client=http)
        client.things.add(f=b"\xff\xd8\xff\xe0")
        client.things.add(f=b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1")
        client.things.add(f=("a.jpg", b"\xff\xd8\xff\xe0", "image/pjpeg"))
    types = [part.split(b"Content-Type: ")[1].split(b"\r\n")[0] for part in sent]
    assert types == [b"image/jpeg", b"image/png", b"image/pjpeg"]


def test_a_client_of_a_document_without_servers_asks_for_a_base_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = generated(tmp_path, "without_servers", of(a={"type": "string"}))
    with pytest.raises(package.WithoutServersError, match="pass base_url=, or set WITHOUT_SERVERS_BASE_URL"):
        package.Client()
    monkeypatch.setenv("BASE_URL", "http://127.0.0.1:1")
    with pytest.raises(package.WithoutServersError):
        package.Client()
    monkeypatch.setenv("WITHOUT_SERVERS_BASE_URL", "http://127.0.0.1:2")
    assert package.Client().base_url == "http://127.0.0.1:2"
