"""Links of an unusual form that still lead to the image."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..app.api_error import ApiError
from ..app.responses import plain_response, redirect_response
from ..app.service import FILE_SUFFIX, FILES_PATH, Service
from ..faults.factories import links, loaded, saved, serves, serves_later
from ..registry import QuirkFamily

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("links")

_ABSOLUTE = "IV-URL-ABSOLUTE: any absolute URL"
_ATTACHMENT = {"Content-Type": "Image/PNG; name=a.png", "Content-Disposition": "attachment; filename=a.png"}
_LIMITED_PERIOD = 20
_SIGNATURE = "c2ln/bmF0+dXJl="


# --- on another host, or at another port


@quirk.service("link-other-host", _ABSOLUTE)
class LinkOtherHost(Service):
    """Links to localhost, whatever host the request names."""

    def link(self, request: IncomingRequest, token: str) -> str:
        return f"http://localhost:{request.scope['server'][1]}{FILES_PATH}{token}{FILE_SUFFIX}"


@quirk.service("link-other-port", _ABSOLUTE)
class LinkOtherPort(Service):
    """Links to a separate file server at another port of 127.0.0.1."""

    __port = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or run the file server during the lifespan of the app (ASGI)."""
        if scope["type"] != "lifespan":
            return await super().__call__(scope, receive, send)
        await receive()
        server = await asyncio.start_server(self._serve_file, "127.0.0.1", 0)
        self.__port = server.sockets[0].getsockname()[1]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        server.close()
        await server.wait_closed()
        return await send({"type": "lifespan.shutdown.complete"})

    def link(self, request: IncomingRequest, token: str) -> str:
        return f"http://127.0.0.1:{self.__port}/{token}"

    async def _serve_file(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            image = self.gallery.find(head.split(" ")[1].removeprefix("/")) or b""
            status = "200 OK" if image else "404 Not Found"
            lines = (f"HTTP/1.1 {status}", "Content-Type: image/png", f"Content-Length: {len(image)}", "", "")
            writer.write("\r\n".join(lines).encode() + image)
            await writer.drain()


# --- in another form


@quirk.service("link-signed", _ABSOLUTE)
class LinkSigned(Service):
    """Makes long links with a fragment, and with a query whose signature is needed to fetch the image."""

    async def route(self, request: IncomingRequest) -> Response:
        if request.url.path.startswith(FILES_PATH) and request.query_params.get("sig") != _SIGNATURE:
            raise ApiError("The signature is missing.", status=403)
        return await super().route(request)

    def link(self, request: IncomingRequest, token: str) -> str:
        query = f"st=2026-11-23T00%3A00%3A00Z&pad={'0' * 1500}&sig={quote(_SIGNATURE, safe='')}"
        return f"{super().link(request, token)}?{query}#image"


# --- with another response


@quirk.service("link-redirects", "RFC 9110 section 15.4: clients follow redirects")
class LinkRedirects(Service):
    """Redirects each link to the image by a Location without a host."""

    def file(self, token: str) -> Response:
        if token.startswith("at-"):
            return super().file(token.removeprefix("at-"))
        return redirect_response(f"{FILES_PATH}at-{token}{FILE_SUFFIX}", 302)


@quirk.service("link-redirects-elsewhere", "RFC 9110 section 15.4: clients follow redirects")
class LinkRedirectsElsewhere(Service):
    """Redirects each link by an absolute Location on another host, with 307 and no cache."""

    async def route(self, request: IncomingRequest) -> Response:
        path = request.url.path
        if path.startswith(FILES_PATH) and request.url.hostname == "127.0.0.1":
            location = f"http://localhost:{request.scope['server'][1]}{path}"
            return redirect_response(location, 307, {"Cache-Control": "no-store"})
        return await super().route(request)


@quirk.service("links-limited", "IV-LIMIT-RETRY: the same request is sent again")
class LinksLimited(Service):
    """Answers 429 with Retry-After to one fetch in 20."""

    __fetches = 0

    def file(self, token: str) -> Response:
        self.__fetches += 1
        if self.__fetches % _LIMITED_PERIOD == 1:
            raise ApiError("Too many fetches.", status=429, kind=None, headers={"Retry-After": "1"})
        return super().file(token)


# fmt: off
quirk("link-in-capitals", "RFC 3986 section 3.1", "Writes the scheme of its links in upper case.",
      links((), lambda url: url.replace("http:", "HTTP:", 1)))
quirk("link-typed-with-parameter",
      "RFC 9110 section 8.3.1", "Serves images as Image/PNG with a parameter, and with a Content-Disposition.",
      serves((), lambda response: plain_response(response.body, headers=_ATTACHMENT)))
quirk("link-through-a-proxy", "RFC 9110 section 15.3.4", "Answers 203 to every link, as a proxy that changed the file.",
      serves((), lambda response: plain_response(response.body, 203, media_type="image/png")))
quirk("link-compressed-again",
      "IV-URL-END: the image, not its bytes", "Serves an image as a JPEG from the second fetch of its link on.",
      serves_later((), lambda image: saved(loaded(image), "JPEG"), "image/jpeg"))
quirk("link-typed-octets", "IV-URL-FETCH: only the bytes count", "Serves images as application/octet-stream.",
      serves("IV-URL-TYPE", lambda response: plain_response(response.body, media_type="application/octet-stream")))
