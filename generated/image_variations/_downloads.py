"""Getting at the file that an item of an answer stands for, in base64 or behind a link."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote_to_bytes

from . import _json
from ._answers import Reading, as_bytes
from ._calls import Call
from ._models import Model, members
from ._options import DEFAULT_MAX_DOWNLOAD_BYTES
from .errors import APIResponseValidationError, ImageVariationsError
from .types import NOT_GIVEN, NotGiven

if TYPE_CHECKING:
    from .client import AsyncClient, Client

READING: Reading[bytes] = Reading({"200": as_bytes})


class Downloadable:
    """An item whose file is in the answer itself or behind a link.

    It knows the client that it came by, and fetches by it: without the API key, within the client's timeout. What was
    copied, or made by hand, has no client; the file behind its link can be had by `Client.download`.
    """

    __slots__ = ("_client",)

    _client: Client | AsyncClient

    def bind(self, client: Client | AsyncClient) -> None:
        """Let `client` be the one to fetch by."""
        self._client = client

    def _source(self) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
        """Name and value of the member with the file in base64, and of the one with the link."""
        raise NotImplementedError

    def read(self, *, max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES) -> bytes:
        """Return the file, of at most `max_bytes` bytes.

        Raises `APIResponseValidationError` where it is longer, or no base64, and what a call raises where it cannot be
        fetched.
        """
        from .client import Client

        content, url = self._at_hand(max_bytes)
        if content is not None:
            return content
        client = self._bound()
        if not isinstance(client, Client):
            raise ImageVariationsError("This came by an AsyncClient: await aread() or asave().")
        return client.download(url, max_bytes=max_bytes)

    async def aread(self, *, max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES) -> bytes:
        """Return the file as `read` does, for what came by an `AsyncClient`."""
        from .client import AsyncClient

        content, url = self._at_hand(max_bytes)
        if content is not None:
            return content
        client = self._bound()
        if not isinstance(client, AsyncClient):
            raise ImageVariationsError("This came by a Client, which does not await: use read() or save().")
        return await client.download(url, max_bytes=max_bytes)

    def save(self, path: str | os.PathLike[str], *, max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES) -> Path:
        """Write the file to `path`, whole or not at all, and return the path. Raises what `read` does, and `OSError`."""
        return _write(Path(path), self.read(max_bytes=max_bytes))

    async def asave(self, path: str | os.PathLike[str], *, max_bytes: int = DEFAULT_MAX_DOWNLOAD_BYTES) -> Path:
        """Write the file as `save` does, for what came by an `AsyncClient`."""
        from anyio import to_thread

        return await to_thread.run_sync(_write, Path(path), await self.aread(max_bytes=max_bytes))

    def _bound(self) -> Client | AsyncClient:
        client: Client | AsyncClient | None = getattr(self, "_client", None)
        if client is None:
            raise ImageVariationsError(
                "This did not come by a client, and cannot fetch its link: use Client.download(url)."
            )
        return client

    def _at_hand(self, max_bytes: int) -> tuple[bytes | None, str]:
        """The file, where it is here already, and the link to it."""
        (base64_name, base64), (url_name, url) = self._source()
        if base64:
            return _decoded(base64_name, base64, max_bytes), ""
        if not url:
            raise _useless(base64_name, f"there is neither {base64_name} nor {url_name}")
        scheme, _, inside = url.partition(":")
        if scheme.lower() == "data":
            kind, _, data = inside.partition(",")
            if kind.endswith(";base64"):
                return _decoded(url_name, data, max_bytes), ""
            return _within(url_name, unquote_to_bytes(data), max_bytes), ""
        if scheme.lower() not in {"http", "https"}:
            raise _useless(url_name, "this is no address that can be fetched over http or https")
        return None, url


def bind(value: object, client: Client | AsyncClient) -> None:
    """Tell every item in `value`, the model that an answer was read as, the client that it came by."""
    if isinstance(value, Downloadable):
        value.bind(client)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            bind(item, client)
    elif isinstance(value, Model):
        for _, member in members(value):
            bind(member, client)


def download(url: str, max_bytes: int, timeout: float | None | NotGiven = NOT_GIVEN) -> Call:
    """The call that fetches a file, without the key."""
    return Call(method="GET", url=url, of_api=False, secured=False, max_response_bytes=max_bytes, timeout=timeout)


def _decoded(name: str, text: str, max_bytes: int) -> bytes:
    try:
        return _within(name, _json.decode_base64(text), max_bytes)
    except ValueError:
        raise _useless(name, "this is not base64, or not all of it") from None


def _within(name: str, content: bytes, max_bytes: int) -> bytes:
    if len(content) > max_bytes:
        raise _useless(name, f"the file has more than {max_bytes} bytes (max_bytes)")
    return content


def _useless(name: str, reason: str) -> APIResponseValidationError:
    return APIResponseValidationError(f"{name}: {reason}.", field=name)


def _write(path: Path, content: bytes) -> Path:
    aside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with aside.open("xb") as file:
            file.write(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path
