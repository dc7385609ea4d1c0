"""The values of the enum `ImageModel`."""

from typing import Literal, TypeAlias

ImageModel: TypeAlias = Literal["dall-e-2"]
