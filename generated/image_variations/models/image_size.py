"""The values of the enum `ImageSize`."""

from typing import Literal, TypeAlias

ImageSize: TypeAlias = Literal["1024x1024", "256x256", "512x512"]
