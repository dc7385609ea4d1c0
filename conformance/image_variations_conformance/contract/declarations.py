"""What each key of a profile changes in the OpenAPI document.

Every function edits the document so that it says what the profile declares. A key set to the value of the base document
restores the base document, so that the inverse of a profile is a profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

import jsonschema_rs
from attrs import define, field

from .document import OPERATION_POINTER
from .fields import kind_of, known_values
from .pointers import escaped, steps, value_at

Document: TypeAlias = dict[str, Any]

_FORM = f"{OPERATION_POINTER}/requestBody/content/multipart~1form-data"
_JSON = f"{OPERATION_POINTER}/requestBody/content/application~1json"
_REQUEST = "/components/schemas/CreateImageVariationRequest"
_FIELDS = f"{_REQUEST}/properties"
_MODEL = "/components/schemas/ImageModel"
_SIZE = "/components/schemas/ImageSize"
_FORMAT = "/components/schemas/ImageResponseFormat"
_RESPONSE = "/components/schemas/ImagesResponse/properties"
_ERROR = "/components/schemas/ErrorResponse"
_ERROR_RESPONSES = "/components/responses"
_STATUSES = f"{OPERATION_POINTER}/x-statuses"
# A list of statuses in a profile is about these kinds of violations.
_KINDS_OF_FORMS = ("invalid-request", "unknown-model", "image-too-large", "wrong-image-kind", "not-multipart")
# A size that a server with any size accepts, and the contract does not have.
_OTHER_SIZE = "320x192"
_ANY_SIZE = "^[1-9][0-9]*x[1-9][0-9]*$"


class ContradictionError(ValueError):
    """What the profile declares contradicts itself or the rest of the contract."""


@define
class Edit:
    """A document that is being edited, and the base document. `touched` are the JSON pointers that may differ."""

    document: Document
    base: Document
    touched: list[str] = field(factory=list)

    def get(self, pointer: str) -> Any:
        """Return the value at a pointer, None if there is none."""
        return _get(self.document, pointer)

    def reset(self, pointer: str) -> None:
        """Restore the value at a pointer from the base document, or remove it if the base document has none."""
        if _has(self.base, pointer):
            self.put(pointer, deepcopy(_get(self.base, pointer)))
        else:
            self.remove(pointer)

    def put(self, pointer: str, value: Any, touched: tuple[str, ...] | None = None) -> None:
        """Set the value at a pointer whose parent exists. `touched` are the pointers that differ, if not this one."""
        self._parent(pointer)[steps(pointer)[-1]] = value
        self.touched += (pointer,) if touched is None else touched

    def remove(self, pointer: str) -> None:
        """Remove the value at a pointer if there is one."""
        if _has(self.document, pointer):
            del self._parent(pointer)[steps(pointer)[-1]]
        self.touched.append(pointer)

    def _parent(self, pointer: str) -> Document:
        parent: Document = value_at(self.document, pointer.rpartition("/")[0])
        return parent

    def differing(self, pointers: Iterable[str]) -> Iterator[str]:
        """Yield the pointers whose value differs from that of the base document."""
        for pointer in pointers:
            before = self._in_base(pointer)
            if _has(self.document, pointer) != _has(self.base, before) or self.get(pointer) != _get(self.base, before):
                yield pointer

    def _in_base(self, pointer: str) -> str:
        """Return the pointer with the name that the field with the image has in the base document."""
        old, new = (f"{_FIELDS}/{escaped(_image_field(each))}/" for each in (self.base, self.document))
        return old + pointer.removeprefix(new) if pointer.startswith(new) else pointer


def _has(document: Document, pointer: str) -> bool:
    try:
        value_at(document, pointer)
    except LookupError:
        return False
    return True


def _get(document: Document, pointer: str) -> Any:
    try:
        return value_at(document, pointer)
    except LookupError:
        return None


def _image_field(document: Document) -> str:
    fields: Document = _get(document, _FIELDS)
    return next(name for name, schema in fields.items() if schema.get("format") == "binary")


def _image(edit: Edit, *steps: str) -> str:
    return "/".join([_FIELDS, escaped(_image_field(edit.document)), "x-image", *steps])


# --- the fields


def _put_enum(edit: Edit, pointer: str, values: list[str]) -> None:
    edit.remove(f"{pointer}/pattern")
    edit.put(f"{pointer}/enum", list(values))
    edit.put(f"{pointer}/examples", [values[0]])
    if values == _get(edit.base, f"{pointer}/enum"):
        edit.reset(f"{pointer}/examples")


def models(edit: Edit, values: list[str]) -> None:
    """Declare the models."""
    _put_enum(edit, _MODEL, values)
    _put_default_model(edit)


def _put_default_model(edit: Edit) -> None:
    """Set the default to that of the contract if it is one of the models, or else to the first model."""
    pointer = f"{_MODEL}/default"
    values = edit.get(f"{_MODEL}/enum")
    edit.reset(pointer)
    if edit.get(pointer) not in values:
        edit.put(pointer, values[0])


def model_required(edit: Edit, required: bool) -> None:
    """Declare whether a request must have a model."""
    names = [name for name in edit.get(f"{_REQUEST}/required") if name != "model"]
    edit.put(f"{_REQUEST}/required", [*names, "model"] if required else names)
    if required:
        edit.remove(f"{_MODEL}/default")
    else:
        _put_default_model(edit)


def sizes(edit: Edit, values: list[str] | str) -> None:
    """Declare the sizes, or any."""
    answered = f"{_RESPONSE}/size/enum"
    edit.reset(f"{_SIZE}/default")
    edit.reset(answered)
    edit.remove(f"{_RESPONSE}/size/pattern")
    if isinstance(values, str):
        for size in (_SIZE, f"{_RESPONSE}/size"):
            edit.remove(f"{size}/enum")
            edit.put(f"{size}/pattern", _ANY_SIZE)
        edit.put(f"{_SIZE}/examples", [*_get(edit.base, f"{_SIZE}/enum"), _OTHER_SIZE])
        return
    _put_enum(edit, _SIZE, values)
    new = [value for value in values if value not in edit.get(answered)]
    if new:
        edit.put(answered, [*edit.get(answered), *new])


def default_size(edit: Edit, value: str) -> None:
    """Declare the size of the images if the request has none: a size, that of the input image, or any."""
    edit.remove(f"{_SIZE}/x-default")
    edit.reset(f"{_SIZE}/default")
    if value in {"input", "any"}:
        edit.remove(f"{_SIZE}/default")
        edit.put(f"{_SIZE}/x-default", value)
    else:
        edit.put(f"{_SIZE}/default", value)


def response_formats(edit: Edit, values: list[str]) -> None:
    """Declare the response formats."""
    edit.reset(f"{_FORMAT}/default")
    _put_enum(edit, _FORMAT, values)


def default_response_format(edit: Edit, value: str) -> None:
    """Declare the response format of a request that has none."""
    edit.put(f"{_FORMAT}/default", value)


def max_n(edit: Edit, value: int | str) -> None:
    """Declare the maximum of n, or that there is none."""
    for pointer in (f"{_FIELDS}/n/maximum", f"{_RESPONSE}/data/maxItems"):
        if isinstance(value, int):
            edit.put(pointer, value)
        else:
            edit.remove(pointer)


def extra_fields(edit: Edit, schemas: Mapping[str, Document]) -> None:
    """Declare the form fields that the contract does not have, with the schemas of their values."""
    base: Document = _get(edit.base, _FIELDS)
    own = {_image_field(edit.document), *base}
    for name in [name for name in edit.get(_FIELDS) if name not in own]:
        edit.remove(f"{_FIELDS}/{escaped(name)}")
    for name, schema in schemas.items():
        if name in own:
            raise ContradictionError(f"the contract already has the field {name}")
        if not _is_schema(schema):
            raise ContradictionError(f"{name}: not a valid JSON Schema")
        if kind_of(schema) is None:
            raise ContradictionError(f"{name}: a form field is a string, integer, number, boolean or enum")
        if not known_values(schema):
            raise ContradictionError(f"{name}: no valid value is known; add one to its examples")
        edit.put(f"{_FIELDS}/{escaped(name)}", deepcopy(schema))


def _is_schema(schema: Document) -> bool:
    try:
        jsonschema_rs.validator_for(schema)
    except ValueError:
        return False
    return True


# --- the image


def image_kinds(edit: Edit, values: list[str]) -> None:
    """Declare the formats of valid input images."""
    edit.put(_image(edit, "kinds"), list(values))


def square(edit: Edit, value: bool) -> None:
    """Declare whether an input image must be square."""
    edit.put(_image(edit, "square"), value)


def image_sides(edit: Edit, value: Mapping[str, int]) -> None:
    """Declare which width and height of an input image are valid, in pixels."""
    sides = dict(_get(edit.base, f"{_FIELDS}/{escaped(_image_field(edit.base))}/x-image/sides"))
    for key, name in (("min", "minimum"), ("max", "maximum"), ("multiple_of", "multiple-of")):
        if key in value:
            sides[name] = value[key]
    if sides["minimum"] > sides["maximum"]:
        raise ContradictionError("min is larger than max")
    if sides["maximum"] // sides.get("multiple-of", 1) < -(-sides["minimum"] // sides.get("multiple-of", 1)):
        raise ContradictionError("no multiple of multiple_of is between min and max")
    # One is what a document without multiple-of says.
    edit.put(_image(edit, "sides"), {name: side for name, side in sides.items() if (name, side) != ("multiple-of", 1)})


def max_image_bytes(edit: Edit, value: int | Mapping[str, int]) -> None:
    """Declare the largest valid input image in bytes, or from which sizes on it may and must be refused."""
    limits = {"valid_below": value + 1, "invalid_from": value + 1} if isinstance(value, int) else value
    if limits["valid_below"] > limits["invalid_from"]:
        raise ContradictionError("valid_below is larger than invalid_from")
    edit.put(_image(edit, "valid-below-bytes"), limits["valid_below"])
    edit.put(_image(edit, "invalid-from-bytes"), limits["invalid_from"])


def image_field(edit: Edit, value: str | list[str]) -> None:
    """Declare the name of the field with the input image, and other names that the server reads, too."""
    names = [value] if isinstance(value, str) else value
    old = _image_field(edit.document)
    fields: Document = edit.get(_FIELDS)
    if set(names) & (set(fields) - {old}):
        raise ContradictionError("the contract has another field of this name")
    for pointer in (_FIELDS, f"{_FORM}/encoding"):
        touched = tuple(f"{pointer}/{escaped(name)}" for name in (old, names[0]))
        edit.put(pointer, _renamed(edit.get(pointer), old, names[0]), touched)
    edit.put(f"{_REQUEST}/required", [names[0] if name == old else name for name in edit.get(f"{_REQUEST}/required")])
    for name, example in edit.get(f"{_FORM}/examples").items():
        edit.put(f"{_FORM}/examples/{name}/value", _renamed(example["value"], old, names[0]))
    if len(names) > 1:
        edit.put(_image(edit, "other-names"), list(names[1:]))
    else:
        edit.remove(_image(edit, "other-names"))


def _renamed(members: Document, old: str, new: str) -> Document:
    return {new if name == old else name: value for name, value in members.items()}


# --- the operation


def auth(edit: Edit, value: str) -> None:
    """Declare whether a request needs an API key: bearer, optional or none."""
    edit.reset(f"{OPERATION_POINTER}/security")
    if value != "bearer":
        required = edit.get(f"{OPERATION_POINTER}/security")
        edit.put(f"{OPERATION_POINTER}/security", [{}, *required] if value == "optional" else [])


def json_body(edit: Edit, value: bool) -> None:
    """Declare whether the server reads JSON bodies, too."""
    edit.reset(_JSON)
    if value:
        edit.put(_JSON, {"schema": {"type": "object", "description": "Not specified by the contract."}})


def error_body(edit: Edit, value: str) -> None:
    """Declare the body of errors: that of the contract, an object with the member detail, or any."""
    edit.reset(_ERROR)
    edit.reset(_ERROR_RESPONSES)
    if value == "openai":
        return
    detail = {"type": "object", "required": ["detail"], "properties": {"detail": {}}}
    described = {"description": "The body of every response with an error."}
    edit.put(_ERROR, {**described, **(detail if value == "detail" else {})})
    for name, response in edit.get(_ERROR_RESPONSES).items():
        for media_type in response.get("content", {}):
            edit.remove(f"{_ERROR_RESPONSES}/{name}/content/{escaped(media_type)}/example")


def error_statuses(edit: Edit, value: list[int] | Mapping[str, list[int]]) -> None:
    """Declare the statuses of refusals, by the kind of violation or for every invalid form."""
    edit.reset(_STATUSES)
    by_kind = dict.fromkeys(_KINDS_OF_FORMS, value) if isinstance(value, list) else value
    for kind, statuses in by_kind.items():
        edit.put(f"{_STATUSES}/{kind}", {"must": list(statuses), "should": list(statuses)})


KEYS: Mapping[str, Callable[[Edit, Any], None]] = {
    edited.__name__: edited
    for edited in (
        models,
        model_required,
        sizes,
        default_size,
        response_formats,
        default_response_format,
        max_n,
        auth,
        image_field,
        image_kinds,
        square,
        image_sides,
        max_image_bytes,
        error_body,
        error_statuses,
        json_body,
        extra_fields,
    )
}
"""The function of each key, in the order in which they are applied."""


def contradictions(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the key that must be declared, and why, for each default that is none of the valid values."""
    for name, key, pointer in (
        ("size", "default_size", _SIZE),
        ("response_format", "default_response_format", _FORMAT),
    ):
        schema = _get(document, pointer)
        if "enum" in schema and schema.get("default", schema["enum"][0]) not in schema["enum"]:
            values = ", ".join(schema["enum"])
            yield (
                f"{name}s",
                f"the default of {name} is {schema['default']}, which is not one of {values}: "
                f"declare {key}, or {name}s with it",
            )
