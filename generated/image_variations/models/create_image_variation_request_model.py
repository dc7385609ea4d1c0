"""The values of the enum `CreateImageVariationRequestModel`."""

from typing import Literal, TypeAlias

CreateImageVariationRequestModel: TypeAlias = Literal["dall-e-2"]
