"""The parts of a request: those that the document calls for, and those that were sent."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from regeneration.document import Document
from regeneration.facts import part_types
from regeneration.lowering import OCTETS
from regeneration.probe import BASE_URL, KEY
from regeneration.samples import HEADS, Sample
from regeneration.tested_operations import Operation

_SAFE = "/%:@!$&'()*+,;=~"
_DISPOSITION = re.compile(r'form-data; name="(?P<name>[^"]*)"(; filename="(?P<filename>[^"]*)")?')
_FORM, _FIELDS = "multipart/form-data", "application/x-www-form-urlencoded"


def expected_parts(operation: Operation, values: dict[str, Sample], body: Sample | None) -> Iterator[tuple[str, Any]]:
    """Yield the parts of the request that the document calls for."""
    path = operation.path
    query: list[tuple[str, str]] = []
    headers: dict[str, str] = {}
    for parameter in operation.parameters:
        if parameter["name"] not in values:
            continue
        pairs = list(_pairs(parameter["name"], values[parameter["name"]].wire))
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(pairs[0][1], safe=""))
        elif parameter["in"] == "query":
            query += pairs
        else:
            headers |= {name.lower(): text for name, text in pairs}
    yield "method", operation.http_method.upper()
    yield "path", urlsplit(BASE_URL).path + quote(path, safe=_SAFE)
    yield "query", sorted(query)
    yield "authorization", f"Bearer {KEY}" if operation.node.get("security") else None
    media_types = {media_type for media_type, _ in operation.responses.values() if media_type} or {"application/json"}
    yield "accept", sorted(media_types)
    for name in _header_names(operation):
        yield f"header {name}", headers.get(name)
    if operation.body is not None and body is not None:
        media_type, media, _ = operation.body
        yield "media type", media_type
        yield "body", _expected_body(operation.samples.document, media_type, media, body)


def sent_parts(operation: Operation, sent: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the same parts of the request that was sent."""
    target, headers = urlsplit(sent["target"]), sent["headers"]
    yield "method", sent["method"]
    yield "path", target.path
    yield "query", sorted(parse_qsl(target.query, keep_blank_values=True))
    yield "authorization", headers.get("authorization")
    yield "accept", sorted(each.strip() for each in headers.get("accept", "").split(","))
    for name in _header_names(operation):
        yield f"header {name}", headers.get(name)
    content, media_type = base64.b64decode(sent["body"]), headers.get("content-type", "")
    if content or media_type:
        yield "media type", media_type.split("; boundary=")[0]
        yield "body", _found_body(media_type, content)


def _expected_body(document: Document, media_type: str, media: dict[str, Any], body: Sample) -> Any:
    if media_type == _FIELDS:
        return sorted(pair for name, value in body.wire.items() for pair in _pairs(name, value))
    if media_type == _FORM:
        types = part_types(document, media)
        return sorted(part for name, value in body.wire.items() for part in _parts(name, value, types.get(name, ())))
    return base64.b64encode(body.wire).decode() if isinstance(body.wire, bytes) else body.wire


def _found_body(media_type: str, content: bytes) -> Any:
    if media_type == _FIELDS:
        return sorted(parse_qsl(content.decode(), keep_blank_values=True))
    if media_type.startswith(_FORM):
        return _found_parts(content, media_type.partition("boundary=")[2].strip('"'))
    try:
        return json.loads(content)
    except ValueError:
        return base64.b64encode(content).decode()


def _found_parts(content: bytes, boundary: str) -> list[tuple[str, str, str, str]]:
    """Return the parts of a form as it is written in RFC 7578, or none if it is written otherwise."""
    [before, *parts, end] = (b"\r\n" + content).split(b"\r\n--" + boundary.encode())
    return [] if before or end != b"--\r\n" else sorted(map(_part, parts))


def _part(part: bytes) -> tuple[str, str, str, str]:
    head, _, payload = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    lines = (line.partition(":") for line in head.decode().split("\r\n"))
    headers = {name.lower(): value.strip() for name, _, value in lines}
    disposition = _DISPOSITION.fullmatch(headers.get("content-disposition", ""))
    if disposition is None:
        return "", "", "", repr(part)
    # HTML, section "multipart form data": a quotation mark is written as %22.
    name = disposition["name"].replace("%22", '"')
    return name, "file" if disposition["filename"] else "text", headers.get("content-type", ""), repr(payload)


def _header_names(operation: Operation) -> list[str]:
    return [each["name"].lower() for each in operation.parameters if each["in"] == "header"]


def _parts(name: str, value: Any, media_types: tuple[str, ...]) -> Iterator[tuple[str, str, str, str]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, bytes):
            own = (f"image/{kind}" for kind, head in HEADS.items() if item.startswith(head[:4]))
            yield name, "file", next((each for each in (*own, *media_types) if each in media_types), OCTETS), repr(item)
        elif isinstance(item, dict):
            yield name, "text", "application/json", repr(json.dumps(item).encode())
        else:
            yield from ((name, "text", "", repr(text.encode())) for _, text in _pairs(name, item))


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the fields of a form or a query for a value: one for each item, or for each member under its own name."""
    if isinstance(value, list):
        for item in value:
            yield from _pairs(name, item)
    elif isinstance(value, dict):
        for inner, member in value.items():
            yield from _pairs(inner, member)
    else:
        yield name, json.dumps(value) if isinstance(value, bool) else str(value)
