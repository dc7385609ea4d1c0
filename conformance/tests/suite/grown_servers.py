"""A program: judges one of these servers with the suite that PYTHONPATH leads to, whose contract may have grown.

Its arguments are the name of a server and those of `image-variations check`.
"""

import sys
from collections.abc import Mapping

from image_variations_conformance.cli.main import cli
from image_variations_conformance.reference.app.api_error import ApiError
from image_variations_conformance.reference.app.form import Part
from image_variations_conformance.reference.app.incoming import IncomingRequest
from image_variations_conformance.reference.app.service import Service, Wanted
from image_variations_conformance.reference.app.serving import running

KEY = "sk-scratch-0123456789"


class Deaf(Service):
    """Knows the fields of contract 1.0.0 and no other."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        """Ignores the others."""
        known = ("image", "model", "n", "response_format", "size", "user")
        return super().fields(tuple(part for part in parts if part.name in known))


class Untrue(Service):
    """Has a member in its answers, and in their items, that is not what the contract says."""

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        """Adds a text where a number should be, or a number that is too small in each item."""
        answer = {"created": self.created(), "data": [self.item(request, image, wanted) for image in images]}
        if wanted.response_format == "url":
            return {**answer, "score": "high"}
        return {**answer, "data": [{"b64_json": self.encoded(image), "score": -1} for image in images]}


class Narrow(Service):
    """Takes no seed."""

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        """Refuses each."""
        if "seed" in fields:
            raise ApiError("There is no seed.", "seed")
        return super().wanted(fields)


if __name__ == "__main__":
    service = {it.__name__: it for it in (Service, Deaf, Untrue, Narrow)}[sys.argv[1]](api_key=KEY)
    with running(service) as server:
        cli(["check", server.base_url, "--api-key", KEY, *sys.argv[2:]])
