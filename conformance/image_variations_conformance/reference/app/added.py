"""Fields that the contract has gained since this server was written: each is checked by its schema and does nothing."""

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from ...contract.document import Contract
from .api_error import ApiError, shown


def added_fields(contract: Contract, known: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
    """The schemas of the fields of the form that are not among the known ones."""
    return {name: schema for name, schema in contract.fields.items() if name not in known}


def check_added(name: str, schema: Mapping[str, Any], text: str) -> None:
    """Checks the text of such a field. Raises ApiError."""
    value: object = text
    # What is not a text in the schema is written as in JSON; a whole number is one by its digits, 1.0 is none.
    if "string" not in (schema.get("type"), *_texts(schema)):
        try:
            value = int(text) if re.fullmatch(r"-?[1-9][0-9]{0,99}|0", text) else json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, float) and schema.get("type") == "integer":
            value = None
    if not jsonschema_rs.is_valid(dict(schema), value):
        raise ApiError(f"{name} must be as the contract says, not {shown(text)}.", name)


def _texts(schema: Mapping[str, Any]) -> set[str]:
    return {"string" for member in schema.get("enum", ()) if isinstance(member, str)}
