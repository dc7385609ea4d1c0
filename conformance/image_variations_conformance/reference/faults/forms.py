"""Faults in the parsing of the multipart form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..app.api_error import ApiError
from ..app.form import Part
from ..app.service import Service, Wanted
from ..registry import FaultFamily
from .fault_helpers import Crash, crashing, placeholder

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Message

    from ..app.incoming import IncomingRequest

fault = FaultFamily("validation")


@fault("any-body-accepted", breaks=("IV-OP-MULTIPART",))
class AnyBodyAccepted(Service):
    """Accepts a body that is not a multipart form, and makes an image from a placeholder."""

    async def vary(self, request: IncomingRequest) -> Response:
        self.authenticate(request)
        try:
            self.boundary(request)
        except ApiError:
            wanted = Wanted(count=1, size=self.dimensions(None), response_format="url")
            images = await self.make(placeholder(), wanted)
            return self.success(self.document(request, images, wanted))
        return await super().vary(request)


@fault("form-never-read", breaks=("IV-OP-VALID",), also=("IV-ERR-PARAM",))
class FormNeverRead(Service):
    """Refuses every form for a missing boundary, as behind a gateway that removes it from the content type."""

    def boundary(self, request: IncomingRequest) -> bytes:
        super().boundary(request)
        raise ApiError("The content type must name the boundary of the form.")


@fault("file-name-required", breaks=("IV-IMAGE-NO-FILENAME",))
class FileNameRequired(Service):
    """Treats an image part without a file name as missing."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        return super().fields(tuple(part for part in parts if part.name != "image" or part.filename is not None))


@fault("image-first-required", breaks=("IV-WIRE-ORDER",), also=("IV-ERR-PARAM",))
class ImageFirstRequired(Service):
    """Refuses a form in which image is not the first part."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        fields = super().fields(parts)
        if "image" in fields and parts[0].name != "image":
            raise ApiError("image must be the first part of the form.", "image")
        return fields


@fault("malformed-form-crashes", breaks=("IV-ERR-NO-5XX",), also=("IV-OP-MULTIPART",))
class MalformedFormCrashes(Service):
    """Answers 500 to a malformed form, such as one with a part without a name."""

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        with crashing(status=400):
            return await super().parts(request, boundary)


@fault("cut-off-form-crashes", breaks=("IV-ERR-NO-5XX",))
class CutOffFormCrashes(Service):
    """Answers 500 to a form that ends before its closing boundary."""

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        body = await _read_body(request)
        if body.startswith(b"--" + boundary) and b"--" + boundary + b"--" not in body:
            raise Crash
        return await super().parts(_with_body(request, body), boundary)


@fault("bare-line-feeds-crash", breaks=("IV-ERR-NO-5XX",))
class BareLineFeedsCrash(Service):
    """Answers 500 to a form with LF line ends instead of CRLF."""

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        body = await _read_body(request)
        if body.startswith(b"--" + boundary + b"\n"):
            raise Crash
        return await super().parts(_with_body(request, body), boundary)


@fault("part-headers-refused", breaks=("IV-WIRE-PART-HEADERS",))
class PartHeadersRefused(Service):
    """Refuses a part with headers other than Content-Disposition and Content-Type."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        if any(set(part.headers) - {b"content-disposition", b"content-type"} for part in parts):
            raise ApiError("A part of the form has a header that is not known.")
        return super().fields(parts)


@fault("preamble-refused", breaks=("IV-WIRE-PREAMBLE",))
class PreambleRefused(Service):
    """Refuses a form with a preamble before its first boundary."""

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        body = await _read_body(request)
        if not body.startswith(b"--"):
            raise ApiError("The form is malformed.")
        return await super().parts(_with_body(request, body), boundary)


async def _read_body(request: IncomingRequest) -> bytes:
    body = b""
    while data := await request.chunk():
        body += data
    return body


def _with_body(request: IncomingRequest, body: bytes) -> IncomingRequest:
    """Return a copy of a request whose body was already read, so that it can be read again."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_: Message) -> None:
        raise NotImplementedError

    return type(request)(request.scope, receive, send)


@fault("second-image-crashes", breaks=("IV-ERR-NO-5XX",))
class SecondImageCrashes(Service):
    """Answers 500 to a form with two images."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        if sum(part.name == "image" for part in parts) > 1:
            raise Crash
        return super().fields(parts)


@fault("unknown-field-crashes", breaks=("IV-ERR-NO-5XX",))
class UnknownFieldCrashes(Service):
    """Answers 500 to a form with an unknown field."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        if any(part.name not in self.field_names for part in parts):
            raise Crash
        return super().fields(parts)


@fault("boundary-quotes-refused", breaks=("IV-WIRE-BOUNDARY",))
class BoundaryQuotesRefused(Service):
    """Refuses a content type with quotes around the boundary."""

    def boundary(self, request: IncomingRequest) -> bytes:
        if '"' in request.headers.get("content-type", ""):
            raise ApiError("The form has no part.")
        return super().boundary(request)


@fault("boundary-lower-cased", breaks=("IV-WIRE-BOUNDARY",))
class BoundaryLowerCased(Service):
    """Converts the boundary to lower case, and so cannot parse forms with upper-case boundaries."""

    def boundary(self, request: IncomingRequest) -> bytes:
        return super().boundary(request).lower()


@fault("boundary-over-64-refused", breaks=("IV-WIRE-BOUNDARY",))
class BoundaryOver64Refused(Service):
    """Refuses a boundary of more than 64 characters."""

    def boundary(self, request: IncomingRequest) -> bytes:
        boundary = super().boundary(request)
        if len(boundary) > 64:
            raise ApiError("The boundary of the form must have at most 64 characters.")
        return boundary


@fault("boundary-signs-refused", breaks=("IV-WIRE-BOUNDARY",))
class BoundarySignsRefused(Service):
    """Refuses a boundary with characters other than letters, digits and hyphens."""

    def boundary(self, request: IncomingRequest) -> bytes:
        boundary = super().boundary(request)
        if not boundary.replace(b"-", b"").isalnum():
            raise ApiError("The boundary of the form must be of letters, digits and hyphens.")
        return boundary


@fault("chunked-refused", breaks=("IV-WIRE-CHUNKED",))
class ChunkedRefused(Service):
    """Answers 400 to a body in chunked coding."""

    def check_length(self, request: IncomingRequest) -> None:
        if request.declared is None:
            raise ApiError("A Content-Length is needed.")
        super().check_length(request)


@fault("file-name-unicode-crashes", breaks=("IV-WIRE-FILENAME", "IV-ERR-NO-5XX"))
class FileNameUnicodeCrashes(Service):
    """Answers 500 to a file name with non-ASCII characters."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        for part in parts:
            (part.filename or b"").decode("ascii")
        return super().fields(parts)


@fault("file-name-quote-refused", breaks=("IV-WIRE-FILENAME",))
class FileNameQuoteRefused(Service):
    """Refuses a file name that contains a double quote."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        if any(b'"' in (part.filename or b"") for part in parts):
            raise ApiError("A part of the form has a malformed Content-Disposition.")
        return super().fields(parts)


@fault("query-read", breaks=("IV-WIRE-QUERY",))
class QueryRead(Service):
    """Uses n and size from the query string instead of the form."""

    async def parts(self, request: IncomingRequest, boundary: bytes) -> tuple[Part, ...]:
        parts = await super().parts(request, boundary)
        query = {name: value for name, value in request.query_params.items() if name in {"n", "size"}}
        overrides = tuple(Part(name, None, None, content=value.encode()) for name, value in query.items())
        return overrides + tuple(part for part in parts if part.name not in query)
