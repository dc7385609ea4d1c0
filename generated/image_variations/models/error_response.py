# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define, field

from .. import _decoding, _encoding
from .._models import Model

if TYPE_CHECKING:
    from ..models.error_object import ErrorObject


@define(kw_only=True, repr=False)
class ErrorResponse(Model):
    """The body of every response with an error.

    Attributes:
        error: What went wrong. All four members are always present.
        additional_properties: Members that are not in the contract, and optional members that are null.
    """

    error: ErrorObject
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON values, without attributes that are None. Members received as null are kept."""
        values: dict[str, Any] = {
            **_encoding.jsonable(self.additional_properties),
            "error": _encoding.jsonable(self.error),
        }
        return values

    @classmethod
    def from_dict(cls, src_dict: object) -> Self:
        """Return the model of a JSON object. Raises `DataError` if a value is missing or has a wrong type."""
        from ..models.error_object import ErrorObject

        values = _decoding.members(src_dict)
        return cls(error=_decoding.take(values, "error", ErrorObject.from_dict), additional_properties=values)
