"""The values of the enum `CreateImageVariationRequestResponseFormat`."""

from typing import Literal, TypeAlias

CreateImageVariationRequestResponseFormat: TypeAlias = Literal["b64_json", "url"]
