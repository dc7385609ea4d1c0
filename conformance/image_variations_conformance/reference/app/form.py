"""Read a multipart form (RFC 7578) as a stream, with limits on its size, its parts and their headers.

The parser is that of python-multipart. This module adds three things:

- A preamble is allowed (RFC 2046 section 5.1.1). The parser first gets the head of an extra part, so that it reads the
  preamble as the content of that part.
- A form without its closing delimiter is refused.
- Only the contents of the known fields are kept in memory.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from .api_error import ApiError, shown

if TYPE_CHECKING:
    from .incoming import IncomingRequest

TEXT_LIMIT = 2 * 1024 * 1024
"""Maximum total size, in bytes, of part headers and of all contents except the file, unknown fields included."""
PART_LIMIT = 128
HEADER_LIMIT = 16 * 1024
HEADERS_PER_PART = 32

# RFC 2046 section 5.1.1: 1 to 70 characters of this set, the last of which is not a space.
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
# RFC 9110 section 5.6.6, but an unquoted value may be any text up to a semicolon, because clients leave out quotes.
_PARAMETER = re.compile(rb';[ \t]*([^\s;="]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)

# The parser logs every malformed form. The response tells the client about it, so the log entry is noise.
_SILENT = logging.Logger("form", level=logging.CRITICAL + 1)


@frozen
class Part:
    """A part of a form. `content` is empty if the field is unknown. `filename` holds the bytes as sent.

    `headers` maps names in lower case to values.
    """

    name: str
    filename: bytes | None
    content_type: str | None
    headers: Mapping[bytes, bytes] = field(factory=dict)
    content: bytes = b""

    def text(self) -> str:
        """Return the content decoded by the charset of its type, UTF-8 by default. Raises ApiError (400)."""
        _, found = parameters((self.content_type or "").encode("latin-1"))
        charset = found.get(b"charset", b"utf-8").decode("latin-1")
        try:
            text = self.content.decode(charset)
        except (UnicodeDecodeError, LookupError):
            raise ApiError(f"{self.name} must be text in UTF-8.", self.name, detail="text-not-utf-8") from None
        return text


def parameters(header: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the value of a header in lower case, and its parameters by name in lower case.

    Of parameters with the same name, the first counts.
    """
    value, _, _ = header.partition(b";")
    found: dict[bytes, bytes] = {}
    for name, quoted, bare in _PARAMETER.findall(header):
        found.setdefault(name.lower(), _QUOTED_PAIR.sub(rb"\1", quoted) or bare.strip())
    return value.strip().lower(), found


def form_boundary(content_type: str) -> bytes:
    """Return the boundary in a Content-Type. Raises ApiError: 415 for another type, 400 for no valid boundary."""
    value, found = parameters(content_type.encode("latin-1"))
    if value != b"multipart/form-data":
        received = shown(content_type) if content_type else "none"
        raise ApiError(
            f"The content type must be multipart/form-data, not {received}.",
            status=415,
            kind="not-multipart",
            requirement="IV-OP-MULTIPART",
            detail="type",
            text=content_type,
        )
    boundary = found.get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        message = "The content type must name the boundary of the form: 1 to 70 characters that RFC 2046 allows."
        raise ApiError(
            message, kind="not-multipart", requirement="IV-OP-MULTIPART", detail="boundary", text=content_type
        )
    return boundary


async def read_form(
    request: IncomingRequest, boundary: bytes, fields: Collection[str], file_fields: Collection[str], file_limit: int
) -> tuple[Part, ...]:
    """Return the parts of a form in order. Only the contents of `fields` are kept.

    The content of each of `file_fields` must have less than `file_limit` bytes. Raises ApiError: 400 if the form is
    malformed or has more than PART_LIMIT parts, 413 if it is too large.
    """
    reader = _Reader(boundary, fields, file_fields, file_limit)
    while data := await request.chunk():
        if request.received > file_limit + 2 * TEXT_LIMIT:
            raise ApiError(
                "The form is too long.", status=413, kind="image-too-large", requirement="IV-IMAGE-MAX-BYTES"
            )
        reader.write(data)
    return reader.end(begun=b"--" + boundary in request.start)


class _Reader:
    """Build the parts from the callbacks of the parser."""

    def __init__(self, boundary: bytes, fields: Collection[str], file_fields: Collection[str], file_limit: int) -> None:
        self._fields = fields
        self._file_fields = file_fields
        self._file_limit = file_limit
        self._text_left = TEXT_LIMIT
        self._parts: list[Part] = []
        self._in_preamble = True
        self._ended = False
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._content = bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._gather(self._header_name),
                "on_header_value": self._gather(self._header_value),
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._add_content,
                "on_part_end": self._end_part,
                "on_end": self._end_form,
            },
            max_header_size=HEADER_LIMIT,
            max_header_count=HEADERS_PER_PART,
        )
        self._parser.logger = _SILENT
        self._parser.write(b"--" + boundary + b"\r\n\r\n\r\n")

    def write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError as error:
            detail = "headers-limit" if "header size" in str(error) else "form-malformed"
            raise ApiError(f"The form is malformed. {error}.", kind="not-multipart", detail=detail) from error

    def end(self, *, begun: bool) -> tuple[Part, ...]:
        """Return the parts. `begun` is whether there is a delimiter at all. Raises ApiError if none closes the form."""
        if not self._ended:
            raise ApiError(
                "The form is cut off: its closing boundary is missing.",
                kind="not-multipart",
                requirement="" if begun else "IV-OP-MULTIPART",
                detail="line-ends" if begun and self._in_preamble else "form-cut-off",
            )
        return tuple(self._parts)

    @staticmethod
    def _gather(into: bytearray) -> Callable[[bytes, int, int], None]:
        def add(data: bytes, start: int, end: int) -> None:
            into.extend(data[start:end])

        return add

    def _begin_part(self) -> None:
        self._headers = {}
        self._content.clear()

    def _end_header(self) -> None:
        self._spend(len(self._header_name) + len(self._header_value))
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value).strip(b" \t")
        self._header_name.clear()
        self._header_value.clear()

    def _end_headers(self) -> None:
        if self._in_preamble:
            return
        if len(self._parts) == PART_LIMIT:
            raise ApiError(f"The form must have at most {PART_LIMIT} parts.", detail="part-limit")
        disposition, found = parameters(self._headers.get(b"content-disposition", b""))
        if disposition != b"form-data" or b"name" not in found:
            message = "Every part of the form must have a Content-Disposition of form-data with a name."
            raise ApiError(message, detail="part-unnamed")
        try:
            name = found[b"name"].decode()
        except UnicodeDecodeError:
            message = "The names of the parts of the form must be text in UTF-8."
            raise ApiError(message, detail="part-name-not-utf-8") from None
        content_type = self._headers.get(b"content-type")
        self._parts.append(
            Part(
                name=name,
                filename=found.get(b"filename"),
                content_type=None if content_type is None else content_type.decode("latin-1"),
                headers=self._headers,
            )
        )

    def _add_content(self, data: bytes, start: int, end: int) -> None:
        if self._in_preamble:
            return
        name = self._parts[-1].name
        if name in self._file_fields:
            if len(self._content) + end - start >= self._file_limit:
                raise ApiError(
                    f"{name} must have less than {self._file_limit} bytes.",
                    name,
                    status=413,
                    kind="image-too-large",
                    requirement="IV-IMAGE-MAX-BYTES",
                )
        else:
            self._spend(end - start)
        if name in self._fields:
            self._content += data[start:end]

    def _end_part(self) -> None:
        if self._in_preamble:
            self._in_preamble = False
            return
        part = self._parts[-1]
        self._parts[-1] = Part(part.name, part.filename, part.content_type, part.headers, bytes(self._content))

    def _end_form(self) -> None:
        self._ended = True

    def _spend(self, size: int) -> None:
        self._text_left -= size
        if self._text_left < 0:
            message = f"Everything in the form but the file must have at most {TEXT_LIMIT} bytes."
            raise ApiError(message, status=413, detail="text-limit")
