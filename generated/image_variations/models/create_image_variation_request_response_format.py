"""The words of `CreateImageVariationRequestResponseFormat`."""

from typing import Literal, TypeAlias

CreateImageVariationRequestResponseFormat: TypeAlias = Literal["b64_json", "url"]
