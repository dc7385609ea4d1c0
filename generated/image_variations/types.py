"""What calls take and what they give back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from typing import Final, Generic, Literal, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

REQUEST_ID_HEADER = "x-request-id"


class BinaryFile(Protocol):
    """Anything open for reading bytes. It need not seek: what cannot be read twice is kept for a second attempt."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, at most `size`; all the rest where it is negative."""
        ...


# A text is a path. Of an open file all is sent, from its start, wherever it stands.
FileContent: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile
# The content alone, or (file name, content), or (file name, content, media type).
FileInput: TypeAlias = FileContent | tuple[str | None, FileContent] | tuple[str | None, FileContent, str | None]


class NotGiven(Enum):
    """What stands for an argument that was left out, where None means something."""

    NOT_GIVEN = "NOT_GIVEN"


NOT_GIVEN: Final[Literal[NotGiven.NOT_GIVEN]] = NotGiven.NOT_GIVEN


class Response(Generic[T]):
    """An answer, with what was read from it.

    Attributes:
        status_code: The status, 200 to 299: another one raises.
        headers: The header fields; their names in any case.
        content: The body, as it came but for its compression.
        parsed: What the body says.
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
        """What the server calls the request by, where it says so."""
        return self.headers.get(REQUEST_ID_HEADER)


__all__ = [
    "NOT_GIVEN",
    "BinaryFile",
    "FileContent",
    "FileInput",
    "NotGiven",
    "Response",
]
