from __future__ import annotations

from typing import Any, Self

from attrs import define, field

from .. import _decoding, _encoding
from .._models import Model


@define(kw_only=True, repr=False)
class ImageTokens(Model):
    """A number of tokens, parted into those of images and those of text.

    Attributes:
        image_tokens: Tokens of images. At least 0.
        text_tokens: Tokens of text. At least 0.
        additional_properties: Members that the contract does not know, and those of its own that are null where it has no null.
    """

    image_tokens: int
    text_tokens: int
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def to_dict(self) -> dict[str, Any]:
        """The object as plain JSON values: what is None is left out, unless it came as null."""
        values: dict[str, Any] = {
            **_encoding.jsonable(self.additional_properties),
            "image_tokens": _encoding.jsonable(self.image_tokens),
            "text_tokens": _encoding.jsonable(self.text_tokens),
        }
        return values

    @classmethod
    def from_dict(cls, src_dict: object) -> Self:
        """The object that plain JSON values say. Raises `DataError` where one is missing or of a wrong type."""

        values = _decoding.members(src_dict)
        return cls(
            image_tokens=_decoding.take(values, "image_tokens", _decoding.integer),
            text_tokens=_decoding.take(values, "text_tokens", _decoding.integer),
            additional_properties=values,
        )
