"""Faults in the links to the new images and in the responses that serve them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from ..app.api_error import ApiError
from ..app.responses import plain_response, redirect_response
from ..app.service import FILE_SUFFIX, FILES_PATH, Service, ServiceOptions, Wanted
from ..registry import FaultFamily

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

fault = FaultFamily("semantics")


# --- the URL


@fault("link-relative", breaks=("IV-URL-ABSOLUTE",))
class LinkRelative(Service):
    """Sends relative links, without scheme and host."""

    def link(self, request: IncomingRequest, token: str) -> str:
        return f"{FILES_PATH}{token}{FILE_SUFFIX}"


@fault("link-file-path", breaks=("IV-URL-ABSOLUTE",))
class LinkFilePath(Service):
    """Sends a relative Windows file path instead of a link."""

    def link(self, request: IncomingRequest, token: str) -> str:
        return f"outputs\\{token}{FILE_SUFFIX}"


@fault("link-listening-address", breaks=("IV-URL-FETCH",))
class LinkListeningAddress(Service):
    """Sends links to 0.0.0.0, a listening address, without the port."""

    def link(self, request: IncomingRequest, token: str) -> str:
        return f"http://0.0.0.0{FILES_PATH}{token}{FILE_SUFFIX}"


@fault("link-without-scheme", breaks=("IV-URL-ABSOLUTE",))
class LinkWithoutScheme(Service):
    """Sends links without a scheme, which begin with two slashes."""

    def link(self, request: IncomingRequest, token: str) -> str:
        return super().link(request, token).partition(":")[2]


@fault("link-port-lost", breaks=("IV-URL-FETCH",))
class LinkPortLost(Service):
    """Sends links without the port, as behind a proxy that removes it from the Host header."""

    def link(self, request: IncomingRequest, token: str) -> str:
        return f"http://{request.url.hostname}{FILES_PATH}{token}{FILE_SUFFIX}"


@fault("link-to-disk", breaks=("IV-URL-FETCH", "IV-URL-HTTP"))
class LinkToDisk(Service):
    """Sends file: URLs, which refer to the disk of the server."""

    def link(self, request: IncomingRequest, token: str) -> str:
        return f"file:///srv/outputs/{token}{FILE_SUFFIX}"


@fault("link-data", breaks=("IV-URL-HTTP",))
class LinkData(Service):
    """Sends the image as a data: URL instead of a link."""

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        if wanted.response_format == "url":
            return {"url": "data:image/png;base64," + self.encoded(image)}
        return super().item(request, image, wanted)


@fault("links-counted", breaks=("IV-URL-GUESS",))
class LinksCounted(Service):
    """Sends guessable links, which contain consecutive numbers."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._tokens: list[str] = []

    def hang(self, image: bytes) -> str:
        self._tokens.append(super().hang(image))
        return str(len(self._tokens))

    def file(self, token: str) -> Response:
        known = token.isdecimal() and 1 <= int(token) <= len(self._tokens)
        return super().file(self._tokens[int(token) - 1] if known else token)


@fault("links-equal", breaks=("IV-OUT-DISTINCT",))
class LinksEqual(Service):
    """Sends the same link for all images of a response."""

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        document = super().document(request, images, wanted)
        data = document.get("data") if isinstance(document, dict) else None
        if wanted.response_format == "url" and isinstance(document, dict) and isinstance(data, list):
            return {**document, "data": data[:1] * len(images)}
        return document


# --- the response to a fetch


@fault("link-dead", breaks=("IV-URL-FETCH",))
class LinkDead(Service):
    """Answers 404 to every link."""

    def file(self, token: str) -> Response:
        raise ApiError("There is no such image.", status=404)


@fault("link-once", breaks=("IV-URL-FETCH",))
class LinkOnce(Service):
    """Answers 404 to the second and later fetches of a link."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._served: set[str] = set()

    def file(self, token: str) -> Response:
        if token in self._served:
            raise ApiError("There is no such image.", status=404)
        self._served.add(token)
        return super().file(token)


@fault("link-late", breaks=("IV-URL-FETCH",))
class LinkLate(Service):
    """Answers 404 to the first fetch of a link."""

    def __init__(self, **options: Unpack[ServiceOptions]) -> None:
        super().__init__(**options)
        self._requested: set[str] = set()

    def file(self, token: str) -> Response:
        if token not in self._requested:
            self._requested.add(token)
            raise ApiError("There is no such image yet.", status=404)
        return super().file(token)


@fault("link-needs-key", breaks=("IV-URL-FETCH",))
class LinkNeedsKey(Service):
    """Answers 401 to the fetch of a link without the API key."""

    async def route(self, request: IncomingRequest) -> Response:
        if request.url.path.startswith(FILES_PATH):
            self.authenticate(request)
        return await super().route(request)


@fault("link-loops", breaks=("IV-URL-FETCH",))
class LinkLoops(Service):
    """Redirects every link to itself."""

    def file(self, token: str) -> Response:
        return redirect_response(f"{FILES_PATH}{token}{FILE_SUFFIX}")


@fault("link-to-half", breaks=("IV-URL-FETCH",))
class LinkToHalf(Service):
    """Serves only the first half of the image file."""

    def file(self, token: str) -> Response:
        content = bytes(super().file(token).body)
        return plain_response(content[: len(content) // 2], media_type="image/png")


@fault("link-typed-html", breaks=("IV-URL-TYPE",))
class LinkTypedHtml(Service):
    """Serves images with the content type text/html."""

    def file(self, token: str) -> Response:
        return plain_response(super().file(token).body, media_type="text/html")
