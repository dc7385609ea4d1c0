# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
from __future__ import annotations

from typing import Any, ClassVar, Self

from attrs import define, field

from .. import _decoding, _encoding
from .._downloads import Downloadable
from .._models import Model


@define(kw_only=True, repr=False)
class Image(Downloadable, Model):
    """One image, either as a link or in base64.

    Attributes:
        b64_json: The image file in base64. Present if `response_format` was `b64_json`. At least 1 character.
        revised_prompt: The prompt as revised by the provider. Only dall-e-3 returns it, which has no variations.
        url: The link to the image file, which works for 60 minutes. Present if `response_format` was `url` or absent.
            At least 1 character. Example: https://images.example/v/5fQ0y1v2.png.
        additional_properties: Members that are not in the contract, and optional members that are null.
    """

    b64_json: str | None = None
    revised_prompt: str | None = None
    url: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    _files: ClassVar[frozenset[str]] = frozenset(["b64_json"])
    _links: ClassVar[frozenset[str]] = frozenset({"url"})

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON values, without attributes that are None. Members received as null are kept."""
        values: dict[str, Any] = {**_encoding.jsonable(self.additional_properties)}
        if self.b64_json is not None:
            values["b64_json"] = _encoding.jsonable(self.b64_json)
        if self.revised_prompt is not None:
            values["revised_prompt"] = _encoding.jsonable(self.revised_prompt)
        if self.url is not None:
            values["url"] = _encoding.jsonable(self.url)
        return values

    @classmethod
    def from_dict(cls, src_dict: object) -> Self:
        """Return the model of a JSON object. Raises `DataError` if a value is missing or has a wrong type."""

        values = _decoding.members(src_dict)
        return cls(
            b64_json=_decoding.take_optional(values, "b64_json", _decoding.text),
            revised_prompt=_decoding.take_optional(values, "revised_prompt", _decoding.text),
            url=_decoding.take_optional(values, "url", _decoding.text),
            additional_properties=values,
        )

    def _source(self) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
        return ("b64_json", self.b64_json), ("url", self.url)
