"""The words of `ImagesResponseOutputFormat`."""

from typing import Literal, TypeAlias

ImagesResponseOutputFormat: TypeAlias = Literal["jpeg", "png", "webp"]
