"""Functions that change one property of a request or of a form part, such as its boundary or its header names."""

from __future__ import annotations

from attrs import evolve

from ..wire.exchange import Request
from ..wire.multipart import Part


def with_header(request: Request, name: str, value: str | None) -> Request:
    """Return a request with one header replaced or added, or removed where the value is None."""
    kept = tuple(pair for pair in request.headers if pair[0].lower() != name.lower())
    added = () if value is None else ((name, value),)
    return evolve(request, headers=(*kept, *added))


def with_boundary(request: Request, announced: str) -> Request:
    """Return a form whose content type has this text after `boundary=`, such as the boundary in quotes."""
    return with_header(request, "Content-Type", f"multipart/form-data; boundary={announced}")


def with_preamble(request: Request) -> Request:
    """Return a form with text before its first boundary and after its last one."""
    body = b"This is a form.\r\n" + request.body + b"\r\nThat was a form.\r\n"
    return with_header(evolve(request, body=body), "Content-Length", str(len(body)))


def with_chunked_coding(request: Request) -> Request:
    """Return a request with chunked transfer coding in place of a content length."""
    request = with_header(request, "Content-Length", None)
    return evolve(request, headers=(*request.headers, ("Transfer-Encoding", "chunked")), chunked=True)


def with_lower_case_headers(request: Request) -> Request:
    """Return a request with header names and authentication scheme in lower case."""
    headers = tuple((name.lower(), value.replace("Bearer ", "bearer ")) for name, value in request.headers)
    return evolve(request, headers=headers)


def with_disposition(part: Part, disposition: str) -> Part:
    """Return a part with exactly this Content-Disposition."""
    return evolve(part, headers=(("Content-Disposition", disposition), *part.headers[1:]))


def with_media_type(part: Part, media_type: str) -> Part:
    """Return a part with this Content-Type."""
    return evolve(part, headers=(*part.headers[:1], ("Content-Type", media_type)))


def with_unknown_headers(part: Part) -> Part:
    """Return a part with header fields that RFC 7578 does not define, before and after its own."""
    return evolve(part, headers=(("X-Part", "1"), *part.headers, ("Content-Language", "en")))
