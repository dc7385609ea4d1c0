"""Encode and decode multipart/form-data bodies.

Bodies are encoded here because the suite has to control every byte of a form. They are decoded by python-multipart.
"""

from __future__ import annotations

import logging
import re
from functools import cached_property
from typing import TYPE_CHECKING

from attrs import field, frozen
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from .exchange import Headers, header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# The parser also logs what it rejects as a warning, which Python prints in a program that configures no logging.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())

# RFC 9110, section 5.6.6; without quotes, any text up to a semicolon. python-multipart takes two backslashes before the
# end of a quoted text for an escaped quote, and does not remove the backslash of other quoted pairs.
_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;"]*))', re.DOTALL)
_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class NotMultipart(ValueError):
    """The content type does not announce a multipart form, or the body is not a form with the announced boundary."""


class Malformed(NotMultipart):
    """The body is a form with the announced boundary and a syntax error, which some parsers tolerate."""


@frozen
class Part:
    """One part of a form: its headers and its content."""

    headers: Headers
    content: bytes = field(repr=lambda content: f"<{len(content)} bytes>")

    @cached_property
    def name(self) -> str | None:
        """The name of the form field, or None if Content-Disposition has none."""
        return self._disposition("name")

    @cached_property
    def filename(self) -> str | None:
        """The file name in Content-Disposition, or None."""
        return self._disposition("filename")

    def _disposition(self, parameter: str) -> str | None:
        return _options(header(self.headers, "content-disposition") or "").get(parameter)

    @property
    def content_type(self) -> str | None:
        """The content type of the part, or None."""
        return header(self.headers, "content-type")


def _options(value: str) -> dict[str, str]:
    """Return the parameters of a header, unquoted, by their names in lower case; of two with a name, the first."""
    found: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(value):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) or bare.strip())
    return found


def text_part(name: str, value: str | bytes) -> Part:
    """Return the part of a text field, with the name escaped as browsers do."""
    content = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    return Part((("Content-Disposition", f'form-data; name="{name.translate(_QUOTED)}"'),), content)


def file_part(name: str, content: bytes, filename: str | None, content_type: str | None) -> Part:
    """Return the part of a file. A file name or content type of None is left out."""
    disposition = f'form-data; name="{name.translate(_QUOTED)}"'
    if filename is not None:
        disposition += f'; filename="{filename.translate(_QUOTED)}"'
    headers: Headers = (("Content-Disposition", disposition),)
    return Part(headers if content_type is None else (*headers, ("Content-Type", content_type)), content)


def encode(parts: tuple[Part, ...], boundary: str) -> bytes:
    """Return the body of a form with these parts. `boundary` is used as it is, whether valid or not."""
    pieces = []
    for part in parts:
        lines = [f"--{boundary}", *(f"{name}: {value}" for name, value in part.headers), "", ""]
        pieces += ["\r\n".join(lines).encode("utf-8", "surrogateescape"), part.content, b"\r\n"]
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()])


def has_preamble_or_epilogue(content_type: str, body: bytes) -> bool:
    """Return whether a form has content before its first boundary or after its last one."""
    delimiter = f"--{boundary_of(content_type)}".encode()
    return not body.startswith(delimiter) or body.rpartition(delimiter)[2] not in {b"--", b"--\r\n"}


def boundary_of(content_type: str) -> str | None:
    """Return the boundary in a content type, unquoted; None unless it is multipart/form-data with a valid boundary."""
    text = _options(content_type).get("boundary")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data" or text is None:
        return None
    return text if re.fullmatch(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]", text) else None


def decode(content_type: str, body: bytes) -> tuple[Part, ...]:
    """Return the parts of a form.

    Raises NotMultipart if the content type is not multipart/form-data with a valid boundary or the body is not a form,
    and Malformed if the body is a form with a syntax error or without a closing boundary.
    """
    boundary = boundary_of(content_type)
    if boundary is None:
        raise NotMultipart(f"not multipart/form-data with a boundary: {content_type!r}")
    collector = _Collector()
    parser = MultipartParser(boundary.encode(), collector.callbacks(), max_header_count=1000, max_header_size=1 << 16)
    # Transports may add white space after a boundary (RFC 2046, section 5.1.1), and content before the first one is to
    # be ignored (the same section), but the parser rejects both.
    delimiter = f"\r\n--{boundary}".encode()
    framed = re.sub(rb"(%b(?:--)?)[ \t]+(?=\r\n)" % re.escape(delimiter), rb"\1", b"\r\n" + body)
    try:
        parser.write(framed[max(framed.find(delimiter), 0) + len(b"\r\n") :])
    except MultipartParseError as error:
        is_form = f"--{boundary}\n".encode() in body.replace(b"\r\n", b"\n")
        raise (
            Malformed(str(error)) if is_form else NotMultipart(f"the body is no form with the boundary {boundary!r}")
        ) from error
    if not collector.ended:
        raise (Malformed if collector.begun else NotMultipart)("the form has no closing boundary")
    return tuple(collector.parts)


class _Collector:
    """Builds parts from the events of the parser."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.begun = self.ended = False
        self._headers: list[tuple[str, str]] = []
        self._name = self._value = self._content = b""
        self._chunks: list[bytes] = []

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self.begun = True
        self._headers, self._chunks = [], []

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers.append(
            (self._name.decode("utf-8", "surrogateescape"), self._value.decode("utf-8", "surrogateescape"))
        )
        self._name = self._value = b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._chunks.append(data[start:end])

    def _part_end(self) -> None:
        self.parts.append(Part(tuple(self._headers), b"".join(self._chunks)))

    def _end(self) -> None:
        self.ended = True
