"""Faults in the encoding of JSON bodies and in their content type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..app.api_error import ApiError
from ..app.responses import json_response, plain_response
from ..app.service import Service
from ..registry import FaultFamily

if TYPE_CHECKING:
    from starlette.responses import Response

fault = FaultFamily("content-type")


# --- in a 200


@fault("json-as-html", breaks=("IV-RES-JSON",))
class JsonAsHtml(Service):
    """Sends the JSON of a 200 with the content type text/html."""

    def success(self, document: object) -> Response:
        return plain_response(super().success(document).body, media_type="text/html")


class _Rewritten(Service):
    """A Service that changes the bytes of the JSON of a 200."""

    def success(self, document: object) -> Response:
        return plain_response(
            self.rewritten(document, bytes(super().success(document).body)), media_type="application/json"
        )

    def rewritten(self, document: object, body: bytes) -> bytes:
        """Return the body of a 200."""
        return body


@fault("json-byte-order-mark", breaks=("IV-RES-JSON",))
class JsonByteOrderMark(_Rewritten):
    """Starts the JSON of a 200 with a byte order mark."""

    def rewritten(self, document: object, body: bytes) -> bytes:
        return b"\xef\xbb\xbf" + body


@fault("json-utf-16", breaks=("IV-RES-JSON",))
class JsonUtf16(_Rewritten):
    """Encodes the JSON of a 200 in UTF-16."""

    def rewritten(self, document: object, body: bytes) -> bytes:
        return body.decode().encode("utf-16")


@fault("json-as-python-writes-it", breaks=("IV-RES-JSON",))
class JsonAsPythonWritesIt(_Rewritten):
    """Writes a Python literal with single quotes instead of JSON."""

    def rewritten(self, document: object, body: bytes) -> bytes:
        return repr(document).encode()


@fault("json-with-more-behind", breaks=("IV-RES-JSON",))
class JsonWithMoreBehind(_Rewritten):
    """Sends the JSON document twice in one body."""

    def rewritten(self, document: object, body: bytes) -> bytes:
        return body + b"\n" + body


@fault("json-nan", breaks=("IV-RES-JSON",))
class JsonNan(_Rewritten):
    """Writes NaN, which is not valid JSON, as the value of a member."""

    def rewritten(self, document: object, body: bytes) -> bytes:
        return body[:-1] + b',"seconds":NaN}'


@fault("json-cut", breaks=("IV-RES-JSON",))
class JsonCut(_Rewritten):
    """Omits the last bytes of the JSON of a 200."""

    def rewritten(self, document: object, body: bytes) -> bytes:
        return body[:-2]


# --- in an error


@fault("error-as-page", breaks=("IV-ERR-JSON",))
class ErrorAsPage(Service):
    """Sends errors as an HTML page."""

    def refusal(self, problem: ApiError) -> Response:
        page = f"<!doctype html><title>{problem.status}</title><p>Something is wrong.</p>"
        return plain_response(page, problem.status, problem.headers, media_type="text/html")


@fault("error-as-text", breaks=("IV-ERR-JSON",))
class ErrorAsText(Service):
    """Sends errors as plain text."""

    def refusal(self, problem: ApiError) -> Response:
        return plain_response(problem.message, problem.status, problem.headers, media_type="text/plain")


@fault("error-empty", breaks=("IV-ERR-JSON",))
class ErrorEmpty(Service):
    """Sends errors without a body."""

    def refusal(self, problem: ApiError) -> Response:
        return plain_response(None, problem.status, problem.headers)


@fault("error-as-problem-json", breaks=("IV-ERR-JSON",), also=("IV-ERR-OBJECT",))
class ErrorAsProblemJson(Service):
    """Sends errors as application/problem+json (RFC 9457)."""

    def refusal(self, problem: ApiError) -> Response:
        document = {"type": "about:blank", "status": problem.status, "detail": problem.message}
        return json_response(document, problem.status, problem.headers, media_type="application/problem+json")
