"""What the client cannot express of a document is refused by name, with the JSON pointer to the place.

Each case changes a small document that is expressed completely, and expects exactly one problem, at one place.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from image_variations_conformance.contract.document import load
from image_variations_conformance.contract.effective import apply
from image_variations_conformance.contract.pointers import escaped
from image_variations_conformance.contract.profile import read as read_profile
from regeneration.document import Document, read
from regeneration.keywords import KEYWORDS
from regeneration.mistakes import lowered_if_right, mistakes
from regeneration.refused import Refused
from regeneration.reserved_names import client_members, model_members

ROOT = Path(__file__).parents[3]
CONTRACTS = Path(__file__).parents[1] / "contracts"
SUPPORTED = [ROOT / "spec" / "openapi.yaml", *(CONTRACTS / f"{name}.yaml" for name in ("museum", "studio", "library"))]

OPERATION = "/paths/~1books/post"
JSON_BODY = f"{OPERATION}/requestBody/content/application~1json"
BOOK = "/components/schemas/Book"
STORED = "/components/schemas/Stored"


def base() -> Document:
    """Return a document with a JSON request, a JSON response, and parameters."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Library", "version": "1.0.0"},
        "security": [{"key": []}],
        "paths": {
            "/books": {
                "post": {
                    "operationId": "addBook",
                    "tags": ["books"],
                    "parameters": [
                        {"name": "order", "in": "query", "schema": {"type": "string"}},
                        {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Book"}}},
                    },
                    "responses": {
                        "200": {
                            "description": "Added.",
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stored"}}},
                        }
                    },
                }
            }
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Book": {"type": "object", "properties": {"title": {"type": "string"}, "pages": {"type": "integer"}}},
                "Stored": {"type": "object", "properties": {"id": {"type": "string"}, "at": {"type": "string"}}},
            },
        },
    }


def put(pointer: str, value: object) -> Callable[[Document], None]:
    """Return the change that puts a value at a pointer, whose parent exists."""

    def change(document: Document) -> None:
        *steps, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        node: Any = document
        for step in steps:
            node = node[int(step) if isinstance(node, list) else step]
        if isinstance(node, list):
            node[int(last)] = value
        else:
            node[last] = value

    return change


def form(media_type: str, schema: dict[str, Any], **encoding: Any) -> Callable[[Document], None]:
    media = {"schema": schema} | ({"encoding": encoding} if encoding else {})
    return put(f"{OPERATION}/requestBody/content", {media_type: media})


def member(name: str, schema: object) -> dict[str, Any]:
    return {"type": "object", "properties": {name: schema}}


def used(schema: object) -> Callable[[Document], None]:
    """Return the change that gives a field a schema, which may refer to schemas with an enum or a bound."""

    def change(document: Document) -> None:
        document["components"]["schemas"] |= {
            "Kind": {"type": "string", "enum": ["a"]},
            "Alias": KIND,
            "Shelf": member("number", {"type": "integer", "maximum": 9}),
            "Union": {"anyOf": [{"type": "integer", "maximum": 9}, {"type": "null"}]},
        }
        put(f"{BOOK}/properties/kind", KIND)(document)  # where it may stand
        put(PROPERTY, schema)(document)

    return change


KIND = {"$ref": "#/components/schemas/Kind"}
OF_KIND = (
    "the client does not check 'enum' here, only of fields, members and parameters "
    "(of /components/schemas/Kind/enum, which is used here)"
)
IN_PATH = {"name": "a", "in": "path", "required": True, "schema": {"type": "string"}}
NOTED = {"204": {"description": "Noted."}}
MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
FORM_AT = f"{OPERATION}/requestBody/content/multipart~1form-data"
URLENCODED_AT = f"{OPERATION}/requestBody/content/application~1x-www-form-urlencoded"
FILE = {"type": "string", "format": "binary"}
SCHEME = "/components/securitySchemes/key"
PROPERTY = f"{BOOK}/properties/title"
MEMBER = f"{STORED}/properties/at"
ORDER = f"{OPERATION}/parameters/0"
HEADER = f"{OPERATION}/parameters/1"
A_TEXT = {"type": "string"}
TEXT = {"text/plain": {"schema": A_TEXT}}
OK = f"{OPERATION}/responses/200/content"
A = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
B = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}

# The name of the case: the change, the pointer to the problem, and a part of the message.
REFUSED: dict[str, tuple[Callable[[Document], None], str, str]] = {
    # security
    "a key in a header": (put(SCHEME, {"type": "apiKey", "in": "header", "name": "X-Key"}), SCHEME, "this is 'apiKey'"),
    "a key in the query": (put(SCHEME, {"type": "apiKey", "in": "query", "name": "key"}), SCHEME, "this is 'apiKey'"),
    "basic": (put(SCHEME, {"type": "http", "scheme": "basic"}), SCHEME, "this is 'http basic'"),
    "oauth2": (put(SCHEME, {"type": "oauth2", "flows": {}}), SCHEME, "this is 'oauth2'"),
    "mutual TLS": (put(SCHEME, {"type": "mutualTLS"}), SCHEME, "this is 'mutualTLS'"),
    "a scheme that does not exist": (
        put("/security", [{"kye": []}]),
        "/security/0/kye",
        "no security scheme 'kye', but key",
    ),
    "two schemes together": (
        lambda document: (
            put("/components/securitySchemes/other", {"type": "http", "scheme": "bearer"})(document),
            put("/security", [{"key": [], "other": []}])(document),
        )[0],
        "/security/0",
        "together",
    ),
    # bodies
    "two media types of a request": (
        put(f"{OPERATION}/requestBody/content/text~1plain", {"schema": {"type": "string"}}),
        f"{OPERATION}/requestBody/content/text~1plain",
        "keep one",
    ),
    "an image as a request": (
        form("image/png", FILE),
        f"{OPERATION}/requestBody/content/image~1png",
        "cannot send image/png",
    ),
    "a body without a schema": (put(JSON_BODY, {}), JSON_BODY, "without a schema"),
    "JSON with other fields beside a form": (
        put(
            f"{OPERATION}/requestBody/content",
            {MULTIPART: {"schema": member("a", {"type": "string"})}, "application/json": {"schema": member("b", {})}},
        ),
        JSON_BODY,
        "only the form is sent",
    ),
    "a form that is a list": (
        form(MULTIPART, {"type": "array", "items": {"type": "string"}}),
        f"{FORM_AT}/schema",
        "must be an object",
    ),
    "a form of alternatives": (form(URLENCODED, {"anyOf": [A, B]}), f"{URLENCODED_AT}/schema", "must be an object"),
    "a list of lists in a form": (
        form(MULTIPART, member("a", {"type": "array", "items": {"type": "array", "items": {}}})),
        f"{FORM_AT}/schema/properties/a/items",
        "a list of lists",
    ),
    "a nested object in a URL-encoded form": (
        form(URLENCODED, member("a", member("b", member("c", {"type": "string"})))),
        f"{URLENCODED_AT}/schema/properties/a/properties/b",
        "only one value",
    ),
    "a file in JSON": (put(PROPERTY, FILE), f"{PROPERTY}/format", "a file can only be"),
    "a file in a URL-encoded form": (
        form(URLENCODED, member("a", FILE)),
        f"{URLENCODED_AT}/schema/properties/a/format",
        "a file can only be",
    ),
    "a file in an object of a form": (
        form(MULTIPART, member("a", member("b", FILE))),
        f"{FORM_AT}/schema/properties/a/properties/b/format",
        "a file can only be",
    ),
    "a file in a response": (put(MEMBER, FILE), f"{MEMBER}/format", "a file can only be"),
    "a file or a list of files": (
        form(MULTIPART, member("a", {"oneOf": [FILE, {"type": "array", "items": FILE}]})),
        f"{FORM_AT}/schema/properties/a/oneOf",
        "a union with a file",
    ),
    "a file or null": (
        form(MULTIPART, member("a", {**FILE, "type": ["string", "null"]})),
        f"{FORM_AT}/schema/properties/a/format",
        "a file can only be",
    ),
    "a file by its media type alone": (
        form(MULTIPART, member("a", {"type": "string", "contentMediaType": "image/png"})),
        f"{FORM_AT}/schema/properties/a/contentMediaType",
        "does not check 'contentMediaType'",
    ),
    "the length of a file": (
        form(MULTIPART, member("a", {**FILE, "maxLength": 9})),
        f"{FORM_AT}/schema/properties/a/maxLength",
        "of the format 'binary'",
    ),
    "rules of an image on a text": (
        put(f"{PROPERTY}/x-image", {"square": True}),
        f"{PROPERTY}/x-image",
        "only a field",
    ),
    "a part of any image type": (
        form(MULTIPART, member("a", FILE), a={"contentType": "image/*"}),
        f"{FORM_AT}/encoding/a/contentType",
        "image/*",
    ),
    "a part of no media type": (
        form(MULTIPART, member("a", FILE), a={"contentType": "png"}),
        f"{FORM_AT}/encoding/a/contentType",
        "png is no media type that can be sent",
    ),
    "a line end in the media type of a part": (
        form(MULTIPART, member("a", FILE), a={"contentType": "image/png\r\nX: y"}),
        f"{FORM_AT}/encoding/a/contentType",
        "is no media type that can be sent",
    ),
    "a media type of a text part": (
        form(MULTIPART, member("a", {"type": "string"}), a={"contentType": "text/csv"}),
        f"{FORM_AT}/encoding/a/contentType",
        "only a file",
    ),
    "an encoding of nothing": (
        form(MULTIPART, member("a", FILE), b={"contentType": "image/png"}),
        f"{FORM_AT}/encoding/b",
        "no property 'b'",
    ),
    "a style of a part": (
        form(URLENCODED, member("a", {"type": "array", "items": {"type": "string"}}), a={"style": "pipeDelimited"}),
        f"{URLENCODED_AT}/encoding/a/style",
        "would be dropped",
    ),
    # parameters
    "a cookie": (put(f"{ORDER}/in", "cookie"), f"{ORDER}/in", "no cookies"),
    "a header that OpenAPI ignores": (
        put(f"{HEADER}/name", "Accept"),
        f"{HEADER}/name",
        "ignores",
    ),
    "a parameter with a media type": (
        put(ORDER, {"name": "order", "in": "query", "content": {"application/json": {"schema": {}}}}),
        f"{ORDER}/content",
        "write a schema",
    ),
    "a style of a query": (put(f"{ORDER}/style", "spaceDelimited"), f"{ORDER}/style", "in the style 'form'"),
    "a list in one parameter": (
        put(
            ORDER,
            {"name": "o", "in": "query", "explode": False, "schema": {"type": "array", "items": {"type": "string"}}},
        ),
        f"{ORDER}/explode",
        "remove explode",
    ),
    "reserved characters in a query": (
        put(f"{ORDER}/allowReserved", True),
        f"{ORDER}/allowReserved",
        "would be dropped",
    ),
    "a list in a header": (
        put(f"{HEADER}/schema", {"type": "array", "items": {"type": "string"}}),
        f"{HEADER}/schema",
        "only one value",
    ),
    "an object of objects in a query": (
        put(f"{ORDER}/schema", member("a", member("b", {"type": "string"}))),
        f"{ORDER}/schema/properties/a",
        "only one value",
    ),
    "a parameter of the same name": (
        put(HEADER, {"name": "order", "in": "header", "schema": {"type": "string"}}),
        f"{HEADER}/name",
        "as that of 'order'",
    ),
    "an argument that each call has": (put(f"{ORDER}/name", "timeout"), f"{ORDER}/name", "an argument timeout already"),
    "an argument of generated functions": (
        put(f"{ORDER}/name", "options"),
        f"{ORDER}/name",
        "an argument options already",
    ),
    "an argument that the generator renames": (put(f"{ORDER}/name", "url"), f"{ORDER}/name", "an argument url already"),
    "a header of the client": (put(f"{HEADER}/name", "User-Agent"), f"{HEADER}/name", "the client sets the header"),
    "a header that is none": (put(f"{HEADER}/name", "X Y"), f"{HEADER}/name", "cannot be the name of a header"),
    "a date in a header": (
        put(f"{HEADER}/schema/format", "date"),
        f"{HEADER}/schema",
        "no header of a date",
    ),
    "a required parameter that can be null": (
        put(ORDER, {"name": "q", "in": "query", "required": True, "schema": {"anyOf": [A_TEXT, {"type": "null"}]}}),
        f"{ORDER}/schema",
        "null cannot be sent here",
    ),
    "a required field that can be null": (
        form(MULTIPART, {"required": ["a"], **member("a", {"type": ["string", "null"]})}),
        f"{FORM_AT}/schema/properties/a",
        "null cannot be sent in a form",
    ),
    "a body without media types": (
        put(f"{OPERATION}/requestBody/content", {}),
        f"{OPERATION}/requestBody/content",
        "cannot be sent; write one",
    ),
    # responses
    "a body of a response to HEAD": (
        put("/paths/~1more", {"head": {"responses": {"200": {"description": "Made.", "content": TEXT}}}}),
        "/paths/~1more/head/responses/200/content",
        "a response to HEAD has no body",
    ),
    "a body of a response without one": (
        put(f"{OPERATION}/responses/204", {"description": "Made.", "content": TEXT}),
        f"{OPERATION}/responses/204/content",
        "of the status 204 has no body",
    ),
    "a number in a text": (
        put(OK, {"text/plain": {"schema": {"type": "integer"}}}),
        f"{OK}/text~1plain/schema",
        "is read as a text",
    ),
    "an object in bytes": (
        put(OK, {"application/octet-stream": {"schema": {"type": "object"}}}),
        f"{OK}/application~1octet-stream/schema",
        "is read as bytes",
    ),
    "a text in another charset": (
        put(OK, {"text/plain; charset=iso-8859-1": {"schema": A_TEXT}}),
        f"{OK}/text~1plain; charset=iso-8859-1",
        "read as UTF-8",
    ),
    "a second media type of a response": (
        put(f"{OK}/image~1png", {}),
        f"{OK}/image~1png",
        "application/json is it",
    ),
    "an image as a response": (put(OK, {"image/png": {"schema": {}}}), f"{OK}/image~1png", "cannot read image/png"),
    "a stream of events": (put(OK, {"text/event-stream": {}}), f"{OK}/text~1event-stream", "no events"),
    "two kinds of JSON of an error": (
        put(
            f"{OPERATION}/responses/400",
            {
                "description": "No.",
                "content": {"application/json": {"schema": {}}, "application/problem+json": {"schema": {}}},
            },
        ),
        f"{OPERATION}/responses/4XX/content/application~1problem+json",
        "one media type",
    ),
    "a branch that is never read": (put(MEMBER, {"anyOf": [A, B]}), f"{MEMBER}/anyOf/1", "read as branch 0"),
    "a date behind a text": (
        put(MEMBER, {"oneOf": [{"type": "string"}, {"type": "string", "format": "date"}]}),
        f"{MEMBER}/oneOf/1",
        "read as branch 0",
    ),
    "a discriminator": (
        put(MEMBER, {"oneOf": [B, A], "discriminator": {"propertyName": "a"}}),
        f"{MEMBER}/discriminator",
        "would be dropped",
    ),
    "members by a pattern": (put(f"{STORED}/patternProperties", {"^x": {}}), f"{STORED}/patternProperties", "dropped"),
    "a writeOnly member of a response": (
        put(f"{MEMBER}/writeOnly", True),
        f"{MEMBER}/writeOnly",
        "stands in a response",
    ),
    # schemas of requests
    "a pattern that Python reads otherwise": (
        put(f"{PROPERTY}/pattern", r"^\p{L}+$"),
        f"{PROPERTY}/pattern",
        "not mean the same",
    ),
    "a pattern of fewer characters than the length": (
        put(PROPERTY, {"type": "string", "pattern": "^[a-z]{3}$", "minLength": 10}),
        f"{PROPERTY}/pattern",
        "no text is found that matches ^[a-z]{3}$",
    ),
    "a format": (put(f"{PROPERTY}/format", "email"), f"{PROPERTY}/format", "the format 'email'"),
    "a range by a format": (
        put(f"{BOOK}/properties/pages/format", "int32"),
        f"{BOOK}/properties/pages/format",
        "minimum",
    ),
    "a readOnly member of a request": (
        put(f"{PROPERTY}/readOnly", True),
        f"{PROPERTY}/readOnly",
        "stands in a request",
    ),
    "a number of members": (put(f"{BOOK}/minProperties", 1), f"{BOOK}/minProperties", "does not check"),
    "not": (put(f"{PROPERTY}/not", {"const": "a"}), f"{PROPERTY}/not", "does not check"),
    "different items": (
        put(PROPERTY, {"type": "array", "items": {}, "uniqueItems": True}),
        f"{PROPERTY}/uniqueItems",
        "does not check",
    ),
    "a bound of the items of a list": (
        put(PROPERTY, {"type": "array", "items": {"type": "integer", "maximum": 3}}),
        f"{PROPERTY}/items/maximum",
        "does not check 'maximum' here",
    ),
    "an enum of other members": (
        put(f"{BOOK}/additionalProperties", {"enum": ["a"]}),
        f"{BOOK}/additionalProperties/enum",
        "'enum' here",
    ),
    "a bound in a list of lists of objects": (
        put(
            PROPERTY,
            {"type": "array", "items": {"type": "array", "items": member("a", {"type": "integer", "minimum": 1})}},
        ),
        f"{PROPERTY}/items/items/properties/a/minimum",
        "'minimum' here",
    ),
    "a bound of a number or null": (
        put(PROPERTY, {"type": ["integer", "null"], "minimum": 1}),
        f"{PROPERTY}/minimum",
        "of several types",
    ),
    "a bound in an alternative": (
        put(PROPERTY, {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}),
        f"{PROPERTY}/anyOf/0/minimum",
        "'minimum' here",
    ),
    "an enum behind allOf": (used({"allOf": [KIND]}), f"{PROPERTY}/allOf/0/$ref", OF_KIND),
    "an enum in an alternative": (
        used({"anyOf": [KIND, {"type": "null"}]}),
        f"{PROPERTY}/anyOf/0/$ref",
        OF_KIND,
    ),
    "an enum of the items of a list": (used({"type": "array", "items": KIND}), f"{PROPERTY}/items/$ref", OF_KIND),
    "an enum behind two references": (
        used({"type": "array", "items": {"$ref": "#/components/schemas/Alias"}}),
        f"{PROPERTY}/items/$ref",
        OF_KIND,
    ),
    "a bound of a member of other members": (
        used({"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Shelf"}}),
        f"{PROPERTY}/additionalProperties/$ref",
        "(of /components/schemas/Shelf/properties/number/maximum, which is used here)",
    ),
    "a bound in a union that is used as a field": (
        used({"$ref": "#/components/schemas/Union"}),
        "/components/schemas/Union/anyOf/0/maximum",
        "does not check 'maximum' here, only of fields, members and parameters",
    ),
    "a list that is used in a header": (
        lambda document: (
            put("/components/schemas/List", {"type": "array", "items": {"type": "string"}})(document),
            put(f"{HEADER}/schema", {"$ref": "#/components/schemas/List"})(document),
        )[0],
        f"{HEADER}/schema/$ref",
        "only one value (of /components/schemas/List, which is used here)",
    ),
    "a date in a list": (
        put(PROPERTY, {"type": "array", "items": {"type": "string", "format": "date"}}),
        f"{PROPERTY}/items/format",
        "the format 'date' here",
    ),
    "a bound of a body that is no object": (
        put(f"{JSON_BODY}/schema", {"type": "string", "maxLength": 3}),
        f"{JSON_BODY}/schema/maxLength",
        "here",
    ),
    # schemas
    "a keyword beside a reference": (
        put(PROPERTY, {"$ref": "#/components/schemas/Stored", "minProperties": 1}),
        f"{PROPERTY}/minProperties",
        "$ref",
    ),
    "a reference into a schema": (
        put(MEMBER, {"$ref": "#/components/schemas/Book/properties/title"}),
        f"{MEMBER}/$ref",
        "only follows references",
    ),
    "a keyword of another type": (put(f"{PROPERTY}/maximum", 3), f"{PROPERTY}/maximum", "integer or number"),
    "a keyword without a type": (put(MEMBER, {"maxLength": 3}), f"{MEMBER}/maxLength", "type string"),
    "a type beside alternatives": (
        put(MEMBER, {"type": "object", "anyOf": [A, {"type": "null"}]}),
        f"{MEMBER}/type",
        "beside 'anyOf'",
    ),
    "members beside alternatives": (
        put(MEMBER, {**A, "oneOf": [{"minProperties": 1}]}),
        f"{MEMBER}/properties",
        "beside 'oneOf'",
    ),
    "a part of allOf that is a text": (
        put(MEMBER, {"allOf": [A, {"type": "string"}]}),
        f"{MEMBER}/allOf/1",
        "must be an object",
    ),
    "a path with a query": (put("/paths/~1more?a=b", {"get": {"responses": NOTED}}), "/paths/~1more?a=b", "no query"),
    "a path of two dots": (
        put("/paths/~1..~1more", {"get": {"responses": NOTED}}),
        "/paths/~1..~1more",
        "as another one",
    ),
    "a brace alone": (put("/paths/~1{more", {"get": {"responses": NOTED}}), "/paths/~1{more", "has no other"),
    "a parameter twice in a path": (
        put("/paths/~1{a}~1{a}", {"get": {"parameters": [IN_PATH], "responses": NOTED}}),
        "/paths/~1{a}~1{a}",
        "'a' twice",
    ),
    "a parameter twice": (
        put(f"{OPERATION}/parameters", [{"name": "a", "in": "query", "schema": {"type": "string"}}] * 2),
        HEADER,
        "there twice",
    ),
    "a property in two parts": (
        put(MEMBER, {"allOf": [A, member("a", {"type": "integer"})]}),
        f"{MEMBER}/allOf/1",
        "in two parts",
    ),
    "a property in a part of a part": (
        put(MEMBER, {"allOf": [{"allOf": [A, member("b", {"type": "string"})]}, member("a", {"type": "integer"})]}),
        f"{MEMBER}/allOf/1",
        "the property 'a' is in two parts",
    ),
    "an array without items": (put(MEMBER, {"type": "array"}), MEMBER, "needs the items"),
    "an enum of several types": (put(MEMBER, {"enum": ["a", 1]}), f"{MEMBER}/enum", "all be integers"),
    "a nullable enum with a type": (
        put(MEMBER, {"type": ["string", "null"], "enum": ["a", None]}),
        f"{MEMBER}/type",
        "leave out the type",
    ),
    "a schema that requires itself": (
        put(
            f"{BOOK}", {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/components/schemas/Book"}}}
        ),
        BOOK,
        "no value is valid",
    ),
    "a schema that is a reference to itself": (
        lambda document: (
            put("/components/schemas/Loop", {"$ref": "#/components/schemas/Loop"})(document),
            put(PROPERTY, {"$ref": "#/components/schemas/Loop"})(document),
        )[0],
        "/components/schemas/Loop/$ref",
        "a schema that refers only to itself says nothing",
    ),
    "a schema that is a part of itself": (
        put("/components/schemas/Loop", {"allOf": [{"$ref": "#/components/schemas/Loop"}]}),
        "/components/schemas/Loop/allOf/0/$ref",
        "a schema that refers to itself as a part or an alternative has no end",
    ),
    "a schema that is an alternative of itself": (
        put("/components/schemas/Loop", {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/Loop"}]}),
        "/components/schemas/Loop/anyOf/1/$ref",
        "a schema that refers to itself as a part or an alternative has no end",
    ),
    "a response that is a reference to itself": (
        put("/components/responses", {"Loop": {"$ref": "#/components/responses/Loop"}}),
        "/components/responses/Loop/$ref",
        "an object that refers only to itself",
    ),
    "a reference to a text": (
        put(MEMBER, {"$ref": "#/info/title"}),
        f"{MEMBER}/$ref",
        "'#/info/title' does not point to a schema",
    ),
    "an enum of numbers": (put(MEMBER, {"type": "number", "enum": [0.5]}), f"{MEMBER}/enum", "all be integers"),
    "an enum of null alone": (put(MEMBER, {"enum": [None]}), f"{MEMBER}/enum", 'write type: "null"'),
    "an object in a list of types": (put(MEMBER, {"type": ["object"]}), f"{MEMBER}/type", "write type: object"),
    "an object or null": (
        put(MEMBER, {"type": ["object", "null"], "properties": {"a": {"type": "string"}}}),
        f"{MEMBER}/type",
        "or anyOf with it as a branch",
    ),
    "a const that is null": (put(MEMBER, {"const": None}), f"{MEMBER}/const", "a const must be"),
    "a boolean schema": (put(MEMBER, True), MEMBER, "write a type"),
    # the document
    "a webhook": (
        put("/webhooks", {"added": {"post": {"responses": NOTED}}}),
        "/webhooks",
        "receives no requests",
    ),
    "a callback": (put(f"{OPERATION}/callbacks", {"a": {}}), f"{OPERATION}/callbacks", "would be dropped"),
    "another server of an operation": (put(f"{OPERATION}/servers", [{"url": "/"}]), f"{OPERATION}/servers", "dropped"),
    "links of a response": (
        put(f"{OPERATION}/responses/200/links", {"next": {"operationId": "addBook"}}),
        f"{OPERATION}/responses/200/links",
        "would be dropped",
    ),
    "a tag that is misspelt": (put("/tags", [{"name": "book"}]), f"{OPERATION}/tags/0", "'books', but 'book'"),
    "a text that is open": (put(f"{PROPERTY}/x-open", True), f"{PROPERTY}/x-open", "only an enum"),
    "an open reference": (
        put(PROPERTY, {"$ref": "#/components/schemas/Stored", "x-open": True}),
        f"{PROPERTY}/x-open",
        "beside $ref",
    ),
    "a relative URL": (put("/servers", [{"url": "/v1"}]), "/servers/0/url", "an absolute URL"),
    # names
    "a URL with a query": (put("/servers", [{"url": "https://a.example?b=c"}]), "/servers/0/url", "without query"),
    "a URL with a quotation mark": (put("/servers", [{"url": 'https://a.example/"'}]), "/servers/0/url", "and quotes"),
    "a variable that is not described": (
        put("/servers", [{"url": "https://{a}.example"}]),
        "/servers/0/url",
        "the variable 'a' is not described",
    ),
    "a default that is not in the enum of a variable": (
        put("/servers", [{"url": "https://{a}.example", "variables": {"a": {"default": "b", "enum": ["c"]}}}]),
        "/servers/0/variables/a/default",
        "is not in the enum",
    ),
    "a version with a quotation mark": (put("/info/version", '1"; import os'), "/info/version", "without quotes"),
    "a version with a letter that is not ASCII": (put("/info/version", "1.0 ü"), "/info/version", "in ASCII"),
    "no operation": (put("/paths", {}), "/paths", "needs an operation"),
    "a class of the client for a tag": (
        put(f"{OPERATION}/tags/0", "client"),
        f"{OPERATION}/tags/0",
        "would be AsyncClient, which the client has already",
    ),
    "a long tag": (put(f"{OPERATION}/tags/0", "a" * 300), f"{OPERATION}/tags/0", "300 letters; shorten it"),
    "a long operationId": (put(f"{OPERATION}/operationId", "a" * 300), f"{OPERATION}/operationId", "shorten it"),
    "a long name of a schema": (
        put(f"/components/schemas/{'A' * 300}", member("a", {"type": "string"})),
        f"/components/schemas/{'A' * 300}",
        "300 letters; shorten it",
    ),
    "an operationId without letters": (
        put(f"{OPERATION}/operationId", "…"),
        f"{OPERATION}/operationId",
        "write letters",
    ),
    "a line end in the name of a member": (
        put(f"{STORED}/properties/a\nb", {"type": "string"}),
        f"{STORED}/properties/a\nb",
        "a control character",
    ),
    "a line end in the name of a parameter": (put(f"{ORDER}/name", "a\nb"), f"{ORDER}/name", "a control character"),
    "a tag of a client": (put(f"{OPERATION}/tags/0", "close"), f"{OPERATION}/tags/0", "a client has close already"),
    "a class of the client": (
        put("/components/schemas/Response", {"type": "object"}),
        "/components/schemas/Response",
        "would be Response",
    ),
    "an error of the client": (
        put("/components/schemas/APIError", {"type": "object"}),
        "/components/schemas/APIError",
        "would be APIError",
    ),
    "a class of a tag": (
        put("/components/schemas/Books", {"type": "object"}),
        "/components/schemas/Books",
        "would be Books",
    ),
    "two schemas of one class": (
        put("/components/schemas/book", {"type": "object"}),
        "/components/schemas/book",
        f"as that of {BOOK}",
    ),
    "two members of one attribute": (
        put(f"{BOOK}/properties/Title", {"type": "string"}),
        f"{BOOK}/properties/Title",
        "'title'",
    ),
    "two operations of one function": (
        put(
            "/paths/~1more",
            {"get": {"operationId": "add_book", "tags": ["books"], "responses": NOTED}},
        ),
        "/paths/~1more/get/operationId",
        f"as that of {OPERATION}",
    ),
}


def found(document: Document) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.message) for problem in mistakes(document)]


def test_an_operation_of_openai_beside_ours_is_refused_by_name_with_its_lines() -> None:
    edits = CONTRACTS / "edits.yaml"
    with pytest.raises(Refused) as refused:
        lowered_if_right(read(edits), edits)
    lines = edits.read_text().splitlines()
    form, post = "/components/schemas/EditForm/properties", "/paths/~1images~1edits/post"
    named = {
        f"{post}/requestBody/content/application~1json: only the form is sent": "          application/json:",
        f"{post}/responses/200/content/text~1event-stream: a response has": "            text/event-stream:",
        f"{form}/image/anyOf: a union with a file cannot be sent right": "          anyOf:",
        f"{form}/n/minimum: the client does not check 'minimum' of a value of several types": lines[62],
        f"{form}/model/anyOf/1/enum: the client does not check 'enum' here": lines[66],
        "/components/schemas/EditEvent/discriminator: 'discriminator' would be dropped": "      discriminator:",
    }
    for message, line in named.items():
        found = re.search(
            rf"^  conformance/tests/contracts/edits\.yaml:(\d+): {re.escape(message)}", str(refused.value), re.MULTILINE
        )
        assert found is not None, message
        assert lines[int(found[1]) - 1] == line
    assert "createImageVariation" not in str(refused.value)


def test_each_of_two_schemas_that_only_refer_to_each_other_is_named() -> None:
    document = base()
    document["components"]["schemas"] |= {
        "First": {"$ref": "#/components/schemas/Second"},
        "Second": {"$ref": "#/components/schemas/First"},
    }
    put(PROPERTY, {"$ref": "#/components/schemas/First"})(document)
    places = ["/components/schemas/First/$ref", "/components/schemas/Second/$ref"]
    assert [where for where, _ in found(document)] == places


def test_a_schema_with_a_member_of_its_own_kind_is_accepted() -> None:
    document = base()
    put(PROPERTY, {"$ref": "#/components/schemas/Book"})(document)
    put(MEMBER, {"type": "array", "items": {"$ref": "#/components/schemas/Stored"}})(document)
    assert found(document) == []


def test_a_parameter_that_overrides_one_of_its_path_is_accepted_and_another_of_its_argument_is_not() -> None:
    document = base()
    shared = {"name": "X-Trace", "in": "header", "schema": {"type": "array", "items": {}}}
    document["paths"]["/books"]["parameters"] = [shared]
    assert found(document) == []
    shared["in"] = "query"
    [(where, message)] = found(document)
    assert (where, "as that of 'X-Trace'" in message) == ("/paths/~1books/parameters/0/name", True)


def test_an_error_to_head_may_be_that_of_other_methods() -> None:
    document = base()
    responses = {"200": {"description": "Is there."}, "404": {"description": "Is not.", "content": TEXT}}
    document["paths"]["/books"]["head"] = {"responses": responses}
    assert found(document) == []


def test_the_base_of_the_cases_has_no_problems() -> None:
    assert found(base()) == []


@pytest.mark.parametrize("path", SUPPORTED, ids=lambda path: path.stem)
def test_a_document_that_the_client_expresses_is_accepted(path: Path) -> None:
    assert found(read(path)) == []


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "spec" / "profiles").glob("*.toml")))
def test_the_contract_of_every_profile_is_accepted(name: str) -> None:
    document = dict(apply(load(), read_profile(name)).document)
    assert mistakes(document, is_as_written=False) == []


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_client_cannot_express_is_refused_at_its_place(case: str) -> None:
    change, pointer, message = REFUSED[case]
    document = base()
    change(document)
    before = deepcopy(document)
    assert [where for where, _ in found(document)] == [pointer], found(document)
    assert message in found(document)[0][1]
    assert document == before


@pytest.mark.parametrize("name", sorted(name for name in model_members() if not name.startswith("_")))
def test_a_property_cannot_have_the_name_of_a_member_of_models(name: str) -> None:
    document = base()
    put(f"{STORED}/properties/{name}", {"type": "string"})(document)
    renamed = name == "frozenset"  # the generator renames built-in names itself
    assert [where for where, _ in found(document)] == ([] if renamed else [f"{STORED}/properties/{name}"])


def test_the_reserved_names_are_read_from_the_templates() -> None:
    assert {"parts", "check", "read", "aread", "save", "asave", "bind", "to_dict", "from_dict"} <= model_members()
    assert {"close", "download", "with_options", "base_url"} <= client_members()


# Every keyword is decided: of a request, it is expressed or a note; any other is refused, wherever it stands.
VALUES: dict[str, Any] = {
    "type": "string",
    "const": "a",
    "enum": ["a"],
    "minLength": 1,
    "maxLength": 1,
    "format": "uuid",
    "pattern": "^a",
    "title": "A",
    "description": "A.",
    "default": "a",
    "examples": ["a"],
    "example": "a",
    "deprecated": True,
    "readOnly": False,
    "writeOnly": True,
    "$comment": "A.",
    "externalDocs": {"url": "https://a.example"},
    "xml": {"name": "a"},
}
OF_NUMBERS = {"minimum": 1, "maximum": 9, "exclusiveMinimum": 0, "exclusiveMaximum": 9, "multipleOf": 1}
OF_LISTS = {"minItems": 1, "maxItems": 2, "items": {"type": "string"}}
OF_OBJECTS = {"properties": {}, "required": [], "additionalProperties": False, "allOf": [A]}
OTHERS = {
    "$ref": {"$ref": "#/components/schemas/Stored"},
    "anyOf": {"anyOf": [A, {"type": "null"}]},
    "oneOf": {"oneOf": [A, {"type": "null"}]},
}
DROPPED = {
    "$anchor": "a",
    "$defs": {},
    "$dynamicAnchor": "a",
    "$dynamicRef": "#a",
    "$id": "https://a.example",
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$vocabulary": {},
    "contains": {},
    "contentEncoding": "base64",
    "contentMediaType": "text/csv",
    "contentSchema": {},
    "dependentRequired": {},
    "dependentSchemas": {},
    "discriminator": {"propertyName": "a"},
    "else": {},
    "if": {},
    "maxContains": 1,
    "maxProperties": 1,
    "minContains": 1,
    "minProperties": 1,
    "not": {},
    "patternProperties": {},
    "prefixItems": [{}],
    "propertyNames": {},
    "then": {},
    "unevaluatedItems": {},
    "unevaluatedProperties": {},
    "uniqueItems": True,
}


def test_every_keyword_of_json_schema_and_openapi_is_decided() -> None:
    decided = [*VALUES, *OF_NUMBERS, *OF_LISTS, *OF_OBJECTS, *OTHERS, *DROPPED]
    assert sorted(decided) == sorted(KEYWORDS)


@pytest.mark.parametrize(
    "schema",
    [
        *({"type": "string", keyword: value} for keyword, value in VALUES.items()),
        *({"type": "integer", keyword: value} for keyword, value in OF_NUMBERS.items()),
        *({"type": "array", "items": {}, keyword: value} for keyword, value in OF_LISTS.items()),
        *({"type": "object", keyword: value} for keyword, value in OF_OBJECTS.items()),
        *OTHERS.values(),
    ],
    ids=" ".join,
)
def test_a_keyword_that_is_expressed_is_accepted_in_a_request(schema: dict[str, Any]) -> None:
    document = base()
    put(PROPERTY, schema)(document)
    assert found(document) == []


@pytest.mark.parametrize("keyword", DROPPED)
def test_a_keyword_that_is_not_checked_is_refused_in_a_request(keyword: str) -> None:
    document = base()
    put(f"{PROPERTY}/{escaped(keyword)}", DROPPED[keyword])(document)
    assert f"{PROPERTY}/{keyword}" in [where for where, _ in found(document)]
