# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from .. import _preflight
from .._bodies import FilePart, TextPart, files, parts
from .._models import Model
from ..models.image_model import ImageModel
from ..models.image_response_format import ImageResponseFormat
from ..models.image_size import ImageSize
from ..types import FileInput


@define(kw_only=True, repr=False)
class CreateImageVariationRequest(Model):
    """The fields of the form, each at most once, in any order.

    Attributes:
        image: The input image: a complete, square PNG file of less than 4 MB. Whether that means 4,000,000 or 4,194,304
            bytes was never documented; files between the two may be refused.
        model: The model. `dall-e-2` is the only one with this operation. Default: dall-e-2. Example: dall-e-2.
        n: How many images to make. Default: 1. From 1 to 10. Example: 2.
        response_format: How the images are returned: as links (`url`), which work for 60 minutes after the images were
            made, or in the response itself (`b64_json`). Default: url. One of url, b64_json. Example: b64_json.
        size: Width and height of the new images, in pixels. Default: 1024x1024. One of 256x256, 512x512, 1024x1024.
            Example: 256x256.
        user: Your identifier of your end user, which helps the provider to detect abuse. Any text of printable
            characters. Example: user-1234.
        additional_properties: Fields that are not in the contract.
    """

    image: FileInput
    model: ImageModel | str | None = None
    n: int | None = None
    response_format: ImageResponseFormat | None = None
    size: ImageSize | None = None
    user: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    _files: ClassVar[frozenset[str]] = frozenset(["image"])

    def parts(self) -> list[TextPart | FilePart]:
        """Return the parts of the form, without None. Raises `InvalidRequestError` if a value cannot be encoded."""
        return [
            *files(
                "image",
                [self.image],
                ("image/png",),
                _preflight.ImageRules(kinds=("png",), square=True, invalid_from_bytes=4194304),
            ),
            *parts("model", self.model),
            *parts("n", self.n),
            *parts("response_format", self.response_format),
            *parts("size", self.size),
            *parts("user", self.user),
            *(part for name, value in self.additional_properties.items() for part in parts(name, value)),
        ]

    def check(self) -> None:
        """Raise `InvalidRequestError` if the contract does not allow a value."""
        _preflight.required("image", self.image)
        _preflight.text("model", self.model)
        _preflight.number("n", self.n, whole=True, minimum=1, maximum=10)
        _preflight.choice("response_format", self.response_format, ["url", "b64_json"])
        _preflight.choice("size", self.size, ["256x256", "512x512", "1024x1024"])
        _preflight.text("user", self.user)
