"""Find the values in an OpenAPI document that their schemas refuse, and the schemas that no value has."""

from collections.abc import Iterator
from urllib.parse import quote

from jsonschema_rs import Draft202012Validator, Registry

from regeneration.document import Document, Schema, dereferenced, pointer, schemas
from regeneration.problem import Problem

_DOCUMENT = "urn:document"  # the name of the document for a validator
_BOUNDS = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))


def values(document: Document) -> Iterator[Problem]:
    """Yield the values in a schema that the schema itself refuses, those that an enum has twice, and crossed bounds."""
    registry = Registry([(_DOCUMENT, document)])
    for path, schema in schemas(document):
        for lower, upper in _BOUNDS:
            if lower in schema and upper in schema and schema[lower] > schema[upper]:
                message = (
                    f"no value is valid: {lower} {schema[lower]} is more than {upper} {schema[upper]}; correct one"
                )
                yield Problem.at((*path, lower), message)
        listed = [(("enum", index), value) for index, value in enumerate(schema.get("enum", []))]
        given = [((keyword,), schema[keyword]) for keyword in ("const", "default", "example") if keyword in schema]
        examples = [(("examples", index), value) for index, value in enumerate(schema.get("examples", []))]
        if not (listed or given or examples):
            continue
        validator = Draft202012Validator(
            {"$ref": f"{_DOCUMENT}#{quote(pointer(path))}"}, registry=registry, validate_formats=True
        )
        for relative, value in [*given, *listed, *examples]:
            for error in validator.iter_errors(value):
                where = (*path, *relative)
                yield Problem.at(where, f"the schema does not allow this value: {error.message}")
        for index, value in enumerate(schema.get("enum", [])):
            if value in schema["enum"][:index]:
                yield Problem.at((*path, "enum", index), f"the enum has {value!r} twice; remove one")


def endless(document: Document) -> Iterator[Problem]:
    """Yield the schemas that no finite value has, because they require a member of the same schema."""
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        pending, seen = list(_required_members(document, schema)), set[int]()
        while pending:
            inner = pending.pop()
            if inner is schema:
                message = "no value is valid: it requires a member of the same schema; make one of them optional"
                yield Problem.at(("components", "schemas", name), message)
                break
            if id(inner) not in seen:
                seen.add(id(inner))
                pending += _required_members(document, inner)


def _required_members(document: Document, schema: Schema) -> Iterator[Schema]:
    """Yield the schemas of the required properties of an object and of its `allOf`, without those that can be null."""
    parts = [schema, *(dereferenced(document, each) for each in schema.get("allOf", ()))]
    required = {name for part in parts for name in part.get("required", ())}
    for part in parts:
        for name, inner in part.get("properties", {}).items():
            if name in required:
                yield dereferenced(document, inner)
