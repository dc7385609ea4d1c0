"""Constructors of responses. Each imports Starlette when it is called, so that listing the faults stays fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import Response


def plain_response(
    content: bytes | str | memoryview | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str | None = None,
) -> Response:
    """Return a response with any body."""
    from starlette.responses import Response  # noqa: PLC0415

    return Response(content, status, headers, media_type)


def json_response(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str | None = None
) -> Response:
    """Return a response with a JSON body."""
    from starlette.responses import JSONResponse  # noqa: PLC0415

    return JSONResponse(content, status, headers, media_type)


def redirect_response(url: str, status: int = 307, headers: Mapping[str, str] | None = None) -> Response:
    """Return a redirect to `url`."""
    from starlette.responses import RedirectResponse  # noqa: PLC0415

    return RedirectResponse(url, status, headers)
