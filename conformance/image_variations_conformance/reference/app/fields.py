"""Validate the text fields of the form by their schemas in the contract.

Each function returns the value of a valid text, and raises ApiError (400) for an invalid one.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from ...contract.document import Contract
from ...contract.fields import validity_of
from .api_error import ApiError, shown

_DIGITS = re.compile(r"[0-9]+")
# The maximum of n of a server whose contract has none.
_MOST_IMAGES = 100
_MAX_SIDE = 4096


def invalid(contract: Contract, name: str, text: str, message: str) -> ApiError:
    """Return the error for an invalid text, with the id of the requirement that it violates."""
    rules = contract.rules[name]
    ids = {"out_of_range": rules.out_of_range, "lenient": rules.lenient}
    requirement = ids.get(validity_of(contract.fields[name], text)) or rules.invalid
    return ApiError(f"{name} must be {message}, not {shown(text)}.", name, requirement=requirement, text=text)


def number_of_images(contract: Contract, name: str, n: str) -> int:
    """Return the number of images to make."""
    most = contract.fields[name].get("maximum", _MOST_IMAGES)
    if not _DIGITS.fullmatch(n):
        raise invalid(contract, name, n, f"a whole number from 1 to {most}")
    # Check the length before int(), so that it never has to parse a million digits.
    digits = n.lstrip("0")
    if not digits or len(digits) > len(str(most)) or int(digits) > most:
        raise invalid(contract, name, n, f"from 1 to {most}")
    return int(digits)


def one_of_values(contract: Contract, name: str, text: str) -> str:
    """Return the text of a field with an enum or a pattern."""
    schema = contract.fields[name]
    if not jsonschema_rs.is_valid(dict(schema), text):
        expected = f"one of {', '.join(schema['enum'])}" if "enum" in schema else f"as in {schema['pattern']}"
        raise invalid(contract, name, text, expected)
    return text


def dimensions(contract: Contract, size: str) -> tuple[int, int]:
    """Return the width and height in pixels of a valid size."""
    width, height = (int(side) for side in size.split("x"))
    if "enum" not in contract.fields["size"] and max(width, height) > _MAX_SIDE:
        message = f"size must have at most {_MAX_SIDE} pixels a side, not {shown(size)}."
        raise ApiError(message, "size", detail="size-limit", text=size)
    return width, height


def check_model(contract: Contract, name: str, model: str) -> None:
    """Validate the name of a model."""
    models = contract.fields[name]["enum"]
    if model not in models:
        problem = invalid(contract, name, model, " or ".join(models))
        problem.code = "model_not_found" if model else None
        problem.kind = "unknown-model"
        raise problem


def check_added(contract: Contract, name: str, text: str) -> None:
    """Validate a field that this server does not know by name. Its value is then ignored."""
    schema = contract.fields[name]
    value: object = text
    # A value that is not a string in the schema is parsed as JSON. An integer must be written in digits, not as 1.0.
    types = schema.get("type", ())
    if "string" not in {*([types] if isinstance(types, str) else types), *_enum_string_type(schema)}:
        try:
            value = int(text) if re.fullmatch(r"-?[1-9][0-9]{0,99}|0", text) else json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, float) and schema.get("type") == "integer":
            value = None
    if value is None or not jsonschema_rs.is_valid(dict(schema), value):
        raise invalid(contract, name, text, "as the contract says")


def _enum_string_type(schema: Mapping[str, Any]) -> set[str]:
    return {"string" for member in schema.get("enum", ()) if isinstance(member, str)}
