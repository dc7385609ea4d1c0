from enum import StrEnum


class CreateImageVariationRequestModel(StrEnum):
    DALL_E_2 = "dall-e-2"

    def __str__(self) -> str:
        return str(self.value)
