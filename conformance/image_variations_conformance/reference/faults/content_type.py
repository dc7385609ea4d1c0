"""Faults in the encoding of JSON bodies and in their content type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..app.api_error import ApiError
from ..app.responses import json_response, plain_response
from ..registry import FaultFamily
from .factories import sends, sends_errors, sends_json, with_body

if TYPE_CHECKING:
    from starlette.responses import Response

fault = FaultFamily("content-type")

_JSON, _ERROR = "IV-RES-JSON", "IV-ERR-JSON"

# --- in a 200

# fmt: off
fault("json-as-html", "Sends the JSON of a 200 with the content type text/html.",
      sends(_JSON, lambda response: plain_response(response.body, media_type="text/html")))
fault("json-as-text", "Sends the JSON of a 200 with the content type text/plain.",
      sends(_JSON, lambda response: plain_response(response.body, media_type="text/plain")))
fault("json-untyped", "Sends the JSON of a 200 without a content type.",
      sends(_JSON, lambda response: plain_response(response.body)))
fault(
    "json-as-events",
    "Sends the JSON of a 200 as an event stream.",
    sends(
        _JSON,
        lambda response: plain_response(
            b"data: " + response.body + b"\n\ndata: [DONE]\n\n", media_type="text/event-stream"
        ),
    ),
)
fault("json-byte-order-mark", "Starts the JSON of a 200 with a byte order mark.",
      sends_json(_JSON, lambda body: b"\xef\xbb\xbf" + body))
fault("json-utf-16", "Encodes the JSON of a 200 in UTF-16.",
      sends_json(_JSON, lambda body: body.decode().encode("utf-16")))
fault("json-not-utf-8", "Sends a byte that is not UTF-8 in the JSON of a 200.",
      sends_json(_JSON, lambda body: body[:-1] + b',"place":"Z\xfcrich"}'))
fault("json-as-python-writes-it", "Writes a Python literal with single quotes instead of JSON.",
      sends_json(_JSON, lambda body: repr(json.loads(body)).encode()))
fault("json-with-more-behind", "Sends the JSON document twice in one body.",
      sends_json(_JSON, lambda body: body + b"\n" + body))
fault("json-nan", "Writes NaN, which is not valid JSON, as the value of a member.",
      sends_json(_JSON, lambda body: body[:-1] + b',"seconds":NaN}'))
fault("json-trailing-comma", "Writes a comma after the last member of the JSON of a 200.",
      sends_json(_JSON, lambda body: body[:-1] + b",}"))
fault("json-raw-line-end", "Writes a line end that is not escaped in a string of the JSON of a 200.",
      sends_json(_JSON, lambda body: body[:-1] + b',"note":"two\nlines"}'))
fault("json-cut", "Omits the last bytes of the JSON of a 200.", sends_json(_JSON, lambda body: body[:-2]))
fault("body-empty", "Sends a 200 without a body.", sends_json(_JSON, lambda _: b""))
# fmt: on

# --- in an error


def _page(problem: ApiError, response: Response) -> Response:
    return with_body(response, f"<!doctype html><title>{problem.status}</title><p>Something is wrong.</p>", "text/html")


def _as_problem(problem: ApiError, response: Response) -> Response:
    document = {"type": "about:blank", "status": problem.status, "detail": problem.message}
    return json_response(document, response.status_code, problem.headers, media_type="application/problem+json")


def _without_escapes(_: ApiError, response: Response) -> Response:
    return with_body(response, bytes(response.body).replace(b'\\"', b'"'))


# fmt: off
fault("error-as-page", "Sends errors as an HTML page.", sends_errors(_ERROR, _page))
fault("error-as-text", "Sends errors as plain text.",
      sends_errors(_ERROR, lambda problem, response: with_body(response, problem.message, "text/plain")))
fault("error-empty", "Sends errors without a body.",
      sends_errors(_ERROR, lambda problem, response: plain_response(None, response.status_code, problem.headers)))
fault("error-json-as-text", "Sends the JSON of errors with the content type text/plain.",
      sends_errors(_ERROR, lambda _, response: with_body(response, bytes(response.body), "text/plain")))
fault("error-without-escapes", "Writes the JSON of errors without an encoder, and so quotation marks unescaped.",
      sends_errors(_ERROR, _without_escapes))
fault("error-cut", "Omits the last bytes of the JSON of errors.",
      sends_errors(_ERROR, lambda _, response: with_body(response, bytes(response.body)[:-2])))
fault("too-large-as-page",
      "Sends the error of a too large image as an HTML page, as a proxy in front of the server does.",
      sends_errors(_ERROR, lambda problem, response: _page(problem, response) if problem.status == 413 else response))
fault(
    "key-error-as-text",
    "Sends the error of a missing or wrong key as plain text, as a gateway does.",
    sends_errors(
        _ERROR,
        lambda problem, response: (
            with_body(response, "Unauthorized", "text/plain") if problem.status == 401 else response
        ),
    ),
)
fault(
    "other-body-as-page",
    "Sends the error of a body that is no form as an HTML page, as a framework does before its handler runs.",
    sends_errors(
        _ERROR,
        lambda problem, response: _page(problem, response) if problem.requirement == "IV-OP-MULTIPART" else response,
    ),
)


fault("error-as-problem-json", "Sends errors as application/problem+json (RFC 9457).",
      sends_errors(_ERROR, _as_problem), also=("IV-ERR-OBJECT",))
