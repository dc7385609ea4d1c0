"""The values of the enum `ImageResponseFormat`."""

from typing import Literal, TypeAlias

ImageResponseFormat: TypeAlias = Literal["b64_json", "url"]
