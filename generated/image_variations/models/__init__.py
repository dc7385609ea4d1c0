# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The models and enums of requests and responses."""

from .create_image_variation_request import CreateImageVariationRequest
from .error_object import ErrorObject
from .error_response import ErrorResponse
from .image import Image
from .image_model import ImageModel
from .image_response_format import ImageResponseFormat
from .image_size import ImageSize
from .image_tokens import ImageTokens
from .image_usage import ImageUsage
from .images_response import ImagesResponse
from .images_response_background import ImagesResponseBackground
from .images_response_output_format import ImagesResponseOutputFormat
from .images_response_quality import ImagesResponseQuality
from .images_response_size import ImagesResponseSize

__all__ = [
    "CreateImageVariationRequest",
    "ErrorObject",
    "ErrorResponse",
    "Image",
    "ImageModel",
    "ImageResponseFormat",
    "ImageSize",
    "ImagesResponse",
    "ImagesResponseBackground",
    "ImagesResponseOutputFormat",
    "ImagesResponseQuality",
    "ImagesResponseSize",
    "ImageTokens",
    "ImageUsage",
]
