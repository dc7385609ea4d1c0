"""The words of `ImagesResponseQuality`."""

from typing import Literal, TypeAlias

ImagesResponseQuality: TypeAlias = Literal["high", "low", "medium"]
