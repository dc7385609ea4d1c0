from enum import StrEnum


class CreateImageVariationRequestSize(StrEnum):
    SIZE_1024X1024 = "1024x1024"
    SIZE_256X256 = "256x256"
    SIZE_512X512 = "512x512"

    def __str__(self) -> str:
        return str(self.value)
