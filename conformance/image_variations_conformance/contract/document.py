"""The contract: the OpenAPI document and the register of requirements, parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from attrs import evolve, field, frozen

from .fields import Schema
from .requirements import Requirement, generate_requirements, read_register

PATH = "/images/variations"
OPERATION_POINTER = "/paths/~1images~1variations/post"


@frozen
class SchemaError:
    """One way in which a value violates a schema: the path in the value, the violated keyword, and a message."""

    path: tuple[str | int, ...]
    keyword: str
    message: str


@frozen(eq=False)
class Contract:
    """The contract. `document` is the OpenAPI document, `sha256` the digest of its bytes, `requirements` are by id."""

    document: Mapping[str, Any] = field(repr=False)
    requirements: Mapping[str, Requirement] = field(repr=False)
    sha256: str
    _validators: dict[str, jsonschema_rs.Draft202012Validator] = field(factory=dict, repr=False)

    @property
    def version(self) -> str:
        """The version of the contract."""
        return str(self.document["info"]["version"])

    @property
    def operation(self) -> Mapping[str, Any]:
        """The operation object of POST /images/variations."""
        operation: Mapping[str, Any] = self.document["paths"][PATH]["post"]
        return operation

    @property
    def request_schema(self) -> Schema:
        """The schema of the form. If it is a reference, it is resolved; references in it are not."""
        media_type: Schema = self.operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        return self._resolve(media_type)

    @cached_property
    def fields(self) -> Mapping[str, Schema]:
        """The schema of each field of the form, by name."""
        return {name: self._resolve(schema) for name, schema in self.request_schema["properties"].items()}

    @property
    def required_fields(self) -> tuple[str, ...]:
        """The names of the fields that every request must have."""
        return tuple(self.request_schema["required"])

    @property
    def fields_pointer(self) -> str:
        """The JSON pointer to the schemas of the fields in the OpenAPI document."""
        schema = self.operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        inline = "/paths/~1images~1variations/post/requestBody/content/multipart~1form-data/schema"
        return f"{str(schema.get('$ref', inline)).removeprefix('#')}/properties"

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            target: Any = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            schema = target
        return schema

    def schema_errors(self, component: str, value: object) -> Iterator[SchemaError]:
        """Yield the errors of a JSON value against the schema `component` under components/schemas."""
        if component not in self._validators:
            schema = {"$ref": f"#/components/schemas/{component}", "components": self.document["components"]}
            self._validators[component] = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for error in self._validators[component].iter_errors(value):
            yield SchemaError(tuple(error.instance_path), error.kind.name, error.message)


def _folder() -> Path:
    """Return the folder of the two documents: in the installed package, or at the top of a checkout."""
    package = Path(str(resources.files("image_variations_conformance")))
    packaged = package / "spec"
    return packaged if packaged.is_dir() else package.parents[1] / "spec"


@cache
def load() -> Contract:
    """Return the contract that is part of this package. It is parsed once."""
    return parse((_folder() / "openapi.yaml").read_bytes(), (_folder() / "requirements.yaml").read_bytes())


def _yaml(text: bytes) -> Any:
    # The C loader is ten times as fast. The wheels of PyYAML contain it.
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def parse(openapi: bytes, requirements: bytes) -> Contract:
    """Return the contract of an OpenAPI document and a register, both in YAML.

    Requirements are generated for the form fields that the register does not mention.
    """
    contract = Contract(_yaml(openapi), {}, hashlib.sha256(openapi).hexdigest())
    register = read_register(_yaml(requirements)["requirements"], contract.document, OPERATION_POINTER)
    generated = generate_requirements(contract.fields, contract.version, contract.fields_pointer)
    return evolve(contract, requirements={requirement.id: requirement for requirement in (*register, *generated)})
