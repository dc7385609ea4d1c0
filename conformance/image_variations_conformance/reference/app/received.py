"""A valid request as the server has read it, for subclasses of Service that treat some valid requests differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from .form import Part

if TYPE_CHECKING:
    from .answers import Wanted
    from .incoming import IncomingRequest


@frozen
class Received:
    """A valid request. `parts` are all parts of its form, `fields` those of known fields by name, `image` is the image.

    `boundary` is the boundary of the form, without the two hyphens before it.
    """

    request: IncomingRequest
    boundary: bytes
    parts: tuple[Part, ...]
    fields: Mapping[str, Part]
    image: Part | None
    wanted: Wanted

    def text(self, name: str) -> str | None:
        """Return the text of a field, None if it is absent."""
        part = self.fields.get(name)
        return None if part is None else part.content.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        """Return the value of a header of the request, "" if it is absent."""
        return str(self.request.headers.get(name, ""))
