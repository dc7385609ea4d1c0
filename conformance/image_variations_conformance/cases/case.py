"""Cases, and the builder that makes their requests."""

from __future__ import annotations

import random

from attrs import evolve, field, frozen

from ..contract.document import Contract
from ..contract.expectation import Expectation, classify
from ..contract.fields import enum_values, validity_of
from ..media import png
from ..media.pictures import paint
from ..version import suite_version
from ..wire.exchange import Headers, Request
from ..wire.multipart import Part, encode, file_part, text_part
from ..wire.target import Target

SIDE = 64
"""The default width and height of the images that are sent, in pixels."""


@frozen
class Case:
    """One request of a run. `label` is its stable id, `note` describes it in a few words.

    Cases with the same `concurrent_with` are sent at the same time. Cases of one `phase` may be sent in any order. The
    request of a combined case has several features; if it is refused, the cases in `parts` are sent too, with one
    feature each. `is_random` marks requests whose valid features are not all known.
    """

    label: str
    note: str
    request: Request
    expectation: Expectation
    concurrent_with: str | None = None
    phase: str | None = None
    parts: tuple[Case, ...] = ()
    is_random: bool = False

    @property
    def image_count(self) -> int:
        """How many images a correct server makes for the request."""
        return self.expectation.image_count


def adapted(part: Part, contract: Contract) -> Part:
    """Return a part whose value is valid if it was valid before a profile changed the contract.

    The value of an enum is replaced by that at the same place in the other enum, and a number above the maximum by it.
    """
    schema = contract.text_fields.get(part.name or "")
    if contract.base is None or schema is None or part.filename is not None:
        return part
    value = part.content.decode("utf-8", "replace")
    before = contract.base.fields.get(part.name or "", {})
    if validity_of(before, value) != "valid" or validity_of(schema, value) == "valid":
        return part
    if "enum" in schema:
        values = enum_values(schema)
        value = values[min(enum_values(before).index(value), len(values) - 1)]
    else:
        value = str(schema.get("maximum", value))
    return evolve(part, content=value.encode())


@frozen
class Builder:
    """Makes the request of one case. The same target, seed and label give the same bytes."""

    contract: Contract
    target: Target
    label: str
    rng: random.Random = field(repr=False)

    @classmethod
    def of(cls, contract: Contract, target: Target, seed: int, label: str) -> Builder:
        """Return the builder for one case of a run."""
        return cls(contract, target, label, random.Random(f"{seed}/{label}"))  # noqa: S311 - test data

    def case(self, note: str, request: Request, *, is_random: bool = False) -> Case:
        """Return the case of a request, with its expectation."""
        expectation = classify(request, self.contract, self.target.api_key)
        return Case(self.label, note, request, expectation, is_random=is_random)

    def png(self, kind: png.Kind = png.PLAIN, side: int = SIDE, height: int | None = None) -> bytes:
        """Return a PNG with a picture of its own, `side` pixels wide, and `height` pixels high or else square."""
        picture = paint(self.rng, max(side, height or 0))
        if height is not None:
            picture = picture.crop((0, 0, side, height))
        if kind.colour in {png.RGBA, png.GREY_ALPHA}:
            # One transparent pixel: the alpha channel is in use, but hides next to nothing.
            picture.putalpha(255)
            picture.putpixel((0, 0), (0, 0, 0, 0))
        return png.encode(picture, kind)

    def largest_png(self) -> bytes:
        """Return a PNG of the largest number of bytes that is valid."""
        return png.padded(self.png(), self.contract.image_rules.valid_below_bytes - 1)

    def too_large_png(self) -> bytes:
        """Return a PNG of the smallest number of bytes that is too large."""
        return png.padded(self.png(), self.contract.image_rules.invalid_from_bytes)

    def boundary(self) -> str:
        """Return a boundary that no payload contains by accident."""
        return f"{self.rng.getrandbits(128):032x}"

    def image(
        self, content: bytes | None = None, filename: str | None = "picture.png", media_type: str | None = "image/png"
    ) -> Part:
        """Return the image part."""
        return file_part(self.contract.image_field, self.png() if content is None else content, filename, media_type)

    def form(self, *parts: Part, **fields: str | bytes) -> Request:
        """Return the request of a form with these parts (by default, an image) and then these text fields."""
        parts = parts or (self.image(),)
        return self.multipart((*parts, *(text_part(name, value) for name, value in fields.items())))

    def multipart(self, parts: tuple[Part, ...], boundary: str | None = None, *, exact: bool = False) -> Request:
        """Return the request of a form with exactly these parts or, unless it is `exact`, adapted to the contract.

        Then values that a profile has taken away are replaced by valid ones, and missing required fields are added.
        """
        boundary = boundary or self.boundary()
        if not exact:
            names = {part.name for part in parts}
            required = self.contract.required_texts
            missing = (text_part(name, value) for name, value in required.items() if name not in names)
            parts = (*(adapted(part, self.contract) for part in parts), *missing)
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
            ("User-Agent", f"image-variations/{suite_version()}"),
            ("Accept", "application/json"),
            ("Connection", "close"),
            *((("Authorization", f"Bearer {key}"),) if key is not None else ()),
        )
        replaced = {name.lower() for name, _ in self.target.headers}
        return (*(pair for pair in own if pair[0].lower() not in replaced), *self.target.headers)
