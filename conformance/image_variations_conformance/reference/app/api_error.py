"""The error object: what every answer but 200 carries."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import define

SHOWN_LENGTH = 40


@define(eq=False)
class ApiError(Exception):
    """What is wrong with a request. Ends its handling; becomes the answer.

    `status` is the HTTP status, `param` the form field at fault, `code` a fixed word for this very error. `headers`
    go with the answer.
    """

    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400
    headers: Mapping[str, str] = MappingProxyType({})


def error_object(problem: ApiError) -> dict[str, object]:
    """The JSON document of an error, with all four members."""
    return {
        "error": {
            "message": problem.message,
            "type": "invalid_request_error",
            "param": problem.param,
            "code": problem.code,
        }
    }


def shown(text: str) -> str:
    """A value from a request as a message may show it: quoted, printable ASCII, and short."""
    return ascii(text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "...")
