"""What the contract says of the encoding of a request: its framing, its header fields, and those of its parts."""

from __future__ import annotations

import re

from ..wire.exchange import Request
from ..wire.multipart import Part, boundary_of, has_preamble_or_epilogue
from .document import Contract
from .properties import Properties

# What libraries write. Smaller chunks and shorter boundaries are unusual.
_USUAL_CHUNK_BYTES = 1024
_USUAL_BOUNDARY_CHARACTERS = 16
_LONGEST_BOUNDARY = 70
# Servers have to read these headers. The letter case of other headers does not matter.
_READ_HEADERS = frozenset(
    {"host", "authorization", "content-type", "content-length", "transfer-encoding", "content-disposition"}
)
_USUAL_HEADERS = frozenset({"user-agent", "accept", "accept-encoding", "connection", "expect", *_READ_HEADERS})
# A server may take these to mean that no image, or a part of the response, is wanted.
_CONDITIONS = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"})
# RFC 9110, section 5.6.6, with letters beyond ASCII in quotes. The second pattern has the white space that is usual.
_VALUE = r'[^\s;="]+=(?:"(?:\\.|[^"\\])*"|[^\s;"]*)'
_PARAMETERS = re.compile(rf"[^\s;]+\s*(?:;\s*(?:{_VALUE}\s*)?)*")
_USUAL_PARAMETERS = re.compile(rf"[^\s;]+(?:; {_VALUE})*")
_NAME = re.compile(rf"(?<=;)\s*({_VALUE})")


def classify_wire(request: Request, parts: tuple[Part, ...], contract: Contract, found: Properties) -> None:
    """Add the properties of the encoding of a form."""
    _classify_framing(request, found)
    _classify_headers(request, found)
    content_type = request.header("content-type") or ""
    _classify_parameters("Content-Type", content_type, "boundary", found)
    boundary = _unusual_boundary(content_type, boundary_of(content_type) or "")
    if boundary is not None:
        found.feature("IV-WIRE-BOUNDARY", boundary)
    if re.search(r'boundary="[^"]*\\', content_type, re.IGNORECASE):
        found.feature("IV-WIRE-QUOTED-PAIR")
    if has_preamble_or_epilogue(content_type, request.body):
        found.feature("IV-WIRE-PREAMBLE")
    _classify_part_headers(request, parts, found)
    if len(parts) > 1 and parts[0].name not in {contract.image_field, *contract.image_rules.other_names}:
        found.feature("IV-WIRE-ORDER")


def _classify_framing(request: Request, found: Properties) -> None:
    if request.chunked:
        found.feature("IV-WIRE-CHUNKED", "small chunks" if request.chunk_bytes < _USUAL_CHUNK_BYTES else "chunks")
        if request.chunk_extension:
            found.feature("IV-WIRE-CHUNKED", "chunk extension")
        if request.trailers:
            found.feature("IV-WIRE-CHUNKED", "trailers")
    if "?" in request.target:
        found.feature("IV-WIRE-QUERY")


def _classify_headers(request: Request, found: Properties) -> None:
    for name, value in request.headers:
        lower = name.lower()
        if lower in _CONDITIONS or (lower == "accept" and not _accepts_json(value)):
            found.unspecified.append(f"the header {name}: {value[:40]}")
        elif lower == "expect" and value.lower() != "100-continue":
            found.unspecified.append(f"the header Expect: {value[:40]}")
        elif lower == "expect":
            found.feature("IV-WIRE-EXPECT")
        elif lower not in _USUAL_HEADERS or (lower == "accept" and value != "application/json"):
            found.feature("IV-WIRE-HEADERS", name)
    for name in ("Accept", "User-Agent"):
        if request.header(name) is None:
            found.feature("IV-WIRE-HEADERS", f"no {name}")


def _accepts_json(accept: str) -> bool:
    """Return whether a response of the type application/json is acceptable."""
    ranges = (each.replace(" ", "").lower().partition(";") for each in accept.split(","))
    return any(
        media_type in {"*/*", "application/*", "application/json"} and not re.fullmatch(r"q=0(\.0*)?", parameters)
        for media_type, _, parameters in ranges
    )


def _classify_parameters(header: str, value: str, first: str, found: Properties) -> None:
    """Classify the order and the white space of the parameters of a header, of which `first` usually is the first."""
    names = [match[1].partition("=")[0] for match in _NAME.finditer(value)]
    # RFC 7578, section 4.2, forbids parameters in the coding of RFC 5987, such as filename*.
    if not _PARAMETERS.fullmatch(value) or any(name.endswith("*") for name in names):
        found.unspecified.append(f"a {header} that RFC 9110 or RFC 7578 does not allow")
        return
    if names and names[0].lower() != first:
        found.feature("IV-WIRE-PARAMETERS", f"{names[0]} first in {header}")
    elif "charset" in map(str.lower, names):
        found.feature("IV-WIRE-PARAMETERS", f"charset in {header}")
    if not _USUAL_PARAMETERS.fullmatch(value):
        found.feature("IV-WIRE-PARAMETERS", f"delimiters in {header}")
    words = [value.partition(";")[0], *names]
    if any(word != word.lower() for word in words):
        found.feature("IV-WIRE-HEADER-CASE", f"words of {header}")


def _unusual_boundary(content_type: str, boundary: str) -> str | None:
    """Return what is unusual about a boundary, or None."""
    if '"' in content_type:
        return "quoted"
    if len(boundary) == _LONGEST_BOUNDARY:
        return f"{_LONGEST_BOUNDARY} characters"
    if not re.fullmatch(r"[0-9A-Za-z-]+", boundary):
        return "punctuation"
    if boundary.startswith("--"):
        return "dashes"
    return "short" if len(boundary) < _USUAL_BOUNDARY_CHARACTERS else None


def _classify_part_headers(request: Request, parts: tuple[Part, ...], found: Properties) -> None:
    names = [name for headers in (request.headers, *(part.headers for part in parts)) for name, _ in headers]
    if any(name.lower() in _READ_HEADERS and name != name.title() for name in names):
        found.feature("IV-WIRE-HEADER-CASE", "names")
    for part in parts:
        for name, value in part.headers:
            if name.lower() == "content-disposition":
                _classify_parameters("Content-Disposition", value, "name", found)
            elif name.lower() == "content-transfer-encoding":
                # RFC 7578, section 4.7, deprecates it.
                found.unspecified.append(f"a part with {name}")
            elif name.lower() != "content-type":
                found.feature("IV-WIRE-PART-HEADERS", name)
