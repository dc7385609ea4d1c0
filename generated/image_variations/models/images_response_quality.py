"""The values of the enum `ImagesResponseQuality`."""

from typing import Literal, TypeAlias

ImagesResponseQuality: TypeAlias = Literal["high", "low", "medium"]
