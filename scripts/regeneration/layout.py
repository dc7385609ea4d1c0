"""Derive the exact set of files of the generated package from a lowered document.

There is one module per model, enum and operation, one package per tag, and a fixed set of files. The names come from
the generator's naming functions, but the set is derived here from the document, so that a schema or operation that the
generator drops is detected.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from regeneration.document import Document, Schema, dereferenced, operations, parameters
from regeneration.generator import class_name, function_name, python_name, tag_name

TEMPLATES = Path(__file__).parents[1] / "templates"
RUNTIME = TEMPLATES / "runtime"  # the modules that are the same for every document
STAMP_FILE = "_stamp.py"
_FIXED = frozenset(
    {"LICENSE", "__init__.py", "api/__init__.py", "client.py", "models/__init__.py", "py.typed", STAMP_FILE}
    | {path.name for path in RUNTIME.glob("*.py")}
)


def expected_files(document: Document) -> frozenset[str]:
    """Return the POSIX paths of the files generated from the lowered `document`, relative to the package."""
    models = {f"models/{python_name(name)}.py" for name, _ in classes(document)}
    endpoints: set[str] = set()
    for tag, operation_name, _ in named_operations(document):
        endpoints |= {f"api/{tag}/__init__.py", f"api/{tag}/{operation_name}.py"}
    return _FIXED | models | endpoints


def classes(document: Document) -> Iterator[tuple[str, Schema]]:
    """Yield the class name and the schema of each model and enum generated from the lowered `document`."""
    yield from _component_classes(document)
    yield from _operation_classes(document)


def named_operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the package name (of the first tag), the function name and the operation object of each operation.

    The `parameters` of the operation object include those of its path that it does not override.
    """
    for path, method, operation in operations(document):
        tag = tag_name((operation.get("tags") or ["default"])[0])
        given = operation.get("operationId")
        name = function_name(path, method) if given is None else python_name(given)
        yield tag, name, {**operation, "parameters": [each for _, each in parameters(document, path, method)]}


def _component_classes(document: Document) -> Iterator[tuple[str, Schema]]:
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        yield from _classes(name, "", schema)


def _operation_classes(document: Document) -> Iterator[tuple[str, Schema]]:
    """Yield the classes of the inline schemas of operations."""
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
    """Yield the classes of the schema `name` in the class or operation `owner`, and of the schemas within it."""
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
        yield from _model_classes(class_name(name, owner), schema)


def _is_alias(schema: Schema) -> bool:
    """Return whether the schema is only another name for the schema that it refers to."""
    parts = [*schema.get("allOf", []), *schema.get("anyOf", []), *schema.get("oneOf", [])]
    return len(parts) == 1 and "$ref" in parts[0] and "properties" not in schema


def _alternatives(schema: Schema) -> list[Schema]:
    """Return the alternatives of a union, in the generator's order, or an empty list if the schema is not a union.

    A schema with `properties` counts as a model even if it has alternatives too. The generator silently drops such
    a model, and the missing file is then detected.
    """
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": each} for each in schema["type"]]
    return [] if "properties" in schema else [*schema.get("anyOf", []), *schema.get("oneOf", [])]


def _model_classes(name: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield name, schema
    for properties in _property_maps(schema):
        for property_name, inner in properties.items():
            yield from _classes(property_name, name, inner)
    yield from _classes("AdditionalProperty", name, schema.get("additionalProperties"))


def _property_maps(schema: Schema) -> Iterator[dict[str, Schema]]:
    """Yield the `properties` of the schema, and those of the inline schemas in its `allOf`."""
    yield schema.get("properties", {})
    for part in schema.get("allOf", []):
        yield from _property_maps(part)


def _enum_classes(name: str, owner: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    if None not in schema["enum"]:
        yield class_name(name, owner), schema
    elif len(schema["enum"]) > 1:  # a union of null and the rest
        yield class_name(f"{name}_type_1", owner), schema
