"""Find parts of an OpenAPI document that neither a requirement nor a generic rule of the suite is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .fields import kind_of, known_values
from .pointers import escaped, resolved

Document = Mapping[str, Any]

PATH = "/images/variations"
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_BODIES = frozenset({"multipart/form-data", "application/json"})


def unjudged(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the JSON pointer to each part of a document that a run would not judge, and what it is.

    New text fields and new members of responses are judged by their schemas. Everything else must be known.
    """
    for path, item in document["paths"].items():
        for method in item:
            at = f"/paths/{escaped(path)}/{method}"
            if method == "parameters" or (method in _METHODS and (path, method) != (PATH, "post")):
                yield at, "parameters" if method == "parameters" else f"the operation {method.upper()} {path}"
    at = f"/paths/{escaped(PATH)}/post"
    operation = document["paths"].get(PATH, {}).get("post")
    if operation is None:
        yield "/paths", f"no operation POST {PATH}"
        return
    if operation.get("parameters"):
        yield f"{at}/parameters", "parameters"
    yield from _unjudged_body(document, operation["requestBody"], f"{at}/requestBody")
    yield from _unjudged_responses(document, operation["responses"], f"{at}/responses")
    for name, scheme in document.get("components", {}).get("securitySchemes", {}).items():
        if (scheme.get("type"), scheme.get("scheme")) != ("http", "bearer"):
            yield f"/components/securitySchemes/{escaped(name)}", "a security scheme other than bearer"


def _unjudged_body(document: Document, body: Document, at: str) -> Iterator[tuple[str, str]]:
    for media_type in body["content"]:
        if media_type not in _BODIES:
            yield f"{at}/content/{escaped(media_type)}", f"a request body of type {media_type}"
    schema = resolved(document, body["content"]["multipart/form-data"]["schema"])
    pointer = body["content"]["multipart/form-data"]["schema"].get("$ref", f"#{at}/content/multipart~1form-data/schema")
    files = [name for name, inner in schema["properties"].items() if "x-image" in resolved(document, inner)]
    for name, inner in schema["properties"].items():
        at, field = f"{pointer.removeprefix('#')}/properties/{escaped(name)}", resolved(document, inner)
        if name in files[:1]:
            continue
        if kind_of(field) is None:
            yield at, f"the field {name}, which is no string, integer, number, boolean or enum"
        elif not known_values(field):
            yield at, f"the field {name}, of which no valid value is known until it has examples,"


def _unjudged_responses(document: Document, responses: Document, at: str) -> Iterator[tuple[str, str]]:
    for status, response in responses.items():
        headers = resolved(document, response).get("headers", {})
        if status.startswith(("2", "3")) and status != "200":
            yield f"{at}/{status}", f"a response of status {status}"
        for name, header in headers.items():
            if resolved(document, header).get("required"):
                yield f"{at}/{status}/headers/{escaped(name)}", f"the required header {name} of a response"
    for media_type in resolved(document, responses["200"])["content"]:
        if media_type != "application/json":
            yield f"{at}/200/content/{escaped(media_type)}", f"a response body of type {media_type}"
