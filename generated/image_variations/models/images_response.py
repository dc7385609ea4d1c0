# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from attrs import define, field

from .. import _decoding, _encoding
from .._models import Model
from ..models.images_response_background import ImagesResponseBackground
from ..models.images_response_output_format import ImagesResponseOutputFormat
from ..models.images_response_quality import ImagesResponseQuality
from ..models.images_response_size import ImagesResponseSize

if TYPE_CHECKING:
    from ..models.image import Image
    from ..models.image_usage import ImageUsage


@define(kw_only=True, repr=False)
class ImagesResponse(Model):
    """The new images.

    Attributes:
        created: When the images were made, in seconds since 1970-01-01 UTC. At least 0. Example: 1589478378.
        data: One item per image, exactly `n`. At least 1 item; at most 10 items.
        background: Whether the background of the images is transparent or opaque. One of transparent, opaque.
        output_format: The file format of the images. One of png, webp, jpeg.
        quality: The quality of the images. One of low, medium, high.
        size: Width and height of the images, in pixels. Only other operations make the two that are not square. One of
            256x256, 512x512, 1024x1024, 1024x1536, 1536x1024.
        usage: The tokens that the images cost. Only gpt-image-1 returns it.
        additional_properties: Members that are not in the contract, and optional members that are null.
    """

    created: int
    data: list[Image]
    background: ImagesResponseBackground | str | None = None
    output_format: ImagesResponseOutputFormat | str | None = None
    quality: ImagesResponseQuality | str | None = None
    size: ImagesResponseSize | str | None = None
    usage: ImageUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON values, without attributes that are None. Members received as null are kept."""
        values: dict[str, Any] = {
            **_encoding.jsonable(self.additional_properties),
            "created": _encoding.jsonable(self.created),
            "data": _encoding.jsonable(self.data),
        }
        if self.background is not None:
            values["background"] = _encoding.jsonable(self.background)
        if self.output_format is not None:
            values["output_format"] = _encoding.jsonable(self.output_format)
        if self.quality is not None:
            values["quality"] = _encoding.jsonable(self.quality)
        if self.size is not None:
            values["size"] = _encoding.jsonable(self.size)
        if self.usage is not None:
            values["usage"] = _encoding.jsonable(self.usage)
        return values

    @classmethod
    def from_dict(cls, src_dict: object) -> Self:
        """Return the model of a JSON object. Raises `DataError` if a value is missing or has a wrong type."""
        from ..models.image import Image
        from ..models.image_usage import ImageUsage

        values = _decoding.members(src_dict)
        return cls(
            created=_decoding.take(values, "created", _decoding.integer),
            data=_decoding.take(values, "data", _decoding.items(Image.from_dict)),
            background=_decoding.take_optional(values, "background", _decoding.text),
            output_format=_decoding.take_optional(values, "output_format", _decoding.text),
            quality=_decoding.take_optional(values, "quality", _decoding.text),
            size=_decoding.take_optional(values, "size", _decoding.text),
            usage=_decoding.take_optional(values, "usage", ImageUsage.from_dict),
            additional_properties=values,
        )
