# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
from __future__ import annotations

from typing import Any, Self

from attrs import define, field

from .. import _decoding, _encoding
from .._models import Model


@define(kw_only=True, repr=False)
class ErrorObject(Model):
    """What went wrong. All four members are always present.

    Attributes:
        message: What is wrong, for people. Contains no secrets and no stack traces. At least 1 character. Example: n
            must be between 1 and 10, not 11..
        type_: The kind of error. Example: invalid_request_error.
        param: The form field at fault, if there is one. Example: n.
        code: A constant that identifies the error, if there is one. Example: invalid_api_key.
        additional_properties: Members that are not in the contract, and optional members that are null.
    """

    message: str
    type_: str
    param: str | None
    code: str | None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON values, without attributes that are None. Members received as null are kept."""
        values: dict[str, Any] = {
            **_encoding.jsonable(self.additional_properties),
            "message": _encoding.jsonable(self.message),
            "type": _encoding.jsonable(self.type_),
            "param": _encoding.jsonable(self.param),
            "code": _encoding.jsonable(self.code),
        }
        return values

    @classmethod
    def from_dict(cls, src_dict: object) -> Self:
        """Return the model of a JSON object. Raises `DataError` if a value is missing or has a wrong type."""

        values = _decoding.members(src_dict)
        return cls(
            message=_decoding.take(values, "message", _decoding.text),
            type_=_decoding.take(values, "type", _decoding.text),
            param=_decoding.take(values, "param", _decoding.either(_decoding.text, _decoding.null)),
            code=_decoding.take(values, "code", _decoding.either(_decoding.text, _decoding.null)),
            additional_properties=values,
        )
