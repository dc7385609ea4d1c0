"""What this package raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


class ImageVariationsError(Exception):
    """The root of all errors of this package; nothing else is raised, whatever a server sends.

    ImageVariationsError
    ├── InvalidRequestError                   refused here, before a byte was sent
    ├── DataError                             a value that the contract has no place for
    └── APIError
        ├── APIConnectionError                no connection, or it broke
        │   └── APITimeoutError
        ├── APIResponseValidationError        an answer that says success and cannot be read
        └── APIStatusError                    an answer that says failure
            ├── BadRequestError               400
            ├── AuthenticationError           401
            ├── PermissionDeniedError         403
            ├── NotFoundError                 404
            ├── ConflictError                 409
            ├── UnprocessableEntityError      422
            ├── RateLimitError                429
            └── InternalServerError           500 and more
    """


class InvalidRequestError(ImageVariationsError, ValueError):
    """What was asked for is refused here, before a byte was sent; `param` is the argument at fault."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class DataError(ImageVariationsError, ValueError):
    """A value is of a type that the contract has no place for; `field` says where, like `data[0].url`."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message

    def within(self, step: str | int) -> DataError:
        """The same error, said of what holds the value under the name or at the place `step`."""
        inner = f".{self.field}" if self.field and not self.field.startswith("[") else self.field
        return DataError(self.message, field=(f"[{step}]" if isinstance(step, int) else step) + inner)


class APIError(ImageVariationsError):
    """A call that was sent and did not end well.

    Attributes:
        message: What is wrong, in the server's words where it has any.
        body: The error object of the answer; where there is none, its JSON or its text; None without an answer.
        param: The field at fault, as the server says.
        code: The server's fixed word for this very error.
        type: The kind of error, in the server's words.
    """

    def __init__(self, message: str, *, body: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.body = body
        said = cast("dict[object, object]", body) if isinstance(body, dict) else {}
        self.param = _text(said.get("param"))
        self.code = _text(said.get("code"))
        self.type = _text(said.get("type"))


class APIConnectionError(APIError):
    """The server could not be reached, hung up, or did not speak HTTP."""

    def __init__(self, message: str = "Connection error.") -> None:
        super().__init__(message)


class APITimeoutError(APIConnectionError):
    """The answer was not there, whole, in time."""

    def __init__(self, message: str = "Request timed out.") -> None:
        super().__init__(message)


class _Answered(APIError):
    """What the two kinds of bad answers share.

    Attributes:
        status_code: The status of the answer.
        headers: Its header fields; their names in any case.
        content: Its body, at most the first 64 KiB.
        request_id: What the server calls the request by, where it says so.
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


class APIResponseValidationError(_Answered):
    """The answer says success and is not what the contract says; `field` names the value, like `data[0].url`.

    `field` is None where the answer is at fault as a whole: no JSON, too long, of a status that is not of the contract.
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


class APIStatusError(_Answered):
    """The answer says failure.

    `parsed` is the model that the contract has for such an answer, where the body is one; None where it is not.
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
    """400: something in the request is missing, or not what it must be."""


class AuthenticationError(APIStatusError):
    """401: the API key is missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """403: the API key is not allowed to do this."""


class NotFoundError(APIStatusError):
    """404: there is no such thing."""


class ConflictError(APIStatusError):
    """409: something else is in the way. Such a request is tried again."""


class UnprocessableEntityError(APIStatusError):
    """422: the request is understood, and makes no sense."""


class RateLimitError(APIStatusError):
    """429: too many requests in a short time. Such a request is tried again."""


class InternalServerError(APIStatusError):
    """500 and more: the server failed. Such a request is tried again."""


def of_status(status_code: int) -> type[APIStatusError]:
    """The class of the error that an answer of the status is."""
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
