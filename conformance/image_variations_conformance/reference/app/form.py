"""Reading a multipart form (RFC 7578) while it streams in, with limits on everything.

The parser is that of python-multipart. Three things are added around it. A preamble is allowed (RFC 2046 section
5.1.1): the parser is given the head of a part of our own first, so that the preamble is the content of that part.
A form without its closing delimiter is refused. And nothing is held but the contents of the fields that are asked for.
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

TEXT_LIMIT = 1024 * 1024
"""Bytes that everything but the file may have together: texts, names, headers, and fields that nobody asked for."""
PART_LIMIT = 128
HEADER_LIMIT = 16 * 1024
HEADERS_PER_PART = 32

# RFC 2046 section 5.1.1: up to 70 characters of this set, and no space at the end.
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
# RFC 9110 section 5.6.6, with any text that ends at a semicolon in place of a token as value: clients leave out quotes.
_PARAMETER = re.compile(rb';[ \t]*([^\s;="]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)

# The parser tells the log about every malformed form. That is the client's affair, and it is told in the answer.
_SILENT = logging.Logger("form", level=logging.CRITICAL + 1)


@frozen
class Part:
    """A part of a form. `content` is empty where the field was not asked for; `filename` is as sent, undecoded."""

    name: str
    filename: bytes | None
    content_type: str | None
    headers: Mapping[bytes, bytes] = field(factory=dict)
    content: bytes = b""

    def text(self) -> str:
        """The content as text. Raises ApiError where it is not UTF-8."""
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            raise ApiError(f"{self.name} must be text in UTF-8.", self.name) from None


def parameters(header: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The value of a header, in lower case, and its parameters, by their names in lower case."""
    value, _, _ = header.partition(b";")
    found: dict[bytes, bytes] = {}
    for name, quoted, bare in _PARAMETER.findall(header):
        found.setdefault(name.lower(), _QUOTED_PAIR.sub(rb"\1", quoted) or bare.strip())
    return value.strip().lower(), found


def form_boundary(content_type: str) -> bytes:
    """The boundary that a Content-Type names. Raises ApiError: 415 for another type, 400 for no readable boundary."""
    value, found = parameters(content_type.encode("latin-1"))
    if value != b"multipart/form-data":
        came = shown(content_type) if content_type else "none"
        raise ApiError(f"The content type must be multipart/form-data, not {came}.", status=415)
    boundary = found.get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise ApiError("The content type must name the boundary of the form: 1 to 70 characters that RFC 2046 allows.")
    return boundary


async def read_form(
    request: IncomingRequest, boundary: bytes, fields: Collection[str], file_field: str, file_limit: int
) -> tuple[Part, ...]:
    """The parts of a form, in order, with the contents of `fields`.

    `file_limit` is the number of bytes that the content of `file_field` must stay below. Raises ApiError for a form that
    is malformed (400) or over a limit (413).
    """
    reader = _Reader(boundary, fields, file_field, file_limit)
    while data := await request.chunk():
        if request.received > file_limit + 2 * TEXT_LIMIT:
            raise ApiError("The form is too long.", status=413)
        reader.write(data)
    return reader.end()


class _Reader:
    """Builds the parts out of the parser's callbacks."""

    def __init__(self, boundary: bytes, fields: Collection[str], file_field: str, file_limit: int) -> None:
        self._fields = fields
        self._file_field = file_field
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
            raise ApiError(f"The form is malformed. {error}.") from error

    def end(self) -> tuple[Part, ...]:
        if not self._ended:
            raise ApiError("The form is cut off: its closing boundary is missing.")
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
            raise ApiError(f"The form must have at most {PART_LIMIT} parts.")
        disposition, found = parameters(self._headers.get(b"content-disposition", b""))
        if disposition != b"form-data" or b"name" not in found:
            raise ApiError("Every part of the form must have a Content-Disposition of form-data with a name.")
        try:
            name = found[b"name"].decode()
        except UnicodeDecodeError:
            raise ApiError("The names of the parts of the form must be text in UTF-8.") from None
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
        if name == self._file_field:
            if len(self._content) + end - start >= self._file_limit:
                raise ApiError(f"{name} must have less than {self._file_limit} bytes.", name, status=413)
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
            raise ApiError(f"Everything in the form but the file must have at most {TEXT_LIMIT} bytes.", status=413)
