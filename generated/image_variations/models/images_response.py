from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.images_response_background import ImagesResponseBackground
from ..models.images_response_output_format import ImagesResponseOutputFormat
from ..models.images_response_quality import ImagesResponseQuality
from ..models.images_response_size import ImagesResponseSize
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.image import Image
    from ..models.image_usage import ImageUsage


T = TypeVar("T", bound="ImagesResponse")


@_attrs_define
class ImagesResponse:
    """The images that were made.

    Attributes:
        created (int): When the images were made, in seconds since 1970-01-01 UTC. Example: 1589478378.
        data (list[Image]): One item an image, as many as were asked for.
        background (ImagesResponseBackground | Unset): Whether the background of the images is transparent or opaque.
        output_format (ImagesResponseOutputFormat | Unset): The file format of the images.
        quality (ImagesResponseQuality | Unset): The quality the images were made at.
        size (ImagesResponseSize | Unset): Width and height of the images, in pixels. The two that are not square are
            made by other operations only.
        usage (ImageUsage | Unset): The tokens that the images cost. Counted by gpt-image-1 only.
    """

    created: int
    data: list[Image]
    background: ImagesResponseBackground | Unset = UNSET
    output_format: ImagesResponseOutputFormat | Unset = UNSET
    quality: ImagesResponseQuality | Unset = UNSET
    size: ImagesResponseSize | Unset = UNSET
    usage: ImageUsage | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        created = self.created

        data = []
        for data_item_data in self.data:
            data_item = data_item_data.to_dict()
            data.append(data_item)

        background: str | Unset = UNSET
        if not isinstance(self.background, Unset):
            background = self.background.value

        output_format: str | Unset = UNSET
        if not isinstance(self.output_format, Unset):
            output_format = self.output_format.value

        quality: str | Unset = UNSET
        if not isinstance(self.quality, Unset):
            quality = self.quality.value

        size: str | Unset = UNSET
        if not isinstance(self.size, Unset):
            size = self.size.value

        usage: dict[str, Any] | Unset = UNSET
        if not isinstance(self.usage, Unset):
            usage = self.usage.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "created": created,
                "data": data,
            }
        )
        if background is not UNSET:
            field_dict["background"] = background
        if output_format is not UNSET:
            field_dict["output_format"] = output_format
        if quality is not UNSET:
            field_dict["quality"] = quality
        if size is not UNSET:
            field_dict["size"] = size
        if usage is not UNSET:
            field_dict["usage"] = usage

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.image import Image  # noqa: PLC0415
        from ..models.image_usage import ImageUsage  # noqa: PLC0415

        d = dict(src_dict)
        created = d.pop("created")

        data = []
        _data = d.pop("data")
        for data_item_data in _data:
            data_item = Image.from_dict(data_item_data)

            data.append(data_item)

        _background = d.pop("background", UNSET)
        background: ImagesResponseBackground | Unset
        if isinstance(_background, Unset):
            background = UNSET
        else:
            background = ImagesResponseBackground(_background)

        _output_format = d.pop("output_format", UNSET)
        output_format: ImagesResponseOutputFormat | Unset
        if isinstance(_output_format, Unset):
            output_format = UNSET
        else:
            output_format = ImagesResponseOutputFormat(_output_format)

        _quality = d.pop("quality", UNSET)
        quality: ImagesResponseQuality | Unset
        if isinstance(_quality, Unset):
            quality = UNSET
        else:
            quality = ImagesResponseQuality(_quality)

        _size = d.pop("size", UNSET)
        size: ImagesResponseSize | Unset
        if isinstance(_size, Unset):
            size = UNSET
        else:
            size = ImagesResponseSize(_size)

        _usage = d.pop("usage", UNSET)
        usage: ImageUsage | Unset
        if isinstance(_usage, Unset):
            usage = UNSET
        else:
            usage = ImageUsage.from_dict(_usage)

        images_response = cls(
            created=created,
            data=data,
            background=background,
            output_format=output_format,
            quality=quality,
            size=size,
            usage=usage,
        )

        images_response.additional_properties = d
        return images_response

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
