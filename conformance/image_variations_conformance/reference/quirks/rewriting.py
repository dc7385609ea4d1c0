"""Copies of a response with another body or other headers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..app.responses import plain_response

if TYPE_CHECKING:
    from starlette.responses import Response


JSON = "application/json"
RawHeaders = list[tuple[bytes, bytes]]


def without(headers: Iterable[tuple[bytes, bytes]], *names: bytes) -> RawHeaders:
    """Return the headers without those of the given names, which must be in lower case."""
    return [(name, value) for name, value in headers if name not in names]


def rewritten(response: Response, body: bytes, *more: tuple[bytes, bytes]) -> Response:
    """Return a copy of a response with another body, and with `more` headers in place of those with the same names."""
    new = plain_response(status=response.status_code)
    new.body = body
    replaced = (b"content-length", *(name for name, _ in more))
    new.raw_headers = [*without(response.raw_headers, *replaced), (b"content-length", b"%d" % len(body)), *more]
    return new


def is_json(response: Response) -> bool:
    """Return whether the content type of a response is JSON."""
    return response.headers.get("content-type", "").startswith(JSON)
