"""The values of the enum `ImagesResponseOutputFormat`."""

from typing import Literal, TypeAlias

ImagesResponseOutputFormat: TypeAlias = Literal["jpeg", "png", "webp"]
