"""Links that look different, and lead to the image all the same."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Unpack
from urllib.parse import quote

from ..app.api_error import ApiError
from ..app.responses import plain_response, redirect_response
from ..app.service import FILE_SUFFIX, FILES_PATH, Service, ServiceOptions
from .registry import QuirkFamily

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("links")

_ABSOLUTE = "IV-URL-ABSOLUTE: any absolute URL"
_SIGNATURE = "c2ln/bmF0+dXJl="


# --- on another host, or at another port


@quirk("link-other-host", by=_ABSOLUTE)
class LinkOtherHost(Service):
    """Gives links to localhost, whatever the name it was asked by."""

    def link(self, request: IncomingRequest, token: str) -> str:
        return f"http://localhost:{request.scope['server'][1]}{FILES_PATH}{token}{FILE_SUFFIX}"


@quirk("link-other-port", by=_ABSOLUTE)
class LinkOtherPort(Service):
    """Gives links to a file server of its own, at another port of the loopback address."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._file_port = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or runs the file server for as long as the app runs (ASGI)."""
        if scope["type"] != "lifespan":
            return await super().__call__(scope, receive, send)
        await receive()
        server = await asyncio.start_server(self._serve_file, "127.0.0.1", 0)
        self._file_port = server.sockets[0].getsockname()[1]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        server.close()
        await server.wait_closed()
        return await send({"type": "lifespan.shutdown.complete"})

    def link(self, request: IncomingRequest, token: str) -> str:
        return f"http://127.0.0.1:{self._file_port}/{token}"

    async def _serve_file(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            image = self.gallery.find(head.split(" ")[1].removeprefix("/")) or b""
            status = "200 OK" if image else "404 Not Found"
            lines = (f"HTTP/1.1 {status}", "Content-Type: image/png", f"Content-Length: {len(image)}", "", "")
            writer.write("\r\n".join(lines).encode() + image)
            await writer.drain()


# --- written in another way


@quirk("link-signed", by=_ABSOLUTE)
class LinkSigned(Service):
    """Gives long links with a signature in their query, and a fragment; without the signature they do not work."""

    async def route(self, request: IncomingRequest) -> Response:
        if request.url.path.startswith(FILES_PATH) and request.query_params.get("sig") != _SIGNATURE:
            raise ApiError("The signature is missing.", status=403)
        return await super().route(request)

    def link(self, request: IncomingRequest, token: str) -> str:
        query = f"st=2026-11-23T00%3A00%3A00Z&pad={'0' * 1500}&sig={quote(_SIGNATURE, safe='')}"
        return f"{super().link(request, token)}?{query}#image"


@quirk("link-in-capitals", by="RFC 3986 section 3.1")
class LinkInCapitals(Service):
    """Writes the scheme of its links in capitals."""

    def link(self, request: IncomingRequest, token: str) -> str:
        scheme, _, rest = super().link(request, token).partition(":")
        return f"{scheme.upper()}:{rest}"


# --- that answer in another way


@quirk("link-redirects", by="RFC 9110 section 15.4: a fetch follows redirects")
class LinkRedirects(Service):
    """Redirects a link to where the image is, by a path without a host."""

    def file(self, token: str) -> Response:
        if token.startswith("at-"):
            return super().file(token.removeprefix("at-"))
        return redirect_response(f"{FILES_PATH}at-{token}{FILE_SUFFIX}", 302)


@quirk("link-typed-with-parameter", by="RFC 9110 section 8.3.1")
class LinkTypedWithParameter(Service):
    """Says Image/PNG and a parameter, and how the file is to be saved."""

    def file(self, token: str) -> Response:
        headers = {"Content-Type": "Image/PNG; name=a.png", "Content-Disposition": "attachment; filename=a.png"}
        return plain_response(super().file(token).body, headers=headers)


@quirk("link-typed-octets", by="IV-URL-FETCH: bytes make the image", warns=("IV-URL-TYPE",))
class LinkTypedOctets(Service):
    """Says that the image is application/octet-stream."""

    def file(self, token: str) -> Response:
        return plain_response(super().file(token).body, media_type="application/octet-stream")
