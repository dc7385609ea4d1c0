"""Cases: one request each, under an id that stays the same; and the builder that makes their bytes.

A case has no expectation of its own: what the contract says of its request is read off the bytes (appraisal).
"""

from __future__ import annotations

import random

from attrs import field, frozen

from .. import __version__
from ..media import png
from ..media.pictures import paint
from ..wire.exchange import Headers, Request
from ..wire.multipart import Part, encode, file_part, text_part
from ..wire.target import Target

SIDE = 64


@frozen
class Case:
    """A request to send. `label` is its id, `note` says in a few words what it is.

    Cases of one `batch` are sent at the same time. Of one `group`, it does not matter in which order, or whether at the
    same time. The request of a packed case puts much to the test at once: where it is refused, the cases `apart` are
    sent too, which show what it was. `price` is how many images it may cost; `offends` are the requirements under
    which it is to be refused. What is `drawn` at random and not plainly wrong may hold more than is known of it.
    """

    label: str
    note: str
    request: Request
    batch: str | None = None
    group: str | None = None
    apart: tuple[Case, ...] = ()
    price: int = 0
    offends: frozenset[str] = frozenset()
    drawn: bool = False


@frozen
class Builder:
    """Makes the requests of one case. The same target, seed and label give the same bytes."""

    target: Target
    rng: random.Random = field(repr=False)

    @classmethod
    def of(cls, target: Target, seed: int, label: str) -> Builder:
        """Return the builder for one case of a run."""
        return cls(target, random.Random(f"{seed}/{label}"))  # noqa: S311 - test data

    def png(self, kind: png.Kind = png.PLAIN, side: int = SIDE, height: int | None = None) -> bytes:
        """Return a PNG of a picture like no other case's; `height` makes it other than square."""
        picture = paint(self.rng, max(side, height or 0))
        if height is not None:
            picture = picture.crop((0, 0, side, height))
        if kind.colour in {png.RGBA, png.GREY_ALPHA}:
            # Opaque, but for one corner, so that alpha is there and hides nothing.
            picture.putalpha(255)
            picture.putpixel((0, 0), (0, 0, 0, 0))
        return png.encode(picture, kind)

    def boundary(self) -> str:
        """Return a boundary that no payload holds but by malice."""
        return f"{self.rng.getrandbits(128):032x}"

    def image(
        self, content: bytes | None = None, filename: str | None = "picture.png", kind: str | None = "image/png"
    ) -> Part:
        """Return the image part; `kind` is its content type."""
        return file_part("image", self.png() if content is None else content, filename, kind)

    def form(self, *parts: Part, **fields: str | bytes) -> Request:
        """Return a valid form with the parts given (by default, an image) and the text fields given, in this order."""
        parts = parts or (self.image(),)
        return self.request((*parts, *(text_part(name, value) for name, value in fields.items())))

    def request(self, parts: tuple[Part, ...], boundary: str | None = None) -> Request:
        """Return the request with exactly these parts."""
        boundary = boundary or self.boundary()
        return self.post(encode(parts, boundary), f"multipart/form-data; boundary={boundary}")

    def post(self, body: bytes, content_type: str | None) -> Request:
        """Return a POST of any body, with the key."""
        headers: Headers = () if content_type is None else (("Content-Type", content_type),)
        return Request("POST", self.target.path, (*self.headers(), *headers, *_length(body)), body)

    def headers(self, authorization: str | None = None) -> Headers:
        """Return the headers of every request; `authorization` in place of the right one, empty for none."""
        key = self.target.api_key
        if authorization is None:
            authorization = f"Bearer {key}" if key is not None else ""
        return (
            ("Host", self.target.host),
            ("User-Agent", f"image-variations/{__version__}"),
            ("Accept", "application/json"),
            ("Connection", "close"),
            *((("Authorization", authorization),) if authorization else ()),
            *self.target.headers,
        )


def _length(body: bytes) -> Headers:
    return (("Content-Length", str(len(body))),)


def with_header(request: Request, name: str, value: str | None) -> Request:
    """Return the request with one header in place of that of its name; None leaves it out."""
    kept = tuple(pair for pair in request.headers if pair[0].lower() != name.lower())
    added = () if value is None else ((name, value),)
    return Request(request.method, request.target, (*kept, *added), request.body, request.chunked)
