"""The builder of requests: from a base that the server accepts, with one property changed, to exact bytes."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping

from attrs import evolve, field, frozen
from PIL import Image

from ..contract.document import Contract
from ..media.pictures import paint, put_clear_pixel
from ..media.png import GREY_ALPHA, PLAIN, RGBA, Kind, padded
from ..media.png import encode as encode_png
from ..wire.exchange import Headers, Request
from ..wire.multipart import Part, encode, file_part, text_part
from ..wire.target import USER_AGENT, Target

SIDE = 64
"""The default width and height of the images that are sent, in pixels."""
_MAX_PAINTED = 128
# Larger pictures are made of so many blocks of one colour on each side.
_BLOCKS = 8


@frozen
class Base:
    """What a form has that a server is known to accept: text fields, and the kind and the side in pixels of the PNG."""

    texts: Mapping[str, str] = field(factory=dict)
    kind: Kind = PLAIN
    side: int = SIDE

    def __str__(self) -> str:
        texts = [f"{name}={value}" for name, value in self.texts.items()]
        image = "an image" if self.kind == PLAIN else f"a PNG, {self.kind}"
        return ", ".join([image if self.side == SIDE else f"{image} of {self.side} pixels", *texts])


@frozen
class Draft:
    """A form that is not encoded yet. `content_type` has a placeholder for the boundary.

    `then` are changes of the encoded request, in the order in which they are made.
    """

    image: Part
    texts: tuple[Part, ...]
    boundary: str
    content_type: str = "multipart/form-data; boundary={boundary}"
    image_last: bool = False
    then: tuple[Callable[[Request], Request], ...] = ()

    def text(self, name: str, value: str | bytes | None) -> Draft:
        """Return the draft with this value of a text field, or without the field if the value is None."""
        kept = tuple(part for part in self.texts if part.name != name)
        return evolve(self, texts=kept if value is None else (*kept, text_part(name, value)))

    def finally_(self, change: Callable[[Request], Request]) -> Draft:
        """Return the draft with one more change of the encoded request."""
        return evolve(self, then=(*self.then, change))


@frozen
class Builder:
    """Makes the request of one case. The same target, seed, label and base give the same bytes.

    Forms have what the base has unless that is replaced.
    """

    contract: Contract
    target: Target
    label: str
    rng: random.Random = field(repr=False)
    base: Base = Base()

    @classmethod
    def of(cls, contract: Contract, target: Target, seed: int, label: str, base: Base | None = None) -> Builder:
        """Return the builder for one case of a run."""
        rng = random.Random(f"{seed}/{label}")  # noqa: S311 - test data
        return cls(contract, target, label, rng, base or Base())

    def png(self, kind: Kind | None = None, side: int | None = None, height: int | None = None) -> bytes:
        """Return a PNG with a picture of its own, `side` pixels wide, and `height` pixels high or else square.

        It has the kind of the base if no other is given, and without a side, SIDE or the nearest valid one.
        """
        kind = kind or self.base.kind
        return encode_png(self.picture(kind, side, height), kind)

    def picture(self, kind: Kind = PLAIN, side: int | None = None, height: int | None = None) -> Image.Image:
        """Return a picture of its own; one that uses the alpha channel if the kind has one."""
        side = self.contract.image_rules.nearest_side(self.base.side) if side is None else side
        longer = max(side, height or 0)
        picture = paint(self.rng, longer if longer <= _MAX_PAINTED else _BLOCKS)
        if longer > _MAX_PAINTED:
            # The file is very small for its pixels, as those are with which decoders are attacked.
            picture = picture.resize((longer, longer), Image.Resampling.NEAREST)
        if height is not None:
            picture = picture.crop((0, 0, side, height))
        if kind.colour in {RGBA, GREY_ALPHA}:
            put_clear_pixel(picture)
        return picture

    def picture_as(self, file_format: str) -> bytes:
        """Return a picture of its own in another file format of Pillow, such as JPEG."""
        out = io.BytesIO()
        self.picture().save(out, file_format)
        return out.getvalue()

    def largest_png(self) -> bytes:
        """Return a PNG of the largest number of bytes that is valid."""
        return padded(self.png(), self.contract.image_rules.valid_below_bytes - 1)

    def too_large_png(self) -> bytes:
        """Return a PNG of the smallest number of bytes that is too large."""
        return padded(self.png(), self.contract.image_rules.invalid_from_bytes)

    def boundary(self) -> str:
        """Return a boundary that no payload contains by accident."""
        return f"{self.rng.getrandbits(128):032x}"

    def image(
        self, content: bytes | None = None, filename: str | None = "picture.png", media_type: str | None = "image/png"
    ) -> Part:
        """Return the image part."""
        return file_part(self.contract.image_field, self.png() if content is None else content, filename, media_type)

    def texts(self, **fields: str | bytes | None) -> tuple[Part, ...]:
        """Return the text fields of the base with these values; None leaves a field out."""
        values: dict[str, str | bytes | None] = {**self.base.texts, **fields}
        return tuple(text_part(name, value) for name, value in values.items() if value is not None)

    def draft(self) -> Draft:
        """Return the form of an image and the base."""
        return Draft(self.image(), self.texts(), self.boundary())

    def encode(self, draft: Draft) -> Request:
        """Return the request of a draft."""
        parts = (*draft.texts, draft.image) if draft.image_last else (draft.image, *draft.texts)
        content_type = draft.content_type.replace("{boundary}", draft.boundary)
        request = self.post(encode(parts, draft.boundary), content_type)
        for change in draft.then:
            request = change(request)
        return request

    def form(self, *parts: Part, **fields: str | bytes | None) -> Request:
        """Return the request of a form with these parts (by default, an image), the base, and these text fields."""
        return self.multipart((*(parts or (self.image(),)), *self.texts(**fields)))

    def multipart(self, parts: tuple[Part, ...], boundary: str | None = None) -> Request:
        """Return the request of a form with exactly these parts."""
        boundary = boundary or self.boundary()
        return self.post(encode(parts, boundary), f"multipart/form-data; boundary={boundary}")

    def post(self, body: bytes, content_type: str | None) -> Request:
        """Return a POST request with this body and content type, and with the API key."""
        headers: Headers = () if content_type is None else (("Content-Type", content_type),)
        return Request("POST", self.target.path, (*self.headers(), *headers, ("Content-Length", str(len(body)))), body)

    def headers(self) -> Headers:
        """Return the headers of every request. The user's headers replace those of the same name."""
        key = self.target.api_key
        own = (
            ("Host", self.target.host),
            ("User-Agent", USER_AGENT),
            ("Accept", "application/json"),
            ("Connection", "close"),
            *((("Authorization", f"Bearer {key}"),) if key is not None else ()),
        )
        replaced = {name.lower() for name, _ in self.target.headers}
        return (*(pair for pair in own if pair[0].lower() not in replaced), *self.target.headers)
