"""The values of the enum `ImagesResponseBackground`."""

from typing import Literal, TypeAlias

ImagesResponseBackground: TypeAlias = Literal["opaque", "transparent"]
