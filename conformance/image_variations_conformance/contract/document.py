"""The contract: the OpenAPI document and the register of requirements, parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import yaml
from attrs import evolve, field, frozen

from .extensions import ImageRules, Statuses, ViolationKind
from .fields import Schema, known_values
from .pointers import resolved
from .requirements import FieldRules, Requirement, field_rules, generate_requirements, read_register
from .unjudged import PATH, unjudged

# The C loader is ten times as fast. The wheels of PyYAML contain it.
SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
OPERATION_POINTER = "/paths/~1images~1variations/post"


@frozen
class SchemaError:
    """One way in which a value violates a schema: the path in the value, the violated keyword, and a message."""

    path: tuple[str | int, ...]
    keyword: str
    message: str


class UnjudgedError(ValueError):
    """The document has parts that a run would silently not judge. The message names them all."""


@frozen
class Change:
    """A part of the document that a profile changed.

    `pointer` is the JSON pointer to it, `key` the key of the profile, `source` the file and line of the key, and
    `requirements` are the ids whose text, evidence or part of the document changed.
    """

    pointer: str
    key: str
    source: str
    requirements: tuple[str, ...]


@frozen(eq=False)
class Contract:
    """The contract. `document` is the OpenAPI document, `sha256` the digest of its bytes, `requirements` are by id.

    `register` are the entries of requirements.yaml, `rules` the requirement ids of each text field. `base` is the
    contract that a profile changed into this one, or None; `changes` says how, `profile` is its
    name, and `profile_sha256` the digest of its declarations.
    """

    document: Mapping[str, Any] = field(repr=False)
    requirements: Mapping[str, Requirement] = field(repr=False)
    sha256: str
    register: Sequence[Mapping[str, Any]] = field(repr=False)
    rules: Mapping[str, FieldRules] = field(factory=dict, repr=False)
    base: Contract | None = field(default=None, repr=False)
    changes: tuple[Change, ...] = field(default=(), repr=False)
    profile: str = ""
    profile_sha256: str = ""
    _validators: dict[str, jsonschema_rs.Draft202012Validator] = field(factory=dict, init=False, repr=False)

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
        return resolved(self.document, media_type)

    @cached_property
    def fields(self) -> Mapping[str, Schema]:
        """The schema of each field of the form, by name."""
        return {name: resolved(self.document, schema) for name, schema in self.request_schema["properties"].items()}

    @cached_property
    def image_field(self) -> str:
        """The name of the field with the input image."""
        return next(name for name, schema in self.fields.items() if schema.get("format") == "binary")

    @cached_property
    def image_rules(self) -> ImageRules:
        """Which input images are valid."""
        return ImageRules.of(self.fields[self.image_field]["x-image"])

    @cached_property
    def text_fields(self) -> Mapping[str, Schema]:
        """The schema of each field other than the input image, by name."""
        return {name: schema for name, schema in self.fields.items() if name != self.image_field}

    @cached_property
    def defaults(self) -> Mapping[str, str]:
        """The default of each field that has one, as the text that a form would have."""
        return {name: str(schema["default"]) for name, schema in self.fields.items() if "default" in schema}

    @property
    def key_required(self) -> bool:
        """Whether a request needs an API key."""
        return self.key_checked and {} not in self._security

    @property
    def key_checked(self) -> bool:
        """Whether a wrong API key is refused. An operation without any security scheme ignores keys."""
        return bool(self._security)

    @property
    def _security(self) -> Sequence[Mapping[str, Any]]:
        security: Sequence[Mapping[str, Any]] = self.operation.get("security", self.document.get("security", []))
        return security

    @property
    def accepts_json(self) -> bool:
        """Whether the server reads JSON bodies too, about which the contract says nothing else."""
        return "application/json" in self.operation["requestBody"]["content"]

    @property
    def error_body(self) -> Literal["openai", "detail", "any"]:
        """The body of errors: the error object, an object with the member detail, or any."""
        required = self.document["components"]["schemas"]["ErrorResponse"].get("required", [])
        return "openai" if "error" in required else "detail" if "detail" in required else "any"

    def response_values(self, member: str) -> tuple[str, ...]:
        """Return the values that a member of the response may have; empty if it may have any."""
        member_schema = self.document["components"]["schemas"]["ImagesResponse"]["properties"][member]
        return tuple(member_schema.get("enum", ()))

    def statuses(self, kind: ViolationKind) -> Statuses:
        """Return the statuses of refusals because of a kind of violation."""
        return Statuses.of(self.operation["x-statuses"][kind])

    @property
    def required_fields(self) -> tuple[str, ...]:
        """The names of the fields that every request must have."""
        return tuple(self.request_schema["required"])

    @cached_property
    def required_texts(self) -> Mapping[str, str]:
        """A valid value of each text field that every request must have, by name."""
        return {
            name: known_values(schema)[0] for name, schema in self.text_fields.items() if name in self.required_fields
        }

    @property
    def fields_pointer(self) -> str:
        """The JSON pointer to the schemas of the fields in the OpenAPI document."""
        schema = self.operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        inline = "/paths/~1images~1variations/post/requestBody/content/multipart~1form-data/schema"
        return f"{str(schema.get('$ref', inline)).removeprefix('#')}/properties"

    def schema_errors(self, component: str, value: object) -> Iterator[SchemaError]:
        """Yield the errors of a JSON value against the schema `component` under components/schemas."""
        if component not in self._validators:
            schema = {"$ref": f"#/components/schemas/{component}", "components": self.document["components"]}
            self._validators[component] = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        for error in self._validators[component].iter_errors(value):
            yield SchemaError(tuple(error.instance_path), error.kind.name, error.message)


def folder() -> Path:
    """Return the folder of the documents of the contract: in the installed package, or at the top of a checkout."""
    package = Path(str(resources.files("image_variations_conformance")))
    packaged = package / "spec"
    return packaged if packaged.is_dir() else package.parents[1] / "spec"


@cache
def load() -> Contract:
    """Return the contract that is part of this package. It is parsed once."""
    return parse((folder() / "openapi.yaml").read_bytes(), (folder() / "requirements.yaml").read_bytes())


def _yaml(text: bytes) -> Any:
    return yaml.load(text, SafeLoader)  # noqa: S506 - it is safe


def parse(openapi: bytes, requirements: bytes) -> Contract:
    """Return the contract of an OpenAPI document and a register, both in YAML.

    Requirements are generated for the form fields that the register does not mention. Raises UnjudgedError if no
    requirement and no generic rule is about a part of the document.
    """
    register = _yaml(requirements)["requirements"]
    document = _yaml(openapi)
    parts = [f"{pointer}: {what}" for pointer, what in unjudged(document)]
    if parts:
        raise UnjudgedError("\n  ".join(["openapi.yaml has parts that the suite would not judge:", *parts]))
    return with_requirements(Contract(document, {}, hashlib.sha256(openapi).hexdigest(), register))


def with_requirements(contract: Contract) -> Contract:
    """Return the contract with its requirements made from its document and register."""
    register = tuple(read_register(contract.register, contract.document, OPERATION_POINTER))
    rules = {name: field_rules(register, name) for name in contract.text_fields}
    generated = generate_requirements(
        contract.text_fields, rules, contract.required_fields, contract.version, contract.fields_pointer
    )
    requirements = {requirement.id: requirement for requirement in (*register, *generated)}
    return evolve(contract, requirements=requirements, rules=rules)
