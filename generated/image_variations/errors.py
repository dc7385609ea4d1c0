# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The exceptions of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


class ImageVariationsError(Exception):
    """The base class of all errors of this package. No response of a server raises any other exception.

    ImageVariationsError
    ├── InvalidRequestError                   an argument that violates the contract or cannot be sent
    ├── DataError                             a value of a type that the contract does not allow
    └── APIError
        ├── APIConnectionError                no connection, or a broken one
        │   └── APITimeoutError
        ├── APIResponseValidationError        a successful response that violates the contract
        └── APIStatusError                    an error response
            ├── BadRequestError               400
            ├── AuthenticationError           401
            ├── PermissionDeniedError         403
            ├── NotFoundError                 404
            ├── ConflictError                 409
            ├── UnprocessableEntityError      422
            ├── RateLimitError                429
            └── InternalServerError           500 and above
    """


class InvalidRequestError(ImageVariationsError, ValueError):
    """An argument violates the contract or cannot be sent. `param` is its name, or None if it is not known."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class DataError(ImageVariationsError, ValueError):
    """A value has a type that the contract does not allow. `field` is its place, such as `data[0].url`."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message

    def within(self, step: str | int) -> DataError:
        """Return the same error for the object or array that has the value under the name or index `step`."""
        inner = f".{self.field}" if self.field and not self.field.startswith("[") else self.field
        return DataError(self.message, field=(f"[{step}]" if isinstance(step, int) else step) + inner)


class APIError(ImageVariationsError):
    """A call failed: there was no response, an error response, or an invalid response.

    Attributes:
        message: The message of the server if it sent one, or else of this client.
        body: The error object of an error response, or else its JSON value or text; None for other errors.
        param: The name of the invalid field: `param` of the error object, or what other formats have in its place.
        code: The `code` of the error object, which identifies the error.
        type: The `type` of the error object: the kind of error.
    """

    def __init__(self, message: str, *, body: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.body = body
        members = cast("dict[object, object]", body) if isinstance(body, dict) else {}
        self.param = _text(members.get("param"))
        self.code = _text(members.get("code"))
        self.type = _text(members.get("type"))


class APIConnectionError(APIError):
    """The server could not be reached, closed the connection, or sent no valid HTTP."""

    def __init__(self, message: str = "Connection error.") -> None:
        super().__init__(message)


class APITimeoutError(APIConnectionError):
    """The response was not complete within the timeout."""

    def __init__(self, message: str = "Request timed out.") -> None:
        super().__init__(message)


class _ResponseError(APIError):
    """An error with a response.

    Attributes:
        status_code: The status of the response.
        headers: The headers of the response; lookup ignores the case of names.
        content: The body of the response, at most the first 64 KiB.
        request_id: The id of the request from the header `x-request-id`, or None if there is none.
    """

    def __init__(
        self,
        message: str,
        *,
        body: object = None,
        status_code: int = 0,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> None:
        super().__init__(message, body=body)
        self.status_code = status_code
        self.headers: Mapping[str, str] = {} if headers is None else headers
        self.content = content
        self.request_id = self.headers.get("x-request-id")


class APIResponseValidationError(_ResponseError):
    """A successful response violates the contract. `field` is the place of the wrong value, such as `data[0].url`.

    `field` is None if the response is wrong as a whole: it is not JSON, too long, or its status is not in the contract.
    """

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        status_code: int = 0,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> None:
        super().__init__(message, status_code=status_code, headers=headers, content=content)
        self.field = field


class APIStatusError(_ResponseError):
    """The server sent an error response.

    `parsed` is the error model of the contract, or None if the body does not fit it.
    """

    def __init__(
        self,
        message: str,
        *,
        body: object = None,
        status_code: int = 0,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        parsed: Any = None,
    ) -> None:
        super().__init__(message, body=body, status_code=status_code, headers=headers, content=content)
        self.parsed = parsed

    def __str__(self) -> str:
        notes = {"param": self.param, "code": self.code, "request id": self.request_id}
        noted = ", ".join(f"{name}: {_printable(note[:_MAX_NOTE])}" for name, note in notes.items() if note)
        return f"{self.status_code}: {self.message}" + (f" ({noted})" if noted else "")


class BadRequestError(APIStatusError):
    """400: a part of the request is missing or invalid."""


class AuthenticationError(APIStatusError):
    """401: the API key is missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """403: the API key does not permit the call."""


class NotFoundError(APIStatusError):
    """404: the resource does not exist."""


class ConflictError(APIStatusError):
    """409: the request conflicts with another one. It is retried."""


class UnprocessableEntityError(APIStatusError):
    """422: the request is well-formed, but cannot be processed."""


class RateLimitError(APIStatusError):
    """429: too many requests in a short time. The request is retried."""


class InternalServerError(APIStatusError):
    """500 and above: the server failed. The request is retried."""


def of_status(status_code: int) -> type[APIStatusError]:
    """Return the error class for a response with the status."""
    return InternalServerError if status_code >= 500 else _OF_STATUS.get(status_code, APIStatusError)


_MAX_NOTE = 100
_OF_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)


__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConflictError",
    "DataError",
    "ImageVariationsError",
    "InternalServerError",
    "InvalidRequestError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "UnprocessableEntityError",
]
