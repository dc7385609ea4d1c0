"""The command that sends the request of a case again, after those that went over its connection before.

Where curl itself would encode the same form, up to the boundary, the line has the fields one by one, so that a person
can read and edit it. Otherwise curl sends the recorded body. What curl cannot send is written to the connection byte by
byte: more than one chunk, their extensions, trailers, another spelling of Host, and bytes of a header that cannot be
printed. Large files are compressed; curl can read one of them.
"""

from __future__ import annotations

import gzip
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from urllib.parse import urlsplit

from attrs import evolve, frozen

from ..wire.exchange import Request
from ..wire.multipart import NotMultipart, Part, boundary_of, decode, encode, file_part, text_part
from ..wire.redaction import OTHER_CASE_PLACEHOLDER, PLACEHOLDER
from ..wire.target import Target, port_of

IMAGE_FILE, BODY_FILE, CHUNKS_FILE = "image.png", "request.body", "request.chunks"
# Headers that curl writes itself under these names. The values of the first and the last do not matter for a case.
_CURLS_OWN = frozenset({"User-Agent", "Host", "Connection"})
# Headers that curl sends unless it is told not to.
_UNASKED = ("Accept", "User-Agent", "Host")
# curl asks whether it may send a body of this size.
_EXPECTS_FROM_BYTES = 1 << 20
_LARGE_BYTES = 1 << 18
# Most servers have answered a request by then, and take the next one for one that came later.
_BETWEEN_SECONDS = 1
# A shell takes no more than 128 KiB a word, and people read less.
_LONGEST_IN_WORDS = 2000
# Control characters but for line ends, and bytes that are not in UTF-8, as Python decodes them.
_UNPRINTABLE = re.compile(r"[^\r\n\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]")
_PLAIN_BOUNDARY = re.compile(r"[0-9a-f]{32}")
_PLAIN_NAME = re.compile(r"[\w .-]*")
_PLAIN_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; *[\w.-]+=[\w.-]+)*")


@frozen
class Command:
    """A line for a shell, and the files that it reads: their names in a folder of the report, with their contents."""

    line: str
    files: Mapping[str, bytes]


def command(request: Request, target: Target, folder: str, before: Sequence[Request] = ()) -> Command:
    """Return the command that sends a request again, run where the path `folder` leads to the files.

    It first sends those `before` it, over the same connection. The values of placeholders (see `redaction`) are taken
    from environment variables.
    """
    requests = [*before, request]
    prefixes = [*(f"{number}-" for number in range(1, len(requests))), ""]
    if not any(map(_needs_every_byte, requests)):
        transfers = [_transfer(it, target, folder, prefix) for it, prefix in zip(requests, prefixes, strict=True)]
        unpacking = [it.unpacking for it in transfers if it.unpacking]
        if len(unpacking) <= 1:
            words = [*chain(*unpacking), "curl", " --next ".join(" ".join(it.words) for it in transfers)]
            return Command(" ".join(words), _together(transfers))
    return _byte_by_byte(requests, target, folder, prefixes)


@frozen
class _Transfer:
    """What curl is told of one request: the words that unpack what it reads, its own, and the files."""

    unpacking: tuple[str, ...]
    words: tuple[str, ...]
    files: Mapping[str, bytes]


def _transfer(request: Request, target: Target, folder: str, prefix: str) -> _Transfer:
    """Return what curl is told of a request, where the names of its files have a prefix."""
    url = target.base_url[: len(target.base_url) - len(target.path.removesuffix("/images/variations"))] + request.target
    words = ["-sS", "-i", *_url_options(url)]
    parts = plain_form(request)
    if parts is not None:
        words += [_shell(url), *_headers(request, without={"Content-Type", "Content-Length"})]
        return _form(parts, words, folder, prefix)
    words += ["--head"] if request.method == "HEAD" else ["-X", request.method]
    if not request.body and not request.chunked:
        return _Transfer((), (*words, _shell(url), *_headers(request, without=set())), {})
    file = _File.of(prefix + BODY_FILE, request.body, folder)
    words += [_shell(url), *_headers(request, without={"Content-Length"})]
    if request.header("content-type") is None:
        words += ["-H", "Content-Type:"]
    return _Transfer(file.unpacking, (*words, "--data-binary", shlex.quote(f"@{file.path}")), file.written)


@frozen
class _File:
    """A file of a command: the words that unpack it, the path for curl, and its name and content in the folder."""

    unpacking: tuple[str, ...]
    path: str
    written: Mapping[str, bytes]

    @classmethod
    def of(cls, name: str, content: bytes, folder: str) -> _File:
        """Return the file for some content, which is compressed if it is large."""
        if len(content) <= _LARGE_BYTES:
            return cls((), f"{folder}/{name}", {name: content})
        unpacking = ("gunzip", "-c", shlex.quote(f"{folder}/{name}.gz"), "|")
        return cls(unpacking, "-", {f"{name}.gz": gzip.compress(content, mtime=0)})


def _form(parts: tuple[Part, ...], words: list[str], folder: str, prefix: str) -> _Transfer:
    """Return what curl is told of a form that it encodes."""
    unpacking: tuple[str, ...] = ()
    files: Mapping[str, bytes] = {}
    for part in parts:
        if part.filename is None:
            words += ["--form-string", shlex.quote(f"{part.name}={part.content.decode()}")]
            continue
        file = _File.of(prefix + IMAGE_FILE, part.content, folder)
        unpacking, files = file.unpacking, file.written
        shown = f'{part.name}=@{file.path};filename="{part.filename}";type={part.content_type}'
        words += ["-F", shlex.quote(shown)]
    return _Transfer(unpacking, tuple(words), files)


def _needs_every_byte(request: Request) -> bool:
    """Return whether the request has chunks that curl cannot make, or a header that it writes otherwise."""
    several = len(request.body) > request.chunk_bytes
    return (
        (request.chunked and (several or bool(request.chunk_extension or request.trailers)))
        or any(name.lower() == "host" and name != "Host" for name, _ in request.headers)
        or request.http_version != "1.1"
        or any(value and not value.strip() for _, value in request.headers)
        or _UNPRINTABLE.search(_text(request.head())) is not None
    )


def _byte_by_byte(requests: Sequence[Request], target: Target, folder: str, prefixes: Sequence[str]) -> Command:
    """Return the command that writes requests to a connection, with their heads in the line and the bodies in files."""
    parts = urlsplit(target.base_url)
    host, port = parts.hostname or "", port_of(parts)
    if parts.scheme == "https":
        send = f"openssl s_client -quiet -connect {shlex.quote(f'{parts.hostname}:{port}')}"
    else:
        # A server may not read on before somebody reads what it answers.
        through = "cat >&3; cat <&3" if len(requests) == 1 else "cat <&3 & cat >&3; wait"
        send = f"bash -c {shlex.quote(f'exec 3<>/dev/tcp/{host}/{port}; {through}')}"
    # Else the server would keep the connection, and the command would not end.
    written = [*requests[:-1], _last(requests[-1])]
    pieces = [_printed(it, folder, prefix) for it, prefix in zip(written, prefixes, strict=True)]
    lines = f"; sleep {_BETWEEN_SECONDS}; ".join(it.line for it in pieces)
    return Command(f"{{ {lines}; }} | {send}", _together(pieces))


def _last(request: Request) -> Request:
    """Return a request after which the server closes the connection."""
    if request.http_version != "1.1" or request.header("connection") is not None:
        return request
    return evolve(request, headers=(*request.headers, ("Connection", "close")))


def _printed(request: Request, folder: str, prefix: str) -> Command:
    """Return the command that prints a request."""
    head = _text(request.head())
    secrets = [f'"{_expansion(match[0])}"' for match in PLACEHOLDER.finditer(head)]
    shown = PLACEHOLDER.sub("\0", head).replace("\\", "\\\\").replace("%", "%%").replace("\0", "%s")
    shown = shown.replace("\r", "\\r").replace("\n", "\\n")
    shown = _UNPRINTABLE.sub(
        lambda it: "".join(f"\\{byte:03o}" for byte in it[0].encode("utf-8", "surrogateescape")), shown
    )
    printed = " ".join(["printf", shlex.quote(shown), *secrets])
    file = _File.of(prefix + (CHUNKS_FILE if request.chunked else BODY_FILE), request.framed_body(), folder)
    read = " ".join(file.unpacking[:-1]) or f"cat {shlex.quote(file.path)}"
    return Command(f"{printed}; {read}", file.written)


def _together(parts: Sequence[Command | _Transfer]) -> Mapping[str, bytes]:
    return dict(chain.from_iterable(it.files.items() for it in parts))


def _text(head: bytes) -> str:
    return head.decode("utf-8", "surrogateescape")


def _shell(text: str) -> str:
    """Return a text as a word for a shell, which replaces the placeholders in it."""
    if PLACEHOLDER.search(text) is None:
        return shlex.quote(text)
    # Within double quotes, the shell replaces placeholders. Everything else is escaped.
    pieces = re.split(f"({PLACEHOLDER.pattern})", text)
    pieces[::2] = [re.sub(r'([\\"`$])', r"\\\1", piece) for piece in pieces[::2]]
    pieces[1::2] = map(_expansion, pieces[1::2])
    return f'"{"".join(pieces)}"'


def _expansion(placeholder: str) -> str:
    """Return a placeholder as every shell expands it within double quotes."""
    if placeholder == OTHER_CASE_PLACEHOLDER:
        return '$(printf %s "$IMAGE_VARIATIONS_API_KEY" | tr a-zA-Z A-Za-z)'
    return placeholder


def _url_options(url: str) -> Iterator[str]:
    """Yield the options without which curl changes a URL, or speaks another version of HTTP."""
    if re.search(r"[][{}]", PLACEHOLDER.sub("", url)):
        yield "-g"
    if "/." in url:
        yield "--path-as-is"
    if url.lower().startswith("https:"):
        yield "--http1.1"


def plain_form(request: Request) -> tuple[Part, ...] | None:
    """Return the parts of a form that curl encodes in the same way, or None."""
    content_type = request.header("content-type") or ""
    boundary = boundary_of(content_type)
    if request.method != "POST" or request.chunked or boundary is None or not _PLAIN_BOUNDARY.fullmatch(boundary):
        return None
    own = {("Content-Type", f"multipart/form-data; boundary={boundary}"), ("Content-Length", str(len(request.body)))}
    try:
        parts = decode(content_type, request.body)
    except NotMultipart:
        return None
    files = [part for part in parts if part.filename is not None]
    if not parts or not own <= set(request.headers) or len(files) > 1 or not all(map(_is_readable, parts)):
        return None
    # curl has a boundary of its own, which shows nothing of what contains the one of the request.
    is_hidden = any(boundary.encode() in part.content for part in parts)
    return parts if not is_hidden and encode(tuple(map(_by_curl, parts)), boundary) == request.body else None


def _is_readable(part: Part) -> bool:
    """Return whether a part can be given to curl in words."""
    if not part.name or not _PLAIN_NAME.fullmatch(part.name):
        return False
    if part.filename is not None:
        plain_type = _PLAIN_TYPE.fullmatch(part.content_type or "")
        return plain_type is not None and _PLAIN_NAME.fullmatch(part.filename) is not None
    try:
        return len(part.content) <= _LONGEST_IN_WORDS and part.content.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _by_curl(part: Part) -> Part:
    """Return the part that curl makes of the name and content of a part."""
    if part.filename is None:
        return text_part(part.name or "", part.content)
    return file_part(part.name or "", part.content, part.filename, part.content_type)


def _headers(request: Request, without: set[str]) -> Iterator[str]:
    """Yield the options for the headers that curl does not write itself, but for those with one of these names."""
    for name, value in request.headers:
        if name in without | _CURLS_OWN or (name.lower(), value) == ("connection", "close"):
            continue
        # curl leaves out a header without a value unless its name ends in a semicolon.
        yield from ("-H", _shell(f"{name}: {value}" if value.strip() else f"{name};"))
    names = {name.lower() for name, _ in request.headers}
    unasked = (*_UNASKED, "Expect") if len(request.body) >= _EXPECTS_FROM_BYTES else _UNASKED
    for name in unasked:
        if name.lower() not in names:
            yield from ("-H", f"{name}:")
