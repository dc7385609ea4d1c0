"""Recipes of random requests. A request can be drawn, repeated byte by byte, and shrunk as its recipe.

A recipe is a plain value. The same recipe and target give the same bytes, including the boundary.
"""

from __future__ import annotations

import io
import random
from functools import lru_cache
from typing import Literal

from attrs import evolve, field, frozen

from ..cases.builder import Builder
from ..cases.transforms import with_header
from ..contract.document import Contract
from ..media import png
from ..media.pictures import paint
from ..wire.exchange import Headers, Request
from ..wire.multipart import Part, file_part, text_part
from ..wire.target import Target

BOUNDARY = "f2a9c07d41be4e63"
SMALL = {"size": "256x256", "response_format": "b64_json"}
"""Fields that keep an accepted request cheap: the smallest size, and the image in the response."""

# The builder draws nothing, because the recipe contains everything.
_NO_CHANCE = random.Random(0)  # noqa: S311 - nothing is drawn from it

Format = Literal["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"]
Key = Literal["right", "none", "wrong", "basic"]


@frozen
class Damage:
    """Damage of a PNG. `part` is the name of a chunk, and `at` a position in it or in the file.

    cut: the file is truncated after `at` thousandths. without: the chunk is missing. changed: a byte of it is changed.
    """

    how: Literal["cut", "without", "changed"]
    part: bytes = b"IDAT"
    at: int = 500


@frozen
class Drawing:
    """How an image file is made. `side` is its height in pixels, and `wider` by how many it is wider than high.

    `picture` is the seed of the picture, `extra` are ancillary chunks. The file is padded to `size_bytes`, if given.
    """

    kind: png.Kind = png.PLAIN
    side: int = 64
    wider: int = 0
    picture: int = 0
    extra: tuple[tuple[bytes, bytes], ...] = ()
    format: Format = "PNG"
    damage: Damage | None = None
    size_bytes: int | None = None

    def file(self) -> bytes:
        """Return the bytes of the file."""
        whole = _encoded(evolve(self, extra=(), damage=None, size_bytes=None))
        if self.format != "PNG":
            return whole
        if self.extra:
            # After the header, where all of them are allowed.
            whole = b"".join([whole[:33], *(png.chunk(name, content) for name, content in self.extra), whole[33:]])
        if self.damage is not None:
            whole = _damaged(whole, self.damage)
        return whole if self.size_bytes is None else _padded(whole, self.size_bytes)


@lru_cache(maxsize=2048)
def _encoded(drawing: Drawing) -> bytes:
    side = drawing.side + max(0, drawing.wider)
    picture = paint(random.Random(drawing.picture), side)  # noqa: S311 - test data
    picture = picture.crop((0, 0, drawing.side + drawing.wider, drawing.side))
    if drawing.format == "PNG":
        if drawing.kind.colour in {png.RGBA, png.GREY_ALPHA}:
            picture.putalpha(255)
            picture.putpixel((0, 0), (0, 0, 0, 0))
        return png.encode(picture, drawing.kind)
    out = io.BytesIO()
    picture.convert("RGB").save(out, drawing.format)
    return out.getvalue()


@lru_cache(maxsize=6)
def _padded(content: bytes, size_bytes: int) -> bytes:
    return png.padded(content, size_bytes)


def _damaged(content: bytes, damage: Damage) -> bytes:
    if damage.how == "cut":
        # More than IEND is cut off, because good decoders tolerate a file without IEND.
        return content[: (len(content) - 12) * damage.at // 1000]
    if damage.how == "without":
        return png.without_chunk(content, damage.part)
    at = content.find(damage.part)
    if at < 0:
        return content
    length = int.from_bytes(content[at - 4 : at])
    at += 4 + damage.at % max(1, length)
    return content[:at] + bytes([content[at] ^ (damage.at % 255 + 1)]) + content[at + 1 :]


@frozen
class Recipe:
    """A request: a form, unless `body` is given.

    `fields` are the text fields in order; `position` of them come before the image. `copies` is the number of image
    parts. `typed` gives text fields a content type, and `as_file` names a text field to send with a file name. The
    image is in bytes if it was drawn by Schemathesis.
    """

    fields: tuple[tuple[str, bytes], ...] = ()
    image: Drawing | bytes | None = field(default=Drawing())
    filename: str | None = "picture.png"
    part_type: str | None = "image/png"
    position: int = 0
    copies: int = 1
    typed: bool = False
    as_file: str | None = None
    boundary: str = BOUNDARY
    quoted: bool = False
    chunked: bool = False
    lower_case: bool = False
    key: Key = "right"
    method: str = "POST"
    body: bytes | None = field(default=None, repr=lambda body: "None" if body is None else f"<{len(body)} bytes>")
    content_type: str | None = None

    def request(self, contract: Contract, target: Target) -> Request:
        """Return the request to a target."""
        builder = Builder(contract, target, "", _NO_CHANCE)
        if self.body is not None:
            request = builder.post(self.body, self.content_type)
        else:
            request = builder.multipart(self._parts(contract.image_field), self.boundary)
            if self.quoted:
                announced = f'multipart/form-data; boundary="{self.boundary}"'
                request = with_header(request, "Content-Type", announced)
        request = _with_key(request, self.key, target.api_key)
        if self.chunked:
            request = with_header(request, "Content-Length", None)
            request = evolve(request, headers=(*request.headers, ("Transfer-Encoding", "chunked")), chunked=True)
        if self.lower_case:
            headers = tuple((name.lower(), value.replace("Bearer ", "bearer ")) for name, value in request.headers)
            request = evolve(request, headers=headers)
        return evolve(request, method=self.method)

    def _parts(self, image_field: str) -> tuple[Part, ...]:
        texts = [self._text(name, value) for name, value in self.fields]
        if self.image is not None:
            content = self.image if isinstance(self.image, bytes) else self.image.file()
            image = file_part(image_field, content, self.filename, self.part_type)
            texts[self.position : self.position] = [image] * self.copies
        if self.lower_case:
            return tuple(evolve(part, headers=_lowered(part.headers)) for part in texts)
        return tuple(texts)

    def _text(self, name: str, value: bytes) -> Part:
        if name == self.as_file:
            return file_part(name, value, "field.txt", "text/plain")
        part = text_part(name, value)
        if self.typed:
            part = evolve(part, headers=(*part.headers, ("Content-Type", "text/plain; charset=utf-8")))
        return part


def _lowered(headers: Headers) -> Headers:
    return tuple((name.lower(), value) for name, value in headers)


def _with_key(request: Request, key: Key, right: str | None) -> Request:
    if key == "right" or right is None:
        return request
    wrong = {"none": None, "wrong": f"Bearer x{'-' * len(right)}", "basic": "Basic dXNlcjpwYXNzd29yZA=="}
    return with_header(request, "Authorization", wrong[key])
