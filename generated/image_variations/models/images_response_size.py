from enum import StrEnum


class ImagesResponseSize(StrEnum):
    SIZE_1024X1024 = "1024x1024"
    SIZE_1024X1536 = "1024x1536"
    SIZE_1536X1024 = "1536x1024"
    SIZE_256X256 = "256x256"
    SIZE_512X512 = "512x512"

    def __str__(self) -> str:
        return str(self.value)
