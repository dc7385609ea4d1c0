"""The contract: the OpenAPI document and the register of requirements, read once and looked up by everything else."""

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
from .requirements import Requirement, generate_requirements

PATH = "/images/variations"


@frozen
class SchemaError:
    """A place where a value breaks its schema: the path to it in the value, the keyword broken, and what is wrong."""

    path: tuple[str | int, ...]
    keyword: str
    message: str


@frozen(eq=False)
class Contract:
    """The contract, parsed. `document` is the OpenAPI document, `sha256` the digest of its bytes."""

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
        """The schema of the form, references resolved one level."""
        media_type: Schema = self.operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        return self._resolve(media_type)

    @cached_property
    def fields(self) -> Mapping[str, Schema]:
        """The schema of each field of the form."""
        return {name: self._resolve(schema) for name, schema in self.request_schema["properties"].items()}

    @property
    def required_fields(self) -> tuple[str, ...]:
        """The fields that each request has."""
        return tuple(self.request_schema["required"])

    @property
    def fields_pointer(self) -> str:
        """The JSON pointer to the schemas of the fields."""
        schema = self.operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        inline = "/paths/~1images~1variations/post/requestBody/content/multipart~1form-data/schema"
        return f"{str(schema.get('$ref', inline)).removeprefix('#')}/properties"

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def schema_errors(self, component: str, value: object) -> Iterator[SchemaError]:
        """Yield where a JSON value breaks the schema of that name under components/schemas."""
        if component not in self._validators:
            schema = {"$ref": f"#/components/schemas/{component}", "components": self.document["components"]}
            self._validators[component] = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for error in self._validators[component].iter_errors(value):
            yield SchemaError(tuple(error.instance_path), error.kind.name, error.message)


def _folder() -> Path:
    """Return where the two documents lie: in the installed package, or at the top of a checkout."""
    package = Path(str(resources.files("image_variations_conformance")))
    packaged = package / "spec"
    return packaged if packaged.is_dir() else package.parents[1] / "spec"


@cache
def load() -> Contract:
    """Return the contract that came with this package."""
    return parse((_folder() / "openapi.yaml").read_bytes(), (_folder() / "requirements.yaml").read_bytes())


def _yaml(text: bytes) -> Any:
    # The loader in C is ten times as fast, and part of the wheels of PyYAML.
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def parse(openapi: bytes, requirements: bytes) -> Contract:
    """Return the contract of an OpenAPI document and a register, both in YAML.

    The fields of the form that the register says nothing of get requirements too.
    """
    register = [Requirement(**entry) for entry in _yaml(requirements)["requirements"]]
    alone = Contract(_yaml(openapi), {}, hashlib.sha256(openapi).hexdigest())
    added = generate_requirements(alone.fields, alone.version, alone.fields_pointer)
    return evolve(alone, requirements={requirement.id: requirement for requirement in (*register, *added)})
