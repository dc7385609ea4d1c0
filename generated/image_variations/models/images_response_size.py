"""The values of the enum `ImagesResponseSize`."""

from typing import Literal, TypeAlias

ImagesResponseSize: TypeAlias = Literal["1024x1024", "1024x1536", "1536x1024", "256x256", "512x512"]
