"""Form fields that the contract gained after this server was written: each is validated by its schema, then ignored."""

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from ...contract.document import Contract
from .api_error import ApiError, shown


def added_fields(contract: Contract, known: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
    """Return the schemas of the form fields that are not in `known`, by field name."""
    return {name: schema for name, schema in contract.fields.items() if name not in known}


def check_added(name: str, schema: Mapping[str, Any], text: str) -> None:
    """Validate the text of an added field by its schema. Raises ApiError (400) if it is not valid."""
    value: object = text
    # A value that is not a string in the schema is parsed as JSON. An integer must be written in digits, not as 1.0.
    if "string" not in (schema.get("type"), *_enum_string_type(schema)):
        try:
            value = int(text) if re.fullmatch(r"-?[1-9][0-9]{0,99}|0", text) else json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, float) and schema.get("type") == "integer":
            value = None
    if not jsonschema_rs.is_valid(dict(schema), value):
        raise ApiError(f"{name} must be as the contract says, not {shown(text)}.", name)


def _enum_string_type(schema: Mapping[str, Any]) -> set[str]:
    return {"string" for member in schema.get("enum", ()) if isinstance(member, str)}
