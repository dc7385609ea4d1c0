"""Find what a document says and the generated client cannot express, so that nothing is dropped silently.

Each problem has the JSON pointer to the place. The checks read the lowered document, because the lowering drops some
things knowingly: each of its rewrites says which. `schema_support` checks the schemas.
"""

import difflib
import re
from collections.abc import Iterator
from typing import Any

from image_variations_conformance.contract.pointers import steps

from regeneration.document import (
    METHODS,
    Document,
    NodePath,
    dereferenced,
    is_success,
    operations,
    parameters,
    resolve,
)
from regeneration.facts import ARGUMENTS, default_url
from regeneration.generator import python_name
from regeneration.lowering import FORM, JSON, OCTETS
from regeneration.problem import Problem
from regeneration.schema_support import Place, Schemas, Shape

_SHAPES: dict[str, Shape] = {
    FORM: "form",
    "application/x-www-form-urlencoded": "fields",
    OCTETS: "file",
}
_UTF_8 = re.compile(r"charset *= *\"?(utf-8|us-ascii)\"?( *;|$)", re.IGNORECASE)
_EVENTS = "text/event-stream"
_HEADERS_OF_OTHER_PARTS = frozenset({"accept", "authorization", "content-type"})
_HEADERS_OF_THE_CLIENT = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "transfer-encoding", "user-agent"}
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
# The names of arguments that generated functions, or the generator, have for themselves.
_ARGUMENTS = ARGUMENTS | {"options", "url"}
_DIALECTS = frozenset(
    {"https://spec.openapis.org/oas/3.1/dialect/base", "https://json-schema.org/draft/2020-12/schema"}
)
# What can stand in the header User-Agent, and in a string of Python.
_VERSION = re.compile(r"[ !#-\[\]-~]+")
# RFC 6838, 4.2, with parameters; without wildcards, which cannot be sent.
_MEDIA_TYPE = re.compile(r"[0-9A-Za-z][\w!#$&^.+-]*/[0-9A-Za-z][\w!#$&^.+-]*( *;[ -~]*)?", re.ASCII)
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_URL = re.compile(r"https?://[^\s/?#@{}\"\\]+(/[^\s?#{}\"\\]*)?", re.IGNORECASE)
_Found = tuple[NodePath, dict[str, Any]]


def inexpressible(document: Document, lowered: Document) -> Iterator[Problem]:
    """Yield what the client cannot express of a sound `document`, and of what the lowering made of it."""
    yield from _document(document)
    yield from _dropped_bodies(document)
    schemas = Schemas(lowered)
    for path, item in lowered.get("paths", {}).items():
        at: NodePath = ("paths", path)
        for member in sorted(item.keys() & {"$ref", "servers"}):
            yield Problem.at((*at, member), f"{member!r} of a path would be dropped; write it out in the operations")
        for method in METHODS:
            if method in item:
                yield from _operation(schemas, path, method, item[method])
    yield from _security(lowered)
    for name, schema in lowered.get("components", {}).get("schemas", {}).items():
        if not schemas.is_seen(name):
            yield from schemas.problems(("components", "schemas", name), schema, Place(is_request=False))


def _document(document: Document) -> Iterator[Problem]:
    if document.get("webhooks"):
        yield Problem.at(("webhooks",), "a client receives no requests; remove the webhooks")
    if document.get("jsonSchemaDialect", next(iter(_DIALECTS))) not in _DIALECTS:
        yield Problem.at(("jsonSchemaDialect",), "schemas are read as JSON Schema 2020-12; remove the dialect")
    if not any(True for _ in operations(document)):
        yield Problem.at(("paths",), "a client needs an operation, and there is none; describe one")
    if not _VERSION.fullmatch(document["info"]["version"]):
        message = "the client says its version in a header; write it in ASCII, without quotes"
        yield Problem.at(("info", "version"), message)
    yield from _server(document)
    tags = {tag["name"] for tag in document.get("tags", [])}
    for path, method, operation in operations(document) if tags else ():
        for index, tag in enumerate(operation.get("tags", [])):
            meant = difflib.get_close_matches(tag, tags, 1, 0.7) if tag not in tags else []
            if meant:
                message = f"no tag is called {tag!r}, but {meant[0]!r}; correct the name, or describe the tag in tags"
                yield Problem.at(("paths", path, method, "tags", index), message)


def _server(document: Document) -> Iterator[Problem]:
    for server in document.get("servers", [])[:1]:
        at: NodePath = ("servers", 0)
        variables = server.get("variables", {})
        for name in sorted({*_VARIABLE.findall(server["url"])} - variables.keys()):
            yield Problem.at((*at, "url"), f"the variable {name!r} is not described; add it under variables")
            return
        for name, variable in variables.items():
            if variable["default"] not in variable.get("enum", [variable["default"]]):
                where = (*at, "variables", name, "default")
                yield Problem.at(where, f"{variable['default']!r} is not in the enum of the variable; correct one")
        if not _URL.fullmatch(default_url(document)):
            message = "a client needs an absolute URL without query, user and quotes, such as https://api.example/v1"
            yield Problem.at((*at, "url"), message)


def _dropped_bodies(document: Document) -> Iterator[Problem]:
    """Yield the bodies beside a form that `keep_forms` would drop although they say something else than the form."""
    for path, method, operation in operations(document):
        at, body = _followed(document, ("paths", path, method, "requestBody"), operation.get("requestBody", {}))
        content = body.get("content", {})
        for media_type, media in content.items() if FORM in content else ():
            schema = media.get("schema", {})
            says_nothing = not schema.keys() - {"type", "description"}
            if not says_nothing and schema != content[FORM].get("schema", {}):
                message = f"only the form is sent; give {media_type} the same schema, or remove it"
                yield Problem.at((*at, "content", media_type), message)


def _operation(schemas: Schemas, name: str, method: str, operation: dict[str, Any]) -> Iterator[Problem]:
    path: NodePath = ("paths", name, method)
    for member in sorted(operation.keys() & {"callbacks", "servers"}):
        yield Problem.at((*path, member), f"{member!r} of an operation would be dropped; remove it")
    arguments: dict[str, str] = {}
    for where, node in parameters(schemas.document, name, method):
        at, parameter = _followed(schemas.document, where, node)
        argument = python_name(parameter["name"])
        if not parameter["name"].isprintable():
            yield Problem.at((*at, "name"), "the name has a control character, which would be dropped; remove it")
        elif argument in _ARGUMENTS:
            yield Problem.at((*at, "name"), f"every call has an argument {argument} already; give it another name")
        elif argument in arguments:
            message = f"the argument would be {argument}, as that of {arguments[argument]!r}; give one another name"
            yield Problem.at((*at, "name"), message)
        arguments.setdefault(argument, parameter["name"])
        yield from _parameter(schemas, at, parameter)
    if "requestBody" in operation:
        yield from _body(schemas, *_followed(schemas.document, (*path, "requestBody"), operation["requestBody"]))
    for status, response in operation.get("responses", {}).items():
        at, followed = _followed(schemas.document, (*path, "responses", status), response)
        is_accepted = is_success(status, operation["responses"])
        # An error to HEAD is often that of other methods, and is one by its status alone.
        is_empty = status in {"204", "205", "304"} or status[0] == "1" or (method == "head" and is_accepted)
        if followed.get("content") and is_empty:
            what = "to HEAD" if method == "head" else f"of the status {status}"
            yield Problem.at((*at, "content"), f"a response {what} has no body; remove its content")
        yield from _response(schemas, at, followed, is_success=is_accepted)


def _parameter(schemas: Schemas, path: NodePath, parameter: dict[str, Any]) -> Iterator[Problem]:
    place = parameter["in"]
    if place == "cookie":
        yield Problem.at((*path, "in"), "the client sends no cookies; write a header or a query parameter")
    if place == "header":
        yield from _header_name(path, parameter["name"])
    if "content" in parameter:
        yield Problem.at((*path, "content"), "a parameter with a media type would be dropped; write a schema")
        return
    usual = {"query": "form", "cookie": "form"}.get(place, "simple")
    if parameter.get("style", usual) != usual:
        yield Problem.at((*path, "style"), f"parameters in {place} are only sent in the style {usual!r}")
    resolved = dereferenced(schemas.document, parameter["schema"])
    if parameter.get("explode", True) is not True and place == "query" and resolved.get("type") in {"array", "object"}:
        yield Problem.at(
            (*path, "explode"), "each item of a list is sent as a parameter of its own; remove explode: false"
        )
    for flag in ("allowReserved", "allowEmptyValue"):
        if parameter.get(flag):
            yield Problem.at((*path, flag), f"{flag!r} would be dropped; remove it")
    yield from _parameter_values(schemas, path, parameter)
    shape: Shape = "pairs" if place == "query" else "scalar"
    where = Place(is_request=True, shape=shape, is_checked=True, is_reached=True)
    yield from schemas.problems((*path, "schema"), parameter["schema"], where)


def _header_name(path: NodePath, name: str) -> Iterator[Problem]:
    if name.lower() in _HEADERS_OF_OTHER_PARTS:
        message = f"the header {name} follows from the media types and the security; OpenAPI ignores it as a parameter"
        yield Problem.at((*path, "name"), message)
    elif name.lower() in _HEADERS_OF_THE_CLIENT:
        yield Problem.at((*path, "name"), f"the client sets the header {name} itself; remove the parameter")
    elif not _HEADER_NAME.fullmatch(name):
        yield Problem.at((*path, "name"), f"{name!r} cannot be the name of a header; write letters, digits and hyphens")


def _parameter_values(schemas: Schemas, path: NodePath, parameter: dict[str, Any]) -> Iterator[Problem]:
    if parameter.get("required") and schemas.can_be_null(parameter["schema"]):
        message = "null cannot be sent here; leave out the null, or make a parameter of a query or a header optional"
        yield Problem.at((*path, "schema"), message)
    if parameter["in"] == "header" and not all(map(_is_of_headers, schemas.branches(parameter["schema"]))):
        message = (
            "the generator makes no header of a date, a const or a value of any type; write another type, or an enum"
        )
        yield Problem.at((*path, "schema"), message)


def _is_of_headers(schema: dict[str, Any]) -> bool:
    has_type = bool({"enum", "type"} & schema.keys())
    return has_type and "const" not in schema and schema.get("format") not in {"date", "date-time"}


def _body(schemas: Schemas, path: NodePath, body: dict[str, Any]) -> Iterator[Problem]:
    content = body.get("content", {})
    if not content:
        yield Problem.at(
            (*path, "content"), "a body without a media type cannot be sent; write one, or remove the body"
        )
    for media_type in list(content)[1:]:
        message = f"the client would choose between {' and '.join(content)} by a guess; keep one"
        yield Problem.at((*path, "content", media_type), message)
    for media_type, media in content.items():
        where = (*path, "content", media_type)
        if not JSON.fullmatch(media_type) and media_type not in _SHAPES:
            yield Problem.at(where, f"the client cannot send {media_type}; write JSON, a form, or {OCTETS}")
        elif "schema" not in media:
            yield Problem.at(where, "a body without a schema would be dropped; write one")
        else:
            place = Place(is_request=True, shape=_SHAPES.get(media_type, "any"), is_reached=True)
            yield from schemas.problems((*where, "schema"), media["schema"], place)
            yield from _encoding(schemas, where, media, media_type)


def _encoding(schemas: Schemas, path: NodePath, media: dict[str, Any], media_type: str) -> Iterator[Problem]:
    properties = schemas.members(dereferenced(schemas.document, media["schema"]))[1]
    for name, encoding in media.get("encoding", {}).items():
        where = (*path, "encoding", name)
        if name not in properties:
            yield Problem.at(where, f"the body has no property {name!r}; correct the name")
            continue
        for member in sorted(encoding.keys() - {"contentType"}):
            yield Problem.at((*where, member), f"{member!r} of a part would be dropped; remove it")
        content_type = encoding.get("contentType")
        if content_type is None:
            continue
        if not schemas.has_file(properties.get(name, {})) or media_type != FORM:
            yield Problem.at((*where, "contentType"), "only a file is sent with a media type of its own; remove it")
        elif not all(_MEDIA_TYPE.fullmatch(each.strip(" ")) for each in content_type.split(",")):
            message = f"{content_type} is no media type that can be sent; write one, such as image/png"
            yield Problem.at((*where, "contentType"), message)


def _response(schemas: Schemas, path: NodePath, response: dict[str, Any], *, is_success: bool) -> Iterator[Problem]:
    content = response.get("content", {})
    if response.get("links"):
        yield Problem.at((*path, "links"), "'links' of a response would be dropped; remove it")
    # The client keeps the text of an error in text or HTML, whichever of the two it is.
    alike = not is_success and all(media_type.startswith("text/") for media_type in content)
    for media_type in list(content)[1:] if not alike else []:
        message = f"a response has one media type, and {next(iter(content))} is it; the client would not read this one"
        yield Problem.at((*path, "content", media_type), message)
    for media_type, media in content.items():
        where = (*path, "content", media_type)
        if media_type.startswith(_EVENTS):
            yield Problem.at(where, "the client reads no events of a stream; remove it")
        elif "schema" not in media:
            yield Problem.at(where, "a body without a schema would be ignored; write one, such as type: string")
        elif JSON.fullmatch(media_type):
            yield from schemas.problems((*where, "schema"), media["schema"], Place(is_request=False))
        elif media_type.startswith("text/"):
            yield from _text_response(schemas, where, media_type, media["schema"])
        elif media_type == OCTETS:
            if any(each.get("type", "string") != "string" for each in schemas.branches(media["schema"])):
                yield Problem.at((*where, "schema"), f"{OCTETS} is read as bytes; write type: string, format: binary")
        else:
            yield Problem.at(where, f"the client cannot read {media_type}; write JSON, a text type, or {OCTETS}")


def _text_response(schemas: Schemas, path: NodePath, media_type: str, schema: dict[str, Any]) -> Iterator[Problem]:
    branches = list(schemas.branches(schema))
    if any(each.get("type", "string") != "string" or each.get("format") == "binary" for each in branches):
        message = f"{media_type} is read as a text; write type: string without a format, JSON, or {OCTETS}"
        yield Problem.at((*path, "schema"), message)
    elif "charset" in media_type.lower() and not _UTF_8.search(media_type):
        yield Problem.at(path, "a text is read as UTF-8; remove the charset")


def _security(document: Document) -> Iterator[Problem]:
    """Yield the requirements of operations that are not one bearer token, the same for all operations."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    known: set[str] = set()
    for path, method, operation in operations(document):
        security = operation.get("security", [])
        # The lowering copies the security of the document to the operations.
        where: NodePath = ("paths", path, method, "security")
        where = ("security",) if security == document.get("security") else where
        for index, requirement in enumerate(security):
            yield from _requirement(schemes, (*where, index), requirement)
            known |= {name for name in requirement if _is_bearer(document, schemes.get(name))}
            if len(known) > 1:
                message = f"the client has one key, not one for each of {' and '.join(sorted(known))}; keep one"
                yield Problem.at((*where, index), message)


def _requirement(schemes: dict[str, Any], path: NodePath, requirement: dict[str, Any]) -> Iterator[Problem]:
    if len(requirement) > 1:
        message = f"the client cannot send {' and '.join(requirement)} together; keep one bearer scheme"
        yield Problem.at(path, message)
    for name in requirement:
        if name not in schemes:
            known = ", ".join(schemes) or "none"
            yield Problem.at((*path, name), f"there is no security scheme {name!r}, but {known}; correct the name")
        elif not _is_bearer({"components": {"securitySchemes": schemes}}, schemes[name]):
            kind = f"{schemes[name].get('type')} {schemes[name].get('scheme', '')}".strip()
            message = f"the client only sends a bearer token, and this is {kind!r}; write type: http, scheme: bearer"
            yield Problem.at(("components", "securitySchemes", name), message)


def _is_bearer(document: Document, scheme: dict[str, Any] | None) -> bool:
    if scheme is None:
        return False
    scheme = dereferenced(document, scheme)
    return (scheme.get("type"), str(scheme.get("scheme")).lower()) == ("http", "bearer")


def _followed(document: Document, path: NodePath, node: dict[str, Any]) -> _Found:
    """Return the object that a node refers to, or the node, with its path."""
    while "$ref" in node:
        target = node["$ref"]
        path, node = tuple(steps(target)), resolve(document, target)
    return path, node
