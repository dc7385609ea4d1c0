"""A program that checks one of these servers with the suite on PYTHONPATH, whose contract may have added fields.

Its arguments are the name of a server class, then those of `image-variations check`.
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


class IgnoresAddedFields(Service):
    """Ignores every field that contract 1.0.0 does not have."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        """Return the fields of contract 1.0.0 by name."""
        known = ("image", "model", "n", "response_format", "size", "user")
        return super().fields(tuple(part for part in parts if part.name in known))


class SendsInvalidScores(Service):
    """Sends a member `score` that the schema of the response does not allow."""

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        """Return a response with a string as its score, or with a score below the minimum in each item."""
        body = {"created": self.created(), "data": [self.item(request, image, wanted) for image in images]}
        if wanted.response_format == "url":
            return {**body, "score": "high"}
        return {**body, "data": [{"b64_json": self.encoded(image), "score": -1} for image in images]}


class RefusesSeed(Service):
    """Refuses every request with the field seed."""

    def wanted(self, fields: Mapping[str, Part]) -> Wanted:
        """Return what the fields request. Raise ApiError if there is a seed."""
        if "seed" in fields:
            raise ApiError("There is no seed.", "seed")
        return super().wanted(fields)


if __name__ == "__main__":
    services = (Service, IgnoresAddedFields, SendsInvalidScores, RefusesSeed)
    service = {kind.__name__: kind for kind in services}[sys.argv[1]](api_key=KEY)
    with running(service) as server:
        cli(["check", server.base_url, "--api-key", KEY, *sys.argv[2:]])
