"""Answers written anew: with another body, or with other headers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..app.responses import plain_response

if TYPE_CHECKING:
    from starlette.responses import Response


JSON = "application/json"
RawHeaders = list[tuple[bytes, bytes]]


def without(headers: Iterable[tuple[bytes, bytes]], *names: bytes) -> RawHeaders:
    """The headers but those of these names, which are in lower case."""
    return [(name, value) for name, value in headers if name not in names]


def rewritten(response: Response, body: bytes, *more: tuple[bytes, bytes]) -> Response:
    """An answer with another body and some headers more. A header of the same name gives way to them."""
    new = plain_response(status=response.status_code)
    new.body = body
    gone = (b"content-length", *(name for name, _ in more))
    new.raw_headers = [*without(response.raw_headers, *gone), (b"content-length", b"%d" % len(body)), *more]
    return new


def is_json(response: Response) -> bool:
    """Whether an answer says that it is JSON."""
    return response.headers.get("content-type", "").startswith(JSON)
