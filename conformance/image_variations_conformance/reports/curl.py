"""The command that sends the request of a case again.

Where curl itself would encode the same form, up to the boundary, the line has the fields one by one, so that a person can
read and edit it. Otherwise curl sends the recorded body. What curl cannot send, such as trailers, bash sends byte by byte. Large files
are compressed.
"""

from __future__ import annotations

import gzip
import re
import shlex
from collections.abc import Iterator, Mapping

from attrs import frozen

from ..wire.exchange import Request
from ..wire.multipart import NotMultipart, Part, boundary_of, decode, encode, file_part, text_part
from ..wire.target import Target

IMAGE_FILE, BODY_FILE, RAW_FILE = "image.png", "request.body", "request.raw"
# Headers that curl writes itself, and whose values do not matter for a case.
_CURLS_OWN = frozenset({"host", "content-length", "connection", "user-agent"})
# Headers that curl sends unless it is told not to.
_UNASKED = ("Accept", "User-Agent")
_LARGE_BYTES = 1 << 18
_PLAIN_BOUNDARY = re.compile(r"[0-9a-f]{32}")


@frozen
class Command:
    """A line for a shell, and the files that it reads: their names in a folder of the report, with their contents."""

    line: str
    files: Mapping[str, bytes]


def command(request: Request, target: Target, folder: str) -> Command:
    """Return the command that sends a request again, run where the path `folder` leads to the files.

    The values of placeholders in the headers (see `redaction`) are taken from environment variables.
    """
    if request.chunk_extension or request.trailers:
        return _byte_by_byte(request, target, folder)
    parts = _plain_form(request)
    words = ["curl", "-sS", "-i"]
    if parts is None:
        words += ["--head"] if request.method == "HEAD" else ["-X", request.method]
    words.append(shlex.quote(_origin(target) + request.target))
    words += _headers(request, without=() if parts is None else ("content-type",))
    if parts is None:
        has_body = bool(request.body) or request.header("content-length") is not None or request.chunked
        if not has_body or request.method == "HEAD":
            return Command(" ".join(words), {})
        read, name, content = _file(BODY_FILE, request.body, folder)
        return Command(
            " ".join([*read, *words, "--data-binary", shlex.quote(f"@{name}")]),
            {BODY_FILE if name != "-" else f"{BODY_FILE}.gz": content},
        )
    files: dict[str, bytes] = {}
    read = []
    for part in parts:
        if part.filename is None:
            words += ["--form-string", shlex.quote(f"{part.name}={part.content.decode()}")]
            continue
        read, name, content = _file(IMAGE_FILE, part.content, folder)
        files[IMAGE_FILE if name != "-" else f"{IMAGE_FILE}.gz"] = content
        words += ["-F", shlex.quote(f'{part.name}=@{name};filename="{part.filename}";type={part.content_type}')]
    return Command(" ".join([*read, *words]), files)


def _file(name: str, content: bytes, folder: str) -> tuple[list[str], str, bytes]:
    """Return the words that unpack a file if it is large, the name that curl reads, and what is written."""
    if len(content) <= _LARGE_BYTES:
        return [], f"{folder}/{name}", content
    path = shlex.quote(f"{folder}/{name}.gz")
    return ["gunzip", "-c", path, "|"], "-", gzip.compress(content, mtime=0)


def _byte_by_byte(request: Request, target: Target, folder: str) -> Command:
    host, _, port = target.host.partition(":")
    send = f"exec 3<>/dev/tcp/{host}/{port or 80}; cat >&3; cat <&3"
    key = "s|[$]{IMAGE_VARIATIONS_API_KEY}|$IMAGE_VARIATIONS_API_KEY|"
    line = f'LC_ALL=C sed "{key}" {shlex.quote(f"{folder}/{RAW_FILE}")} | bash -c {shlex.quote(send)}'
    return Command(line, {RAW_FILE: b"".join([request.head(), *request.framed_body()])})


def _origin(target: Target) -> str:
    return target.base_url[: len(target.base_url) - len(target.path.removesuffix("/images/variations"))]


def _plain_form(request: Request) -> tuple[Part, ...] | None:
    """Return the parts of a form that curl encodes in the same way, or None."""
    content_type = request.header("content-type") or ""
    boundary = boundary_of(content_type)
    if request.method != "POST" or request.chunked or boundary is None or not _PLAIN_BOUNDARY.fullmatch(boundary):
        return None
    try:
        parts = decode(content_type, request.body)
    except NotMultipart:
        return None
    files = [part for part in parts if part.filename is not None]
    same = encode(tuple(map(_as_by_curl, parts)), boundary) == request.body
    plain_type = content_type == f"multipart/form-data; boundary={boundary}"
    return parts if parts and same and len(files) <= 1 and plain_type else None


def _as_by_curl(part: Part) -> Part:
    """Return the part that curl makes of a field, or one that differs where curl cannot make the part."""
    plain = re.fullmatch(r"[\w .-]*", part.name or "") and re.fullmatch(r"[\w .-]*", part.filename or "")
    text = part.content.decode("utf-8", "replace")
    if not plain or (part.filename is None and not text.isprintable()):
        return text_part("", b"")
    if part.filename is None:
        return text_part(part.name or "", part.content)
    return file_part(part.name or "", part.content, part.filename, part.content_type)


def _headers(request: Request, without: tuple[str, ...]) -> Iterator[str]:
    names = {name.lower() for name, _ in request.headers}
    for name, value in request.headers:
        if name.lower() in without or (name.lower() in _CURLS_OWN and name.lower() != "connection"):
            continue
        if name.lower() == "connection" and value == "close":
            continue
        # curl leaves out a header without a value unless its name ends in a semicolon.
        text = f"{name}: {value}" if value.strip() else f"{name};"
        # Double quotes let the shell replace placeholders. Everything else is in single quotes.
        escaped = re.sub(r'([\\"`]|\$(?!\{IMAGE_VARIATIONS_))', r"\\\1", text)
        yield from ("-H", f'"{escaped}"' if "${IMAGE_VARIATIONS_" in text else shlex.quote(text))
    for name in _UNASKED:
        if name.lower() not in names:
            yield from ("-H", shlex.quote(f"{name}:"))
    if request.header("content-type") is None and request.body:
        yield from ("-H", "Content-Type:")
