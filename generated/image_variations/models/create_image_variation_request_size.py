"""The values of the enum `CreateImageVariationRequestSize`."""

from typing import Literal, TypeAlias

CreateImageVariationRequestSize: TypeAlias = Literal["1024x1024", "256x256", "512x512"]
