# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The synchronous and the asynchronous client."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from . import _clients

# The modules of the operations are imported when they are first used, so that the package imports quickly.
if TYPE_CHECKING:
    from .api.images import AsyncImages, Images


class Client(_clients.SyncClient):
    """Synchronous client of the API. Threads can share it.

    The API key is read from the environment variable OPENAI_API_KEY unless `api_key` is given, and the base URL from
    OPENAI_BASE_URL unless `base_url` is given; it is http://127.0.0.1:8000/v1 if neither is.

    Connections are opened by the first call. `close`, or the end of a `with` block, closes them.
    """

    @cached_property
    def images(self) -> Images:
        """Image operations."""
        from .api.images import Images

        return Images(self)


class AsyncClient(_clients.AsyncClient):
    """Asynchronous client of the API: the methods of `Client` as coroutines. Event loops can share it.

    The API key is read from the environment variable OPENAI_API_KEY unless `api_key` is given, and the base URL from
    OPENAI_BASE_URL unless `base_url` is given; it is http://127.0.0.1:8000/v1 if neither is.

    Connections are opened by the first call. Each event loop has its own: close
    them before the loop ends, with `close` or `async with`.
    """

    @cached_property
    def images(self) -> AsyncImages:
        """Image operations."""
        from .api.images import AsyncImages

        return AsyncImages(self)


__all__ = ["AsyncClient", "Client"]
