"""Functions that change one property of a request or of a form part, such as its framing or its header names."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from ..wire.exchange import Headers, Request
from ..wire.multipart import Part


def with_header(request: Request, name: str, value: str | None) -> Request:
    """Return a request with one header replaced or added, or removed where the value is None."""
    kept = tuple(pair for pair in request.headers if pair[0].lower() != name.lower())
    added = () if value is None else ((name, value),)
    return evolve(request, headers=(*kept, *added))


def without_host(request: Request) -> Request:
    """Return a request of HTTP/1.0 without the header Host, which that version does not know."""
    return evolve(with_header(request, "Host", None), http_version="1.0")


def with_body(request: Request, body: bytes) -> Request:
    """Return a request with another body and, unless it is chunked, its length."""
    request = evolve(request, body=body)
    return request if request.chunked else with_header(request, "Content-Length", str(len(body)))


def with_preamble(request: Request) -> Request:
    """Return a form with text before its first boundary and after its last one."""
    return with_body(request, b"This is a form.\r\n" + request.body + b"\r\nThat was a form.\r\n")


def with_transport_padding(request: Request) -> Request:
    """Return a form with white space after each boundary, which RFC 2046 allows to transports."""
    boundary = (request.header("content-type") or "").partition("boundary=")[2].strip('"')
    delimiter = f"--{boundary}".encode()
    padded = request.body.replace(delimiter + b"\r\n", delimiter + b" \t\r\n")
    return with_body(request, padded.replace(delimiter + b"--\r\n", delimiter + b"-- \r\n"))


def with_chunked_coding(
    extension: str = "", trailers: Headers = (), chunk_bytes: int = 65536, *, announced: bool = True
) -> Callable[[Request], Request]:
    """Return the change to chunked transfer coding in place of a content length.

    Each chunk has this extension, the body these trailers, and a chunk at most `chunk_bytes`. The header Trailer names
    the trailers if they are `announced`.
    """

    def change(request: Request) -> Request:
        request = with_header(request, "Content-Length", None)
        names = (("Trailer", ", ".join(name for name, _ in trailers)),) if trailers and announced else ()
        headers = (*request.headers, ("Transfer-Encoding", "chunked"), *names)
        return evolve(
            request,
            headers=headers,
            chunked=True,
            chunk_extension=extension,
            trailers=trailers,
            chunk_bytes=chunk_bytes,
        )

    return change


def with_lower_case_names(request: Request) -> Request:
    """Return a request with header names in lower case."""
    return evolve(request, headers=tuple((name.lower(), value) for name, value in request.headers))


def with_upper_case_names(request: Request) -> Request:
    """Return a request with header names in upper case."""
    return evolve(request, headers=tuple((name.upper(), value) for name, value in request.headers))


def with_scheme(scheme: str) -> Callable[[Request], Request]:
    """Return the change to another spelling of the authentication scheme."""

    def change(request: Request) -> Request:
        headers = ((name, value.replace("Bearer ", f"{scheme} ", 1)) for name, value in request.headers)
        return evolve(request, headers=tuple(headers))

    return change


def with_query(query: str) -> Callable[[Request], Request]:
    """Return the change that adds a query string to the URL."""
    return lambda request: evolve(request, target=f"{request.target}{'&' if '?' in request.target else '?'}{query}")


def with_disposition(part: Part, disposition: str) -> Part:
    """Return a part with exactly this Content-Disposition."""
    return _with_part_header(part, "Content-Disposition", disposition)


def with_media_type(part: Part, media_type: str | None) -> Part:
    """Return a part with this Content-Type, or without one."""
    return _with_part_header(part, "Content-Type", media_type)


def _with_part_header(part: Part, name: str, value: str | None) -> Part:
    """Return a part with one header replaced in its place or added, or removed where the value is None."""
    replaced = [(key, value if key.lower() == name.lower() else old) for key, old in part.headers]
    if value is not None and all(key.lower() != name.lower() for key, _ in part.headers):
        replaced.append((name, value))
    return evolve(part, headers=tuple((key, text) for key, text in replaced if text is not None))


def with_unknown_headers(part: Part) -> Part:
    """Return a part with header fields that RFC 7578 does not define, before and after its own."""
    return evolve(part, headers=(("X-Part", "1"), *part.headers, ("Content-Language", "en")))


def kept_open(request: Request) -> Request:
    """Return a request that does not ask for the end of its connection."""
    return with_header(request, "Connection", None)
