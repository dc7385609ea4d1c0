"""Derives from a lowered document which files the generated package must have: no more and no less.

One module for each model and enum, one for each operation, one package for each tag, and the fixed ones. The names are
made by the generator's own naming functions; *which* names there have to be is worked out here, from the document, so
that a schema or an operation that the generator loses is missed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openapi_python_client.parser.openapi import generate_operation_id
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import ClassName, PythonIdentifier, pascal_case

from regeneration.document import Document, Schema, dereferenced, operations

TEMPLATES = Path(__file__).parents[1] / "templates"
# What is the same for any document, but for a few names.
RUNTIME_TEMPLATES = sorted((TEMPLATES / "runtime").glob("*.py.jinja"))
STAMP_FILE = "_stamp.py"
_FIXED = frozenset(
    {"__init__.py", "client.py", "errors.py", "py.typed", "types.py", STAMP_FILE}
    | {"api/__init__.py", "models/__init__.py"}
    | {path.name.removesuffix(".jinja") for path in RUNTIME_TEMPLATES}
)
FIELD_PREFIX = "field_"  # the generator's default, put before names that Python cannot take


def expected_files(document: Document) -> frozenset[str]:
    """The files of the package generated from the lowered `document`, relative to it, with `/` between folders."""
    models = {f"models/{PythonIdentifier(name, FIELD_PREFIX)}.py" for name, _ in classes(document)}
    endpoints: set[str] = set()
    for tag, operation_name, _ in named_operations(document):
        endpoints |= {f"api/{tag}/__init__.py", f"api/{tag}/{operation_name}.py"}
    return _FIXED | models | endpoints


def classes(document: Document) -> Iterator[tuple[str, Schema]]:
    """The name of each model and enum that is generated from the lowered `document`, with its schema."""
    yield from _component_classes(document)
    yield from _operation_classes(document)


def named_operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation after the name of its package (its first tag) and its own name."""
    for path, method, operation in operations(document):
        tag = PythonIdentifier((operation.get("tags") or ["default"])[0], "tag")
        if "operationId" in operation:
            name = PythonIdentifier(operation["operationId"], FIELD_PREFIX)
        else:
            name = generate_operation_id(path=UntrustedString(path), method=method, prefix=FIELD_PREFIX)
        shared = document["paths"][path].get("parameters", [])
        yield tag, name, {**operation, "parameters": [*operation.get("parameters", []), *shared]}


def _component_classes(document: Document) -> Iterator[tuple[str, Schema]]:
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        yield from _classes(name, "", schema)


def _operation_classes(document: Document) -> Iterator[tuple[str, Schema]]:
    """The classes of the schemas that stand in the operations themselves."""
    for _, operation_name, operation in named_operations(document):
        for parameter in operation["parameters"]:
            yield from _classes(parameter.get("name", ""), operation_name, parameter.get("schema", {}))
        body = dereferenced(document, operation.get("requestBody", {}))
        for media in body.get("content", {}).values():
            yield from _classes("body", operation_name, media.get("schema", {}))
        for status, response in operation["responses"].items():
            for media in dereferenced(document, response).get("content", {}).values():
                yield from _classes(f"response_{status}", operation_name, media.get("schema", {}))


def _classes(name: str, owner: str, schema: object) -> Iterator[tuple[str, Schema]]:
    """The class made of the schema called `name` within the class or operation `owner`, and those within it."""
    if not isinstance(schema, dict) or "$ref" in schema or _is_alias(schema) or schema.get("type") == "boolean":
        return
    alternatives = _alternatives(schema)
    if "enum" in schema:
        yield from _enum_classes(name, owner, schema)
    elif alternatives:
        for index, alternative in enumerate(alternatives):
            yield from _classes(f"{name}_type_{index}", owner, alternative)
    elif schema.get("type") == "array":
        yield from _classes(f"{name}_item", owner, schema.get("items"))
    elif schema.get("type") == "object" or "allOf" in schema or "properties" in schema:
        yield from _model_classes(_class_name(name, owner), schema)


def _is_alias(schema: Schema) -> bool:
    """Whether the schema is only another name for the one that it refers to."""
    parts = [*schema.get("allOf", []), *schema.get("anyOf", []), *schema.get("oneOf", [])]
    return len(parts) == 1 and "$ref" in parts[0] and "properties" not in schema


def _alternatives(schema: Schema) -> list[Schema]:
    """What the schema is a union of, in the generator's order; nothing where it is none.

    A schema with properties of its own is a model, whatever alternatives stand beside them. The generator drops those
    properties without a word, so that the model must be missed here.
    """
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": each} for each in schema["type"]]
    return [] if "properties" in schema else [*schema.get("anyOf", []), *schema.get("oneOf", [])]


def _model_classes(class_name: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield class_name, schema
    for properties in _property_maps(schema):
        for property_name, inner in properties.items():
            yield from _classes(property_name, class_name, inner)
    yield from _classes("AdditionalProperty", class_name, schema.get("additionalProperties"))


def _property_maps(schema: Schema) -> Iterator[dict[str, Schema]]:
    """The properties of the schema, and those of the nameless schemas that it is all of."""
    yield schema.get("properties", {})
    for part in schema.get("allOf", []):
        yield from _property_maps(part)


def _enum_classes(name: str, owner: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    if None not in schema["enum"]:
        yield _class_name(name, owner), schema
    elif len(schema["enum"]) > 1:  # a union of null and the rest
        yield _class_name(f"{name}_type_1", owner), schema


def _class_name(name: str, owner: str) -> str:
    return ClassName(f"{pascal_case(owner)}{pascal_case(name)}" if owner else name, FIELD_PREFIX)
