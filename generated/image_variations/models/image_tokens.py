# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
from __future__ import annotations

from typing import Any, Self

from attrs import define, field

from .. import _decoding, _encoding
from .._models import Model


@define(kw_only=True, repr=False)
class ImageTokens(Model):
    """A number of tokens by kind.

    Attributes:
        image_tokens: Tokens of images. At least 0.
        text_tokens: Tokens of text. At least 0.
        additional_properties: Members that are not in the contract, and optional members that are null.
    """

    image_tokens: int
    text_tokens: int
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON values, without attributes that are None. Members received as null are kept."""
        values: dict[str, Any] = {
            **_encoding.jsonable(self.additional_properties),
            "image_tokens": _encoding.jsonable(self.image_tokens),
            "text_tokens": _encoding.jsonable(self.text_tokens),
        }
        return values

    @classmethod
    def from_dict(cls, src_dict: object) -> Self:
        """Return the model of a JSON object. Raises `DataError` if a value is missing or has a wrong type."""

        values = _decoding.members(src_dict)
        return cls(
            image_tokens=_decoding.take(values, "image_tokens", _decoding.integer),
            text_tokens=_decoding.take(values, "text_tokens", _decoding.integer),
            additional_properties=values,
        )
