# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""A client library for accessing Image variations"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._stamp import VERSION as __version__
from .client import AsyncClient, Client
from .errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    DataError,
    ImageVariationsError,
    InternalServerError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from .types import NOT_GIVEN, FileInput, NotGiven, Response

if TYPE_CHECKING:
    from .models import (
        CreateImageVariationRequest,
        ErrorObject,
        ErrorResponse,
        Image,
        ImagesResponse,
        ImageTokens,
        ImageUsage,
    )

_MODELS = frozenset(
    {
        "CreateImageVariationRequest",
        "ImagesResponse",
        "Image",
        "ImageUsage",
        "ImageTokens",
        "ErrorResponse",
        "ErrorObject",
    }
)

__all__ = [
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncClient",
    "AuthenticationError",
    "BadRequestError",
    "Client",
    "ConflictError",
    "DataError",
    "FileInput",
    "ImageVariationsError",
    "InternalServerError",
    "InvalidRequestError",
    "NotFoundError",
    "NotGiven",
    "PermissionDeniedError",
    "RateLimitError",
    "Response",
    "UnprocessableEntityError",
    "CreateImageVariationRequest",
    "ImagesResponse",
    "Image",
    "ImageUsage",
    "ImageTokens",
    "ErrorResponse",
    "ErrorObject",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import the models when one of them is first used, so that the package imports quickly."""
    if name == "models" or name in _MODELS:
        models = import_module(".models", __name__)
        return models if name == "models" else getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
