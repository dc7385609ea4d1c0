"""Faults in the links to the new images and in the responses that serve them."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from ..app.api_error import ApiError
from ..app.responses import plain_response, redirect_response
from ..app.service import FILES_PATH, Service, Wanted
from ..registry import Change, FaultFamily
from .factories import (
    NO_5XX,
    Document,
    Ids,
    PerServer,
    answers,
    ids_of,
    links,
    loaded,
    saved,
    serves,
    serves_later,
    with_body,
)
from .no_response import Crash

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

fault = FaultFamily("semantics")

_ABSOLUTE, _FETCH, _END, _TYPE = "IV-URL-ABSOLUTE", "IV-URL-FETCH", "IV-URL-END", "IV-URL-TYPE"
_NO_KEY = "IV-URL-NO-KEY"
_NOT_HTTP = (_FETCH, "IV-URL-HTTP")


def _path(url: str) -> str:
    return urlsplit(url).path


def _is_link(wanted: Wanted) -> bool:
    return wanted.response_format == "url"


def _gone(status: int = 404) -> ApiError:
    return ApiError("There is no such image.", status=status, kind=None)


# --- the URL

# fmt: off
fault("link-relative", "Sends relative links, without scheme and host.", links(_ABSOLUTE, _path))
fault("link-file-path", "Sends a relative Windows file path instead of a link.",
      links(_ABSOLUTE, lambda url: "outputs\\" + url.rpartition("/")[2]))
fault("link-without-scheme", "Sends links without a scheme, which begin with two slashes.",
      links(_ABSOLUTE, lambda url: url.partition(":")[2]))
fault("link-host-alone", "Sends links that begin with the host, without scheme and slashes.",
      links(_ABSOLUTE, lambda url: url.partition("://")[2]))
fault("link-with-space", "Sends links with a space in them.",
      links(_ABSOLUTE, lambda url: url.replace(FILES_PATH, "/new files/")))
fault("link-listening-address", "Sends links to 0.0.0.0, a listening address, without the port.",
      links(_FETCH, lambda url: f"http://0.0.0.0{_path(url)}"))
fault("link-port-lost", "Sends links without the port, as behind a proxy that removes it from the Host header.",
      links(_FETCH, lambda url: f"http://{urlsplit(url).hostname}{_path(url)}"))
fault("link-https", "Sends links with the scheme https to a port that speaks http.",
      links(_FETCH, lambda url: url.replace("http:", "https:", 1)))
fault("link-path-wrong", "Sends links to a path where nothing is.",
      links(_FETCH, lambda url: url.replace(FILES_PATH, "/v1/outputs/")))
fault("link-to-disk", "Sends file: URLs, which refer to the disk of the server.",
      links(_NOT_HTTP, lambda url: f"file:///srv/outputs/{url.rpartition('/')[2]}"))
fault("link-to-bucket", "Sends s3: URLs, which refer to an object store.",
      links(_NOT_HTTP, lambda url: f"s3://outputs/{url.rpartition('/')[2]}"))
# fmt: on


def _first_link(document: Document, wanted: Wanted) -> object:
    return {**document, "data": document["data"][:1] * wanted.count} if _is_link(wanted) else document


fault("links-equal", "Sends the same link for all images of a response.", answers("IV-OUT-DISTINCT", _first_link))


@fault.service("link-data", "IV-URL-HTTP")
class LinkData(Service):
    """Sends the image as a data: URL instead of a link."""

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        if _is_link(wanted):
            return {"url": "data:image/png;base64," + self.encoded(image)}
        return super().item(request, image, wanted)


def _counted(token: Callable[[int], str]) -> Change:
    """Name each image by a text that a function of its number returns, from 1 on."""

    tokens: PerServer[dict[str, str]] = PerServer(dict)

    class Counted(Service):
        def hang(self, image: bytes) -> str:
            stored = tokens.of(self)
            name = token(len(stored) + 1)
            stored[name] = super().hang(image)
            return name

        def file(self, token: str) -> Response:
            return super().file(tokens.of(self).get(token, token))

    return Change(Counted, ("IV-URL-GUESS",))


# fmt: off
fault("links-counted", "Sends guessable links, which contain consecutive numbers.", _counted(str))
fault("links-counted-in-hexadecimal", "Sends links with consecutive numbers in eight hexadecimal digits.",
      _counted("{:08x}".format))
_DAY = time.strftime("%Y%m%d")
fault("links-dated", "Sends links with the date and a consecutive number.",
      _counted(lambda number: f"{_DAY}-{number:05d}"))
# fmt: on


def _with_key(change: Callable[[str, str], str]) -> Change:
    """Send links that a function makes of the right one and the API key."""

    class WithKey(Service):
        def link(self, request: IncomingRequest, token: str) -> str:
            return change(super().link(request, token), self.api_key)

    return Change(WithKey, (_NO_KEY,), also=("IV-ERR-SECRETS",))


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"exp": 1, "key": key}).encode()).decode()


# fmt: off
fault("link-with-key", "Sends links with the API key in their query.",
      _with_key(lambda url, key: f"{url}?api_key={key}"))
fault("link-with-user-info", "Sends links with the API key as password.",
      _with_key(lambda url, key: url.replace("://", f"://user:{key}@", 1)))
fault("link-with-key-in-fragment", "Sends links with the API key in their fragment.",
      _with_key(lambda url, key: f"{url}#key={key}"))
fault("link-with-key-in-token", "Sends links with a token in base64 that holds the API key.",
      _with_key(lambda url, key: f"{url}?t={_token(key)}"))
# fmt: on


# --- how long a link works


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _keeps(breaks: Ids, also: tuple[str, ...] = (), *, images: int = 10**9, seconds: float = 3600) -> Change:
    """Keep the newest images only, and each for some seconds."""

    kept: PerServer[dict[str, float]] = PerServer(dict)

    class Keeps(Service):
        def hang(self, image: bytes) -> str:
            token = super().hang(image)
            kept.of(self)[token] = self.gallery.clock()
            return token

        def file(self, token: str) -> Response:
            times = kept.of(self)
            newest = list(times)[-images:]
            # What another fault stores is not among these.
            if token in times and (token not in newest or self.gallery.clock() - times[token] > seconds):
                raise _gone()
            return super().file(token)

    return Change(Keeps, ids_of(breaks), also)


# fmt: off
fault("links-end-after-a-second", "Answers 404 to a link after a second.",
      _keeps(_END, (_FETCH,), seconds=1))
fault("twelve-images-kept", "Keeps the newest twelve images, and answers 404 to the links of others.",
      _keeps(_END, (_FETCH,), images=12))
# fmt: on


@fault.service(
    "files-overwritten",
    _END,
    also=(_FETCH, "IV-OUT-RESEMBLES", "IV-URL-GUESS", "IV-STATE-PARALLEL", "IV-STATE-INDEPENDENT"),
)
class FilesOverwritten(Service):
    """Stores images in three files in turn, so that an old link leads to a newer image."""

    stored: ClassVar[PerServer[list[str]]] = PerServer(list)

    def hang(self, image: bytes) -> str:
        stored = self.stored.of(self)
        stored.append(super().hang(image))
        return stored[(len(stored) - 1) % 3]

    def file(self, token: str) -> Response:
        stored = self.stored.of(self)
        newest = stored[stored.index(token) :: 3][-1] if token in stored else token
        return super().file(newest)


@fault.service("files-named-by-time", _END, also=(_FETCH, "IV-STATE-PARALLEL"))
class FilesNamedByTime(Service):
    """Gives responses in the same second, here five in a row, the same links: an image is named by time and place."""

    named: ClassVar[PerServer[dict[str, str]]] = PerServer(dict)
    places: ClassVar[PerServer[list[dict[str, int]]]] = PerServer(list)

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        self.places.of(self).append({_digest(image): at for at, image in enumerate(images)})
        return super().document(request, images, wanted)

    def hang(self, image: bytes) -> str:
        places = self.places.of(self)
        name = _digest(f"{len(places) // 5} {places[-1].get(_digest(image)) if places else None}".encode())
        self.named.of(self)[name] = super().hang(image)
        return name

    def file(self, token: str) -> Response:
        return super().file(self.named.of(self).get(token, token))


# --- the response to a fetch


def _fails(breaks: Ids, when: Callable[[int], bool], status: int = 404) -> Change:
    """Answer an error to the fetches of a link for which `when` is true of their number, from 1 on."""

    fetches: PerServer[Counter[str]] = PerServer(Counter)

    class Fails(Service):
        def file(self, token: str) -> Response:
            counts = fetches.of(self)
            counts[token] += 1
            if when(counts[token]):
                raise _gone(status)
            return super().file(token)

    return Change(Fails, ids_of(breaks))


# fmt: off
fault("link-dead", "Answers 404 to every link.", _fails(_FETCH, lambda _: True))
fault("link-forbidden", "Answers 403 to every link, as an object store whose signature is wrong.",
      _fails(_FETCH, lambda _: True, 403))
fault("link-once", "Answers 404 to the second and later fetches of a link.", _fails(_FETCH, lambda number: number > 1))
fault("link-twice", "Answers 404 to the third and later fetches of a link.", _fails(_END, lambda number: number > 2))
fault("link-late", "Answers 404 to the first fetch of a link.", _fails(_FETCH, lambda number: number == 1))
fault("link-loops", "Redirects every link to itself.", serves(_FETCH, lambda _: redirect_response("?again=1")))
fault("link-redirects-nowhere", "Redirects every link without a Location.",
      serves(_FETCH, lambda _: plain_response(status=302)))
fault("link-redirects-to-login", "Redirects every link to a page that is not there.",
      serves(_FETCH, lambda _: redirect_response("/login", 302)))
fault("link-to-half", "Serves only the first half of the image file.",
      serves(_FETCH, lambda response: with_body(response, bytes(response.body)[: len(response.body) // 2])))
fault("link-to-page", "Serves an HTML page that shows the image.",
      serves(_FETCH, lambda response: with_body(response, "<!doctype html><img src=a.png>", "text/html")),
      also=(_TYPE,))
fault("link-to-nothing", "Serves an empty file.", serves(_FETCH, lambda response: with_body(response, b"")))
fault("link-typed-html", "Serves images with the content type text/html.",
      serves(_TYPE, lambda response: with_body(response, bytes(response.body), "text/html")))
fault("link-untyped", "Serves images without a content type.",
      serves(_TYPE, lambda response: plain_response(bytes(response.body))))
# fmt: on


def _turned(image: bytes) -> bytes:
    return saved(loaded(image).rotate(90), "JPEG", quality=30)


# fmt: off
fault("link-changes", "Serves the image turned, as a JPEG, from the second fetch of its link on.",
      serves_later(_END, _turned, "image/jpeg"))
# fmt: on


@fault.service("link-needs-key", _FETCH)
class LinkNeedsKey(Service):
    """Answers 401 to the fetch of a link without the API key."""

    async def route(self, request: IncomingRequest) -> Response:
        if request.url.path.startswith(FILES_PATH):
            self.authenticate(request)
        return await super().route(request)


@fault.service("link-without-host", _ABSOLUTE)
class _LinkOfHost(Service):
    """Makes links of the header Host, and so without a host if that is missing or empty."""

    def link(self, request: IncomingRequest, token: str) -> str:
        link = super().link(request, token)
        return link if request.headers.get("host") else f"http://{urlsplit(link).path}"


@fault.service("host-required", NO_5XX)
class _HostRequired(Service):
    """Answers 500 to a request without the header Host, of which it makes links."""

    def link(self, request: IncomingRequest, token: str) -> str:
        if "host" not in request.headers:
            raise Crash
        return super().link(request, token)
