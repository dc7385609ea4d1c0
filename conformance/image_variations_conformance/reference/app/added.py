"""Form fields that this server does not know by name: each is validated by its schema in the contract, then ignored."""

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from .api_error import ApiError, shown


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
    if value is None or not jsonschema_rs.is_valid(dict(schema), value):
        raise ApiError(f"{name} must be as the contract says, not {shown(text)}.", name)


def _enum_string_type(schema: Mapping[str, Any]) -> set[str]:
    return {"string" for member in schema.get("enum", ()) if isinstance(member, str)}
