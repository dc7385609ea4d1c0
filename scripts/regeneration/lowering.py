"""Rewrite an OpenAPI document so that openapi-python-client 0.29.1 generates the complete client from it.

The contract is written for the conformance suite, and is not loosened where the generator does not support it. Each
rewrite is a pure function from document to document, works on any document, and changes only what its name says.
`lower` applies all of them.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from regeneration.document import Document, Schema, copied, dereferenced, objects, operations, resolve, schemas

_OTHER_DEFAULTS = {"input": "that of the input image", "any": "up to the server"}
_ERROR_CLASSES = {"4": "4XX", "5": "5XX"}
FORM = "multipart/form-data"
OCTETS = "application/octet-stream"
JSON = re.compile(r"application/([^;]*\+)?json *(;.*)?")


def lower(document: Document) -> Document:
    """Return `document` after all rewrites."""
    for rewrite in REWRITES:
        document = rewrite(document)
    return document


def follow_references(document: Document) -> Document:
    """Let a reference to a component that is a reference itself point to where that leads, and drop that component.

    The generator follows a single reference.
    """
    lowered: Document = copied(document)
    for _, node in [*objects(lowered), *schemas(lowered)]:
        while "$ref" in node and _is_reference(target := resolve(lowered, node["$ref"])):
            node |= {**target, **node, "$ref": target["$ref"]}
    components = lowered.get("components", {})
    for kind in components.keys() & {"parameters", "requestBodies", "responses", "schemas"}:
        components[kind] = {name: each for name, each in components[kind].items() if not _is_reference(each)}
    return lowered


def _is_reference(component: dict[str, Any]) -> bool:
    """Return whether a component is a reference that says nothing else but prose."""
    return "$ref" in component and component.keys() <= {"$ref", "description", "summary", "title"}


def copy_parameters(document: Document) -> Document:
    """Write each parameter of the components where it is used.

    The generator would name the class of its schema otherwise than that of a parameter that is written there.
    """
    lowered: Document = copied(document)
    for _, node in objects(lowered):
        if isinstance(node.get("parameters"), list):
            node["parameters"] = [copied(dereferenced(lowered, each)) for each in node["parameters"]]
    lowered.get("components", {}).pop("parameters", None)
    return lowered


def keep_members(document: Document) -> Document:
    """Add an empty part to an `allOf` of one reference with `properties` or `required` beside it.

    The generator would take such a schema for another name of that part, and drop what stands beside it.
    """
    lowered: Document = copied(document)
    for _, schema in schemas(lowered):
        parts = schema.get("allOf", [])
        if len(parts) == 1 and "$ref" in parts[0] and {"properties", "required"} & schema.keys():
            parts.append({"properties": {}})
    return lowered


def drop_required_alternatives(document: Document) -> Document:
    """Drop `oneOf`, `anyOf` and `if` with its branches beside `properties` if they only say what is required.

    The generator treats each `oneOf` or `anyOf` as a union of types: it generates no model with the properties, and
    replaces references to it by `Any`, without a warning. It ignores `if`, `then` and `else`.
    """
    lowered: Document = copied(document)
    for _, schema in schemas(lowered):
        for keyword in ("anyOf", "oneOf"):
            if "properties" in schema and all(map(_only_requires, schema.get(keyword, [None]))):
                del schema[keyword]
        condition = {"if", "then", "else"} & schema.keys()
        if "properties" in schema and all(_only_requires(schema[keyword]) for keyword in condition):
            for keyword in condition:
                del schema[keyword]
    return lowered


def _only_requires(alternative: object) -> bool:
    """Return whether the schema only requires properties. Validators with strict rules want them listed, as `{}`."""
    return isinstance(alternative, dict) and all(
        keyword == "required"
        or (keyword == "not" and _only_requires(value))
        or (keyword == "properties" and not any(value.values()))
        for keyword, value in alternative.items()
    )


def describe_defaults(document: Document) -> Document:
    """Replace the `default` of every schema by a sentence in the description of the schema, or of the parameter.

    For an `x-default` of the contract, the sentence is added.

    The client does not send a field that is not set, so that the server uses its own default.
    """
    lowered: Document = copied(document)
    for _, node in objects(lowered):
        if "in" in node and "default" in node.get("schema", {}):
            _add_sentence(document, node, _default_sentence(node["schema"].pop("default")))
    for _, schema in schemas(lowered):
        if "default" in schema:
            _add_sentence(document, schema, _default_sentence(schema.pop("default")))
        elif "x-default" in schema:
            _add_sentence(document, schema, _default_sentence(_OTHER_DEFAULTS[schema["x-default"]]))
    return lowered


def _default_sentence(default: object) -> str:
    return f"Default: {default if isinstance(default, str) else json.dumps(default)}."


def describe_deprecated(document: Document) -> Document:
    """Say in the description of each schema, parameter and operation with `deprecated: true` that it is deprecated."""
    lowered: Document = copied(document)
    for _, node in [*objects(lowered), *schemas(lowered)]:
        if node.get("deprecated") is True:
            _add_sentence(document, node, "Deprecated.")
            del node["deprecated"]
    return lowered


def _add_sentence(document: Document, node: dict[str, Any], sentence: str) -> None:
    """Add a sentence to the description of a node; to that of what it refers to, if it has none of its own."""
    own = node.get("description") or dereferenced(document, node).get("description", "")
    node["description"] = f"{own} {sentence}".lstrip()


def drop_types_of_constants(document: Document) -> Document:
    """Drop the `type` beside a `const` that is a boolean, of which the generator would allow the other value, too."""
    lowered: Document = copied(document)
    for _, schema in schemas(lowered):
        if isinstance(schema.get("const"), bool):
            schema.pop("type", None)
    return lowered


def drop_titles(document: Document) -> Document:
    """Drop the `title` of every schema.

    The generator would name the class after the title, which is prose, instead of the name of the schema.
    """
    lowered: Document = copied(document)
    for _, schema in schemas(lowered):
        schema.pop("title", None)
    return lowered


def give_first_example(document: Document) -> Document:
    """Replace the `examples` of a schema by `example`, set to the first of them.

    The generator writes only `example` into docstrings. An `example` that the schema already has is kept.
    """
    lowered: Document = copied(document)
    for _, schema in schemas(lowered):
        examples = schema.pop("examples", [])
        if examples:
            schema.setdefault("example", examples[0])
    return lowered


def secure_operations(document: Document) -> Document:
    """Copy the `security` of the document to each operation that has none of its own.

    The generator reads it only on operations, and would otherwise generate calls without an API key.
    """
    lowered: Document = copied(document)
    if "security" in lowered:
        for _, _, operation in operations(lowered):
            operation.setdefault("security", lowered["security"])
    return lowered


def keep_forms(document: Document) -> Document:
    """Drop the other media types of each request body that has `multipart/form-data`.

    The generator would make a union of the bodies. A form can have all fields, files included.
    """
    lowered: Document = copied(document)
    for _, _, operation in operations(lowered):
        content = dereferenced(lowered, operation.get("requestBody", {})).get("content", {})
        for media_type in [each for each in content if FORM in content and each != FORM]:
            del content[media_type]
    return lowered


def keep_json_errors(document: Document) -> Document:
    """Drop the other media types of each error response that has JSON.

    The client raises the same exception for an error in text or HTML, without a decoded body.
    """
    lowered: Document = copied(document)
    for _, _, operation in operations(lowered):
        responses: dict[str, Any] = operation.get("responses", {})
        for status in [status for status in responses if status[0] in _ERROR_CLASSES]:
            response = dereferenced(lowered, responses[status])
            content = response.get("content", {})
            of_json = {name: media for name, media in content.items() if JSON.fullmatch(name)}
            if of_json and of_json != content:
                responses[status] = {**response, "content": of_json}
    return lowered


def merge_error_statuses(document: Document) -> Document:
    """Merge the exact 4xx statuses of an operation into `4XX`, and its 5xx into `5XX`, if their content is the same.

    The generated code decodes only the documented statuses, so it would not decode the error of a gateway's 422 or 502.
    A range covers every status of its class. Statuses with different schemas, or beside a range, stay as they are.
    Headers and examples are dropped.
    """
    lowered: Document = copied(document)
    for _, _, operation in operations(lowered):
        responses: dict[str, Any] = operation.get("responses", {})
        for first_digit, error_range in _ERROR_CLASSES.items():
            statuses = [status for status in responses if status.startswith(first_digit)]
            merged = [dereferenced(lowered, responses[status]) for status in statuses]
            contents = [_content_schemas(response) for response in merged]
            if statuses and error_range not in statuses and contents[0] and contents == contents[:1] * len(contents):
                description = " ".join(
                    f"{status}: {response['description']}" for status, response in zip(statuses, merged, strict=True)
                )
                for status in statuses:
                    del responses[status]
                responses[error_range] = {"description": description, "content": contents[0]}
    return lowered


def _content_schemas(response: dict[str, Any]) -> dict[str, dict[str, Schema]]:
    """Return the content of a response without its examples, which can differ although the schemas are the same."""
    return {
        media_type: {"schema": media["schema"]} if "schema" in media else {}
        for media_type, media in response.get("content", {}).items()
    }


REWRITES: tuple[Callable[[Document], Document], ...] = (
    follow_references,
    copy_parameters,
    keep_members,
    drop_required_alternatives,
    describe_defaults,
    describe_deprecated,
    drop_types_of_constants,
    drop_titles,
    give_first_example,
    secure_operations,
    keep_forms,
    keep_json_errors,
    merge_error_statuses,
)
