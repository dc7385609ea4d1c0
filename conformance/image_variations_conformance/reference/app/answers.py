"""The responses of the operation, and the parameters that they depend on. Each part is a method."""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING

from attrs import frozen

from ...contract.document import Contract
from .api_error import ApiError, error_object
from .gallery import Gallery
from .responses import json_response, plain_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from .incoming import IncomingRequest

FILES_PATH = "/files/"
FILE_SUFFIX = ".png"

_BAD_REQUEST = 400
# The statuses of this server where they are not 400 alone, by the kind of violation.
_STATUSES = {
    "wrong-key": {401},
    "other-method": {405},
    "image-too-large": {413},
    "not-multipart": {_BAD_REQUEST, 415},
}
# A host that is safe to put into a link: a name or an address, with or without a port.
_HOST = re.compile(r"[0-9A-Za-z._~\-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")


@frozen
class Wanted:
    """The parameters of a valid request: the number of images, their size, and the response format.

    `size` is the width and height in pixels, None if it is that of the input image.
    """

    count: int
    size: tuple[int, int] | None
    response_format: str


class Answers:
    """Make the responses of a Service. `gallery` stores the images that are served by link."""

    contract: Contract
    gallery: Gallery

    # --- the response body

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        """Return the JSON document of a 200."""
        return {"created": self.created(), "data": [self.item(request, image, wanted) for image in images]}

    def created(self) -> object:
        """Return the time of creation, in seconds since 1970-01-01 UTC."""
        return int(time.time())

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        """Return the item of the list `data` for one image."""
        if wanted.response_format == "b64_json":
            return {"b64_json": self.encoded(image)}
        return {"url": self.link(request, self.hang(image))}

    def encoded(self, image: bytes) -> str:
        """Return an image in base64."""
        return base64.b64encode(image).decode("ascii")

    def hang(self, image: bytes) -> str:
        """Store an image for 60 minutes and return the token in its link."""
        return self.gallery.hang(image)

    def link(self, request: IncomingRequest, token: str) -> str:
        """Return the URL of a stored image, on the host that the request names or, if invalid, the local address."""
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            name, port = request.scope["server"]
            host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        return f"{request.scope['scheme']}://{host}{FILES_PATH}{token}{FILE_SUFFIX}"

    def success(self, document: object) -> Response:
        """Return a 200 with a JSON document."""
        return json_response(document)

    def refusal(self, problem: ApiError) -> Response:
        """Return the response to a refused request."""
        return json_response(self.error(problem), self.refusal_status(problem), problem.headers)

    def refusal_status(self, problem: ApiError) -> int:
        """Return the status of an error, or if a profile declares others for this kind, the first of these."""
        if problem.kind is None or problem.status not in _STATUSES.get(problem.kind, {_BAD_REQUEST}):
            return problem.status
        statuses = self.contract.statuses(problem.kind)
        if statuses.allows(problem.status):
            return problem.status
        return next((int(status) for status in (*statuses.should, *statuses.must) if status.isdigit()), problem.status)

    def error(self, problem: ApiError) -> object:
        """Return the JSON document of an error, in the form of the contract."""
        return {"detail": problem.message} if self.contract.error_body == "detail" else error_object(problem)

    # --- images served by link

    def file(self, token: str) -> Response:
        """Return a stored image as a response. Raises ApiError (404) if there is none under the token."""
        image = self.gallery.find(token)
        if image is None:
            raise ApiError("There is no such image, or its link has expired after 60 minutes.", status=404, kind=None)
        return plain_response(image, media_type="image/png")
