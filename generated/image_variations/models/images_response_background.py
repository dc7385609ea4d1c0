"""The words of `ImagesResponseBackground`."""

from typing import Literal, TypeAlias

ImagesResponseBackground: TypeAlias = Literal["opaque", "transparent"]
