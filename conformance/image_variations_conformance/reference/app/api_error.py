"""The error object that every response except a 200 carries."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import define

from ...contract.extensions import ViolationKind

if TYPE_CHECKING:
    from .form import Part

SHOWN_LENGTH = 40


@define(eq=False)
class ApiError(Exception):
    """The reason why a request is refused. Raising it ends the handling of the request and produces the response.

    `status` is the HTTP status, unless the contract has others for this `kind` of violation. `param` is the invalid
    form field, `code` a fixed identifier of the error. `headers` are added to the response.

    The other members are for subclasses of Service. `requirement` is the id of the requirement that the request
    violates, "" if the contract is silent about it. `detail` is a fixed word for the way in which the request violates
    it. `text` is the value of the field or header, `part` the part with the image.
    """

    message: str
    param: str | None = None
    code: str | None = None
    status: int = 400
    kind: ViolationKind | None = "invalid-request"
    headers: Mapping[str, str] = MappingProxyType({})
    requirement: str = ""
    detail: str = ""
    text: str = ""
    part: Part | None = None


def error_object(problem: ApiError) -> dict[str, object]:
    """Return the JSON document of an error, with all four members."""
    return {
        "error": {
            "message": problem.message,
            "type": "invalid_request_error",
            "param": problem.param,
            "code": problem.code,
        }
    }


def shown(text: str) -> str:
    """Return a value from a request for use in a message: quoted, in ASCII, and cut after SHOWN_LENGTH characters."""
    return ascii(text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "...")
