# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define, field

from .. import _decoding, _encoding
from .._models import Model

if TYPE_CHECKING:
    from ..models.image_tokens import ImageTokens


@define(kw_only=True, repr=False)
class ImageUsage(Model):
    """The tokens that the images cost. Only gpt-image-1 returns it.

    Attributes:
        input_tokens: Tokens of the input, images and text together. At least 0.
        input_tokens_details: A number of tokens by kind.
        output_tokens: Tokens of the output. At least 0.
        total_tokens: Tokens of input and output together. At least 0.
        output_tokens_details: A number of tokens by kind.
        additional_properties: Members that are not in the contract, and optional members that are null.
    """

    input_tokens: int
    input_tokens_details: ImageTokens
    output_tokens: int
    total_tokens: int
    output_tokens_details: ImageTokens | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON values, without attributes that are None. Members received as null are kept."""
        values: dict[str, Any] = {
            **_encoding.jsonable(self.additional_properties),
            "input_tokens": _encoding.jsonable(self.input_tokens),
            "input_tokens_details": _encoding.jsonable(self.input_tokens_details),
            "output_tokens": _encoding.jsonable(self.output_tokens),
            "total_tokens": _encoding.jsonable(self.total_tokens),
        }
        if self.output_tokens_details is not None:
            values["output_tokens_details"] = _encoding.jsonable(self.output_tokens_details)
        return values

    @classmethod
    def from_dict(cls, src_dict: object) -> Self:
        """Return the model of a JSON object. Raises `DataError` if a value is missing or has a wrong type."""
        from ..models.image_tokens import ImageTokens

        values = _decoding.members(src_dict)
        return cls(
            input_tokens=_decoding.take(values, "input_tokens", _decoding.integer),
            input_tokens_details=_decoding.take(values, "input_tokens_details", ImageTokens.from_dict),
            output_tokens=_decoding.take(values, "output_tokens", _decoding.integer),
            total_tokens=_decoding.take(values, "total_tokens", _decoding.integer),
            output_tokens_details=_decoding.take_optional(values, "output_tokens_details", ImageTokens.from_dict),
            additional_properties=values,
        )
