# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""Read the files of a response, which are in base64 or behind links."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote_to_bytes

from . import _json
from ._answers import Reading, as_bytes
from ._calls import Call
from ._models import Model, members
from ._options import DEFAULT_MAX_DOWNLOAD_BYTES
from ._saving import destination
from .errors import APIResponseValidationError, ImageVariationsError
from .types import NOT_GIVEN, NotGiven

if TYPE_CHECKING:
    from ._clients import AsyncClient, SyncClient

READING: Reading[bytes] = Reading({"200": as_bytes})


class Downloadable:
    """An item of a response whose file is in base64 or behind a link.

    The link is fetched by the client that received the response, without the API key, within the timeout of the client.
    A copied or constructed item has no client; use `Client.download` to fetch its link.
    """

    __slots__ = ("_client",)

    _client: SyncClient | AsyncClient

    def bind(self, client: SyncClient | AsyncClient) -> None:
        """Set the client that fetches the link."""
        self._client = client

    def _source(self) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
        """Return name and value of the member with the file in base64, and of the member with the link."""
        raise NotImplementedError

    def read(self, *, max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES) -> bytes:
        """Return the content of the file, of at most `max_bytes` bytes.

        Raises `APIResponseValidationError` if the file is longer or not valid base64, the errors of a call if its link
        cannot be fetched, and `ImageVariationsError` if there is a link but no `Client` to fetch it.
        """
        from ._clients import SyncClient

        content, url = self._local_content(max_bytes)
        if content is not None:
            return content
        client = self._bound()
        if not isinstance(client, SyncClient):
            raise ImageVariationsError("This item was received by an AsyncClient: use await aread() or await asave().")
        return client.download(url, max_bytes=max_bytes)

    async def aread(self, *, max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES) -> bytes:
        """Return the content of the file like `read`, for an item that an `AsyncClient` received."""
        from ._clients import AsyncClient

        content, url = self._local_content(max_bytes)
        if content is not None:
            return content
        client = self._bound()
        if not isinstance(client, AsyncClient):
            raise ImageVariationsError(
                "This item was received by a Client, which is synchronous: use read() or save()."
            )
        return await client.download(url, max_bytes=max_bytes)

    def save(self, path: str | os.PathLike[str], *, max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES) -> Path:
        """Write the file to `path` and return the path.

        An existing file is replaced as a whole; its permissions are kept, its owner is not, and a symbolic link is
        followed. If there is an error, nothing is left behind, and an existing file stays as it is.

        Raises the errors of `read`, `InvalidRequestError` if `path` is a folder, a device, a pipe, a socket or no path,
        and `OSError` with `path` as its `filename` for what the operating system refuses: a missing folder, a file or
        folder that must not be written, a full disk.
        """
        return destination(path).write(self.read(max_bytes=max_bytes))

    async def asave(self, path: str | os.PathLike[str], *, max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES) -> Path:
        """Write the file like `save`, for an item that an `AsyncClient` received."""
        from anyio import to_thread

        place = await to_thread.run_sync(destination, path)
        return await to_thread.run_sync(place.write, await self.aread(max_bytes=max_bytes))

    def _bound(self) -> SyncClient | AsyncClient:
        client: SyncClient | AsyncClient | None = getattr(self, "_client", None)
        if client is None:
            raise ImageVariationsError("This item has no client to fetch its link with: use Client.download(url).")
        return client

    def _local_content(self, max_bytes: int) -> tuple[bytes | None, str]:
        """Return the content, or None if it must be fetched, and the link to it."""
        (base64_name, base64), (url_name, url) = self._source()
        if base64:
            return _decoded(base64_name, base64, max_bytes), ""
        if not url:
            raise _invalid(base64_name, f"there is neither {base64_name} nor {url_name}")
        scheme, _, inside = url.partition(":")
        if scheme.lower() == "data":
            kind, _, data = inside.partition(",")
            if kind.endswith(";base64"):
                return _decoded(url_name, data, max_bytes), ""
            try:
                return _within(url_name, unquote_to_bytes(data), max_bytes), ""
            except UnicodeEncodeError:
                raise _invalid(url_name, "it holds half a character (a lone surrogate)") from None
        if scheme.lower() not in {"http", "https"}:
            raise _invalid(url_name, "this is not an http or https URL")
        return None, url


def bind(value: object, client: SyncClient | AsyncClient) -> None:
    """Set the client of every `Downloadable` in `value`, the decoded value of a response."""
    if isinstance(value, Downloadable):
        value.bind(client)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            bind(item, client)
    elif isinstance(value, Model):
        for _, member in members(value):
            bind(member, client)


def download(url: str, max_bytes: int, timeout: float | NotGiven | None = NOT_GIVEN) -> Call:
    """Return the call that fetches a file, without the API key."""
    return Call(method="GET", url=url, of_api=False, secured=False, max_response_bytes=max_bytes, timeout=timeout)


def _decoded(name: str, text: str, max_bytes: int) -> bytes:
    try:
        return _within(name, _json.decode_base64(text), max_bytes)
    except ValueError:
        raise _invalid(name, "this is not base64, or not all of it") from None


def _within(name: str, content: bytes, max_bytes: int) -> bytes:
    if len(content) > max_bytes:
        raise _invalid(name, f"the file has more than {max_bytes} bytes (max_bytes)")
    return content


def _invalid(name: str, reason: str) -> APIResponseValidationError:
    return APIResponseValidationError(f"{name}: {reason}.", field=name)
