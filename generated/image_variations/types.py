# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Types of the arguments and results of calls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from typing import Final, Generic, Literal, Protocol, TypeAlias, TypedDict, TypeVar

T = TypeVar("T")

REQUEST_ID_HEADER = "x-request-id"


class BinaryFile(Protocol):
    """A file open for reading bytes. If it is not seekable, its content is copied first, so that it can be resent."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, or all remaining bytes if `size` is negative."""
        ...


# A str is a path. An open file is sent from its start, whatever its current position.
FileContent: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile
# The content alone, or (file name, content), or (file name, content, media type).
FileInput: TypeAlias = FileContent | tuple[str | None, FileContent] | tuple[str | None, FileContent, str | None]


class NotGiven(Enum):
    """The type of `NOT_GIVEN`, the default of arguments for which None has a meaning."""

    NOT_GIVEN = "NOT_GIVEN"


NOT_GIVEN: Final[Literal[NotGiven.NOT_GIVEN]] = NotGiven.NOT_GIVEN


class CallOptions(TypedDict, total=False):
    """The arguments that every operation has. The methods of operations document them."""

    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, object] | None
    timeout: float | NotGiven | None


class BodyCallOptions(CallOptions, total=False):
    """The arguments that every operation with a body has."""

    extra_body: Mapping[str, object] | None


class Response(Generic[T]):
    """A successful response.

    Attributes:
        status_code: The status, from 200 to 299.
        headers: The headers; lookup ignores the case of names.
        content: The body, decompressed.
        parsed: The value decoded from the body.
    """

    __slots__ = ("content", "headers", "parsed", "status_code")

    def __init__(self, status_code: int, headers: Mapping[str, str], content: bytes, parsed: T) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content
        self.parsed = parsed

    def __repr__(self) -> str:
        return f"Response(status_code={self.status_code}, content=<{len(self.content)} bytes>, parsed={self.parsed!r})"

    @property
    def request_id(self) -> str | None:
        """The id of the request from the header `x-request-id`, or None if there is none."""
        return self.headers.get(REQUEST_ID_HEADER)


__all__ = [
    "NOT_GIVEN",
    "BinaryFile",
    "BodyCallOptions",
    "CallOptions",
    "FileContent",
    "FileInput",
    "NotGiven",
    "Response",
]
