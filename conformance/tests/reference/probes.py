"""Requests that show faults and quirks, written byte by byte, and the properties of their responses.

Nothing here uses the code of the suite, so that the two cannot be wrong in the same way.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import random
import re
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
from attrs import field, frozen
from PIL import Image

KEY = "sk-Faults-0123456789abcdef"
PATH = "/v1/images/variations"
_TIMEOUT_SECONDS = 2.0

# --- pictures

RED = Image.merge(
    "RGB",
    [Image.effect_noise((256, 256), 30).point([min(v + offset, 255) for v in range(256)]) for offset in (90, 0, 0)],
)
SMALL = RED.resize((32, 32))
# The files of large pictures must be small enough.
SMOOTH = Image.linear_gradient("L").convert("RGB")
BLUE = Image.merge("RGB", SMALL.rotate(90).split()[::-1])


def saved(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


PNG = saved(SMALL)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(
    depth: int = 8,
    colour: int = 2,
    *,
    side: int = 8,
    interlace: int = 0,
    before: bytes = b"",
    stream: Callable[[bytes], bytes] = zlib.compress,
) -> bytes:
    """Return a PNG of noise. `before` are chunks before the pixels, `stream` makes the pixel data of the rows."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = b"".join(b"\0" + random.Random(depth).randbytes((side * samples * depth + 7) // 8) for _ in range(side))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, interlace))
    palette = chunk(b"PLTE", bytes(range(3)) * 2**depth) if colour == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + header + palette + before + chunk(b"IDAT", stream(rows)) + chunk(b"IEND", b"")


def padded(size: int) -> bytes:
    """Return a PNG of a number of bytes, most of them after its end."""
    return PNG + bytes(size - len(PNG))


# --- requests


@frozen
class Form:
    """A form, by default with the image, the smallest size and base64. A text of None is left out."""

    image: bytes | None = PNG
    texts: tuple[tuple[str, str | bytes], ...] = (("size", "256x256"), ("response_format", "b64_json"))
    disposition: str = 'form-data; name="image"; filename="a.png"'
    part_headers: str = "Content-Type: image/png\r\n"
    text_headers: str = ""
    boundary: str = "b0undary"
    content_type: str = "multipart/form-data; boundary={}"
    image_last: bool = False
    change: Callable[[bytes], bytes] = lambda body: body
    more: tuple[bytes, ...] = ()

    def body(self) -> bytes:
        delimiter = b"--" + self.boundary.encode()
        texts = [
            f'Content-Disposition: form-data; name="{name}"\r\n{self.text_headers}\r\n'.encode()
            + (text.encode() if isinstance(text, str) else text)
            for name, text in self.texts
        ]
        head = f"Content-Disposition: {self.disposition}\r\n{self.part_headers}\r\n".encode()
        images = [] if self.image is None else [head + self.image]
        parts = [*texts, *self.more, *images] if self.image_last else [*images, *texts, *self.more]
        body = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + b"--\r\n"
        return self.change(body)


@frozen
class Request:
    """A request. `authorization` None is none. With `chunks`, the body is sent in a chunk, with these bytes around."""

    form: Form | None = field(factory=Form)
    body: bytes = b""
    method: str = "POST"
    query: str = ""
    content_type: str | None = None
    authorization: str | None = f"Bearer {KEY}"
    headers: str = ""
    extension: bytes | None = None
    trailers: bytes = b""
    change: Callable[[bytes], bytes] = lambda head: head

    def wire(self, port: int) -> bytes:
        body = self.body if self.form is None else self.form.body()
        content_type = self.content_type
        if self.form is not None and content_type is None:
            content_type = self.form.content_type.format(self.form.boundary)
        lines = [f"{self.method} {PATH}{self.query} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"Content-Type: {content_type}"] if content_type else []
        lines += [f"Authorization: {self.authorization}"] if self.authorization is not None else []
        if self.extension is None:
            lines.append(f"Content-Length: {len(body)}")
        else:
            lines.append("Transfer-Encoding: chunked")
            body = b"%x%b\r\n%b\r\n0\r\n%b\r\n" % (len(body), self.extension, body, self.trailers)
        head = "".join(f"{line}\r\n" for line in lines) + self.headers + "\r\n"
        return self.change(head.encode("utf-8", "surrogateescape")) + body


@frozen
class Probe:
    """Requests that show whether a server meets some requirements. They are sent one after the other.

    With `kept`, they share a connection; with `parallel`, they are sent at the same time. `ages` is by how many
    seconds the clock of the server is put forward after them. The links in the first response are fetched at the end,
    and their files compared with what they were.
    """

    requirements: str
    requests: tuple[Request, ...]
    kept: bool = False
    parallel: bool = False
    ages: int = 0


def valid(requirements: str, form: Form | None = None, **options: object) -> Probe:
    return Probe(requirements, (Request(form or Form(), **options),))  # type: ignore[arg-type]


def with_texts(**texts: str | bytes | None) -> Form:
    """Return a form with other texts. None leaves the field out."""
    fields = {"size": "256x256", "response_format": "b64_json", **texts}
    return Form(texts=tuple((name, text) for name, text in fields.items() if text is not None))


def text_probes(requirements: str, name: str, *values: str | bytes | None) -> list[Probe]:
    return [valid(requirements, with_texts(**{name: value})) for value in values]


def image_probes(requirements: str, *images: bytes) -> list[Probe]:
    return [valid(requirements, Form(image)) for image in images]


_RESPONSE = (
    "IV-RES-JSON IV-RES-SCHEMA IV-RES-CREATED IV-RES-COUNT IV-RES-KEY IV-RES-BACKGROUND IV-RES-OUTPUT-FORMAT "
    "IV-RES-QUALITY IV-RES-SIZE IV-RES-USAGE IV-RES-REVISED-PROMPT IV-RES-MEMBERS-ONCE IV-RES-SIZE-TRUE "
    "IV-RES-BACKGROUND-TRUE IV-RES-TOKENS IV-OUT-B64 IV-OUT-B64-PNG IV-OUT-B64-CANONICAL IV-OUT-FORMAT IV-OUT-SIZE "
    "IV-OUT-DISTINCT IV-OUT-CHANGED IV-OUT-BLANK IV-OUT-RESEMBLES IV-OP-VALID IV-ERR-SECRETS"
)
_LINKS = "IV-URL-ABSOLUTE IV-URL-FETCH IV-URL-HTTP IV-URL-TYPE IV-URL-GUESS IV-URL-NO-KEY IV-OUT-DISTINCT IV-RES-KEY"
_URL = with_texts(response_format=None)
_ERRORS = "IV-ERR-400 IV-ERR-JSON IV-ERR-OBJECT IV-ERR-MESSAGE IV-ERR-READABLE IV-ERR-NULL IV-ERR-SECRETS IV-ERR-PARAM"
_BAD_N = Request(with_texts(n="x"))
_BAD_IMAGE = Request(Form(PNG[:500]))
_NO_KEY = Request(authorization=None)
_VALID = Request()
_URLS = Request(_URL)
_CHUNKS = b"".join(chunk(kind, b"x\0y") for kind in (b"iCCP", b"eXIf", b"tEXt"))
_LONG_TEXT = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2_000_000)))
_ANIMATED = saved(SMALL, save_all=True, append_images=[BLUE])
_ADLER = raw_png(stream=lambda rows: zlib.compress(rows)[:-1] + bytes([zlib.compress(rows)[-1] ^ 1]))
_SHORT = raw_png(stream=lambda rows: zlib.compress(rows[: len(rows) // 2]))
_FILTER = raw_png(stream=lambda rows: zlib.compress(b"\x09" + rows[1:]))
_NO_PIXELS = raw_png()[:33] + chunk(b"IEND", b"")
_NO_PALETTE = raw_png(colour=3).replace(chunk(b"PLTE", bytes(range(3)) * 256), b"")


def _huge() -> bytes:
    """Return a small PNG whose header says that it has 2^20 pixels a side."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 2, 0, 0, 0))
    return raw_png()[:8] + header + raw_png()[33:]


def _without_host(head: bytes) -> bytes:
    line, _, headers = head.partition(b"\r\n")
    return line.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n" + headers.partition(b"\r\n")[2]


def _damaged_checksum() -> bytes:
    file = bytearray(raw_png(before=chunk(b"tEXt", b"k\0v")))
    file[29] ^= 1
    return bytes(file)


PROBES: tuple[Probe, ...] = (
    # --- refusals
    *(
        Probe(f"{_ERRORS} IV-OP-VALID IV-N-BOUNDS IV-IMAGE-SQUARE", (request,))
        for request in (_BAD_N, _NO_KEY, Request(Form(None)), Request(with_texts(model="x")))
    ),
    *(
        valid("IV-OP-METHOD IV-OP-METHOD-405", method=method, body=b"", content_type=None)
        for method in ("GET", "PUT", "PATCH", "DELETE")
    ),
    valid("IV-OP-HEAD-OPTIONS", method="HEAD"),
    valid("IV-OP-HEAD-OPTIONS", method="OPTIONS"),
    *(
        Probe("IV-OP-MULTIPART IV-OP-MULTIPART-STATUS IV-ERR-JSON", (Request(None, b"{}", content_type=content_type),))
        for content_type in (
            *("application/json", "application/x-www-form-urlencoded", None, "multipart/form-data"),
            *("multipart/mixed; boundary=b", "multipart/form-data; boundary=b"),
        )
    ),
    *(
        valid("IV-AUTH-WRONG IV-AUTH-401 IV-AUTH-REQUIRED", authorization=authorization)
        for authorization in (
            *(
                None,
                "Bearer sk-wrong",
                f"Bearer {KEY[:-1]}",
                f"Bearer {KEY}x",
                f"Bearer {KEY} x",
                f"Bearer Bearer {KEY}",
                f"Bearer {KEY}\udca0",
            ),
            f"Bearer {KEY.swapcase()}",
            *("Bearer", "Bearer ", KEY, f"Token {KEY}", "Basic dXNlcjpwYXNzd29yZA=="),
        )
    ),
    valid("IV-AUTH-FIRST", with_texts(n="x"), authorization=None),
    *(
        probe
        for requirements, values in (
            ("IV-N-BOUNDS", ("0", "-1", "11", "257", "4294967297", "1" * 400)),
            ("IV-N-STRICT", ("+3", " 3", "3\n", "\t3 ")),
            (
                "IV-N-INTEGER",
                (
                    *("", "x", "1.5", "1.0", "1.", "10abc", "0x1", "0b1", "1_0", "1e0", "Infinity", "true", "[1]"),
                    *("\u0662", "\u00a02", "1\0"),
                ),
            ),
        )
        for probe in text_probes(requirements, "n", *values)
    ),
    *text_probes(
        "IV-SIZE-UNKNOWN",
        "size",
        *("", "9x9", "auto", "1792x1024", "256", "256x256 ", "256x256\n", "256x256\0", "0256x0256", "\ufeff256x256"),
    ),
    *text_probes("IV-ENUM-CASE", "size", "256X256"),
    *text_probes(
        "IV-FORMAT-UNKNOWN", "response_format", "", "x", "base64", "url ", "url,b64_json", "b64_json\n", "\ufeffurl"
    ),
    *text_probes(
        "IV-MODEL-UNKNOWN IV-ERR-400 IV-ERR-JSON",
        "model",
        *(
            "",
            "x",
            "dall-e-3",
            "DALL-E-2",
            "dall-e-2 ",
            "openai/dall-e-2",
            "../../etc/passwd",
            "\ufeffdall-e-2",
            'a"b\\c',
        ),
    ),
    valid("IV-IMAGE-REQUIRED", Form(None)),
    *image_probes(
        "IV-IMAGE-FORMAT",
        *(saved(SMALL, kind) for kind in ("JPEG", "GIF", "WEBP", "BMP")),
        *(b"no image", b"{}", b"data:image/png;base64," + base64.b64encode(PNG)),
    ),
    *image_probes(
        "IV-IMAGE-INTACT",
        *(b"", PNG[: len(PNG) // 2], PNG[:-12], _damaged_checksum(), _ADLER, _SHORT, _FILTER, _NO_PIXELS, _NO_PALETTE),
    ),
    *image_probes("IV-IMAGE-SQUARE", *(saved(RED.crop((0, 0, *size))) for size in ((8, 9), (9, 8), (8, 4), (4, 8)))),
    *image_probes("IV-IMAGE-MAX-BYTES IV-ERR-JSON IV-ERR-400", padded(4_194_304), padded(5_000_000)),
    *(
        probe
        for requirement, name, value in (
            *(("IV-N-INTEGER", "n", b"1\xff"), ("IV-SIZE-UNKNOWN", "size", b"256x256\xff")),
            *(("IV-FORMAT-UNKNOWN", "response_format", b"url\xff"), ("IV-MODEL-UNKNOWN", "model", b"dall-e-2\xff")),
        )
        for probe in text_probes(requirement, name, value)
    ),
    # --- what the contract leaves open
    *text_probes("IV-ERR-NO-5XX", "user", b"\xff", "a\0b", "a\r\nb", "u" * 1_000_001),
    *text_probes("IV-ERR-NO-5XX", "strength", "1"),
    *(
        valid("IV-ERR-NO-5XX", with_texts(**{name: "x"}))
        for name in ("list[0]", "n[a]", "a\0b", "x" * 20_000, "a" + 120 * "[a]", "hasOwnProperty")
    ),
    valid(f"{_LINKS} IV-ERR-NO-5XX", _URL, change=_without_host),
    *(
        valid("IV-ERR-NO-5XX IV-ERR-SECRETS", headers=f"User-Agent: a\r\nAccept: */*\r\n{line}\r\n")
        for line in ("Cookie: c(d)=2", "X: =?x?", "X: \xeb", 'Forwarded: for="_x', "X-Forwarded-For: x")
    ),
    valid("IV-ERR-NO-5XX", Form(_huge())),
    valid("IV-ERR-NO-5XX", Form(more=(b'Content-Disposition: form-data; name="size"\r\n\r\n512x512',))),
    valid("IV-ERR-NO-5XX", Form(more=(b'Content-Disposition: form-data; name="image"; filename="b"\r\n\r\n' + PNG,))),
    valid("IV-ERR-NO-5XX", Form(more=(b"Content-Disposition: form-data\r\n\r\nx",))),
    valid("IV-ERR-NO-5XX", Form(more=(b"Content-Disposition form-data\r\n\r\nx",))),
    valid("IV-ERR-NO-5XX", Form(more=(b'Content-Disposition: form-data; name="x"\r\n\r\n',) * 120)),
    valid("IV-ERR-NO-5XX", Form(more=(b'Content-Disposition: form-data; name="x"\r\n\r\n',) * 150)),
    valid("IV-ERR-NO-5XX", Form(change=lambda body: body[:-12])),
    valid("IV-ERR-NO-5XX", Form(change=lambda body: body.replace(b"\r\n", b"\n"))),
    # --- valid requests
    *image_probes("IV-IMAGE-PNG", PNG, saved(SMALL.convert("RGBA")), saved(Image.new("RGBA", (8, 8)))),
    *image_probes(
        "IV-IMAGE-PNG-KINDS",
        *(raw_png(depth, colour) for depth, colour in ((8, 0), (1, 0), (8, 3), (8, 4), (16, 2), (16, 0))),
        *(raw_png(side=1), raw_png(side=1, interlace=1)),
    ),
    *image_probes(
        "IV-IMAGE-PNG-SIDES", *(saved(SMOOTH.resize((side, side))) for side in (2, 7, 255, 1000, 1025, 2048))
    ),
    *image_probes(
        "IV-IMAGE-PNG-CHUNKS",
        *(raw_png(before=chunks) for chunks in (_CHUNKS, chunk(b"prVt", b""), chunk(b"tRNS", bytes(6)), _LONG_TEXT)),
        *(raw_png(before=chunk(kind, b"x\0y")) for kind in (b"iCCP", b"eXIf", b"tEXt")),
        *(
            raw_png(before=chunk(b"tEXt", b"k\0v") * 300),
            raw_png(before=chunk(b"tEXt", b"transparency\0v")),
            raw_png(before=chunk(b"PLTE", bytes(9)) + chunk(b"tRNS", bytes(6))),
        ),
    ),
    *image_probes("IV-IMAGE-PNG-ANIMATED", _ANIMATED),
    *image_probes("IV-IMAGE-UP-TO-LIMIT", padded(3_999_999), padded(1_100_000)),
    *(
        valid(
            "IV-WIRE-FILENAME IV-IMAGE-NO-FILENAME IV-IMAGE-BY-BYTES IV-WIRE-PARAMETERS",
            Form(disposition=f'form-data; name="image"{name}'),
        )
        for name in (
            *("", '; filename=""', '; filename="blob"', '; filename="a.jpg"', '; filename="a b.png"'),
            *('; filename="\\"a.png"', '; filename="\u00e4.png"', '; filename="a;b.png"', '; filename="a/b.png"'),
            '; filename="a; name=b.png"',
            *(f'; filename="{"p" * 196}.png"', ';filename="a.png"', '; filename=".."', '; filename="a, \\"b\\".png"'),
        )
    ),
    valid("IV-WIRE-PARAMETERS", Form(disposition='form-data; filename="a.png"; name="image"')),
    valid("IV-WIRE-PARAMETERS", Form(disposition='form-data; x="\\\\"; name="image"; filename="a.png"')),
    *(
        valid("IV-IMAGE-OCTET-STREAM IV-IMAGE-BY-BYTES", Form(part_headers=headers))
        for headers in (
            *("", "Content-Type: application/octet-stream\r\n", "Content-Type: image/jpeg\r\n"),
            *("Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"),
        )
    ),
    *text_probes("IV-N-RANGE IV-RES-COUNT", "n", "1", "2", "6", "10"),
    *text_probes("IV-N-DEFAULT", "n", None),
    *text_probes("IV-SIZE-ENUM IV-SIZE-DEFAULT IV-OUT-SIZE", "size", None, "512x512", "1024x1024"),
    *text_probes("IV-FORMAT-ENUM IV-FORMAT-DEFAULT", "response_format", None, "url", "b64_json"),
    *text_probes("IV-MODEL-ACCEPTED IV-MODEL-OPTIONAL", "model", None, "dall-e-2"),
    *text_probes(
        "IV-USER-TEXT IV-USER-OPTIONAL IV-USER-LENGTH",
        "user",
        *(None, "a", "", "a b <c>", "\u00fc\u7528", "\U0001f600", "u" * 1000),
        "constructor",
    ),
    *(
        valid("IV-WIRE-BOUNDARY IV-WIRE-QUOTED-PAIR", Form(boundary=boundary, content_type=content_type))
        for boundary, content_type in (
            *(("b0undary", f'multipart/form-data; boundary="{pair}{{}}"') for pair in ("", "\\")),
            *((boundary, Form().content_type) for boundary in ("B0undary", "b" * 70, "a'b", "----b")),
        )
    ),
    *(
        valid("IV-WIRE-PARAMETERS IV-WIRE-HEADER-CASE", Form(content_type=content_type))
        for content_type in (
            *("multipart/form-data; charset=utf-8; boundary={}", "multipart/form-data ; boundary={}"),
            *("Multipart/Form-Data; Boundary={}", "multipart/form-data; boundary={} ; charset=utf-8"),
            *("multipart/form-data;; boundary={};", 'multipart/form-data; x="boundary=a"; boundary={}'),
        )
    ),
    valid("IV-WIRE-HEADER-CASE", authorization=f"bearer {KEY}"),
    valid("IV-AUTH-SPACES", authorization=f"Bearer  {KEY}"),
    valid("IV-WIRE-HEADER-CASE", change=lambda head: head.replace(b"Content-Type", b"content-type")),
    valid("IV-WIRE-HEADER-CASE", Form(change=lambda body: body.replace(b"Content-", b"content-"))),
    valid("IV-WIRE-ORDER", Form(image_last=True)),
    *(
        valid("IV-WIRE-PART-HEADERS", Form(part_headers=headers))
        for headers in (
            'X-Content-Disposition: form-data; name="n"\r\n',
            *("X-Part: 1\r\n", f"X-Part: {'p' * 1024}\r\n", "X`Part: 1\r\n", f"Content-Length: {len(PNG)}\r\n"),
        )
    ),
    *(
        valid("IV-WIRE-TEXT-TYPE", Form(text_headers=f"Content-Type: {media_type}\r\n"))
        for media_type in ("text/plain", "text/plain; charset=utf-8")
    ),
    valid("IV-WIRE-PREAMBLE", Form(change=lambda body: b"before\r\n" + body)),
    valid("IV-WIRE-PREAMBLE", Form(change=lambda body: body + b"after")),
    valid("IV-WIRE-PREAMBLE", Form(change=lambda body: body.replace(b"--b0undary\r\n", b"--b0undary \t\r\n"))),
    valid("IV-WIRE-CHUNKED", extension=b""),
    valid("IV-WIRE-CHUNKED", extension=b";a=1"),
    valid("IV-WIRE-CHUNKED", extension=b"", trailers=b"X-Checksum: 0\r\n"),
    valid("IV-WIRE-QUERY", query="?n=3&size=512x512&response_format=url"),
    valid("IV-WIRE-QUERY", query="?n=3"),
    valid("IV-WIRE-QUERY", query="?a=1;b=2"),
    valid("IV-WIRE-QUERY", query="?a=1&a%5Bb%5D=2"),
    valid("IV-ERR-NO-5XX", query="?a=%zz"),
    valid("IV-WIRE-EXPECT", headers="Expect: 100-continue\r\n"),
    valid("IV-WIRE-HEADERS"),
    valid("IV-WIRE-HEADERS", headers="User-Agent: a\r\nAccept: application/json\r\nCookie: a=1\r\n"),
    valid("IV-WIRE-HEADERS", headers="User-Agent: a\r\nAccept: */*\r\nX-Trace: " + "t" * 4000 + "\r\n"),
    valid("IV-WIRE-HEADERS", headers="User-Agent: a\r\nAccept: */*\r\nReferer: http://other.example/\r\n"),
    # --- what only quirks treat in another way
    *text_probes("", "n", "03"),
    *image_probes("", *map(padded, (4_000_000, 4_000_001, 4_100_000, 4_194_303)), saved(SMOOTH.resize((2049, 2049)))),
    # --- sequences
    *(
        Probe("IV-STATE-RECOVERS IV-OP-VALID", (request, _VALID))
        for request in (
            *(_BAD_N, _NO_KEY, _BAD_IMAGE, Request(Form(padded(4_194_304))), Request(Form(part_headers=""))),
            Request(Form(more=(b"Content-Disposition: form-data\r\n\r\nx",))),
        )
    ),
    Probe("IV-STATE-RECOVERS", (*(_NO_KEY,) * 3, _VALID)),
    Probe("IV-STATE-RECOVERS", (*(_BAD_IMAGE,) * 8, _VALID)),
    Probe("IV-STATE-RECOVERS", (Request(with_texts(n="10")), _VALID)),
    Probe("IV-STATE-INDEPENDENT", (Request(with_texts(n="2")), _VALID)),
    Probe("IV-STATE-INDEPENDENT", (Request(with_texts(n="2", user="u")), Request(with_texts(user="u")))),
    Probe("IV-STATE-INDEPENDENT", (_VALID, Request(with_texts(response_format=None)))),
    Probe("IV-STATE-INDEPENDENT", (_VALID, Request(with_texts(size=None)))),
    Probe("IV-OUT-RESEMBLES", (_VALID, Request(Form(saved(BLUE))))),
    Probe("IV-OP-VALID", (_VALID,) * 10),
    Probe("IV-LIMIT-RETRY-AFTER", (_VALID,) * 3),
    Probe("IV-STATE-CONNECTION", (_VALID, Request(with_texts(n="2"))), kept=True),
    Probe("IV-STATE-CONNECTION", (_BAD_N, _VALID), kept=True),
    Probe("IV-STATE-CONNECTION", (Request(extension=b"", trailers=b"X-Checksum: 0\r\n"), _VALID), kept=True),
    Probe("IV-AUTH-WRONG", (_VALID, Request(authorization="Bearer sk-wrong")), kept=True),
    valid("IV-WIRE-HEADER-CASE", Form(text_headers="Content-Type: Text/Plain\r\n")),
    valid("IV-ERR-NO-5XX", Form(text_headers="Content-Transfer-Encoding: 8bit\r\n")),
    Probe("IV-OP-MULTIPART", (Request(None, bytes(700_000), content_type="multipart/form-data; boundary=b0undary"),)),
    Probe("IV-ERR-SECRETS", (Request(authorization=f"Bearer {KEY}\x01"),)),
    valid("IV-ERR-NO-5XX", Form(disposition=f'form-data; name="image"; filename="{"p" * 296}.png"')),
    valid("IV-ERR-NO-5XX", Form(part_headers="Content-Type: png\r\n")),
    valid("IV-IMAGE-MAX-BYTES", Form(padded(4_194_304)), extension=b""),
    valid("IV-ERR-JSON", Form(None), headers="Accept: text/html\r\n"),
    Probe("IV-URL-END", (_URLS, *(Request(with_texts(response_format=None, n="10")),) * 2)),
    Probe("IV-URL-END", (_URLS,), ages=2),
    Probe("IV-URL-LIFETIME", (_URLS,), ages=20 * 60),
    Probe("IV-URL-LIFETIME", (_URLS,), ages=50 * 60),
    # --- responses
    valid(f"{_RESPONSE} {_LINKS}", with_texts(n="2", response_format=None)),
    valid(_RESPONSE, Form(saved(RED), with_texts(n="2").texts)),
    valid(_RESPONSE, with_texts(n="10")),
)

PARALLEL_PROBE = Probe(
    "IV-STATE-PARALLEL",
    tuple(
        Request(Form(image, with_texts(n=n, user="u").texts))
        for n, image in (("1", PNG), ("2", saved(BLUE)), ("3", PNG))
    ),
    parallel=True,
)


def probes_for(requirements: Iterable[str]) -> list[Probe]:
    """Return all probes, those of some requirements first."""
    wanted = set(requirements)
    return sorted(PROBES, key=lambda probe: wanted.isdisjoint(probe.requirements.split()))


# --- responses

Traits = object


def chunk_names(png: bytes) -> list[bytes]:
    """Return the names of the chunks of a PNG, one for neighbours of one name, as their number is left to chance.

    The names are read where they stand: the bytes of a compressed picture can be those of a name, too.
    """
    names: list[bytes] = []
    at = 8
    while at + 8 <= len(png):
        length, name = struct.unpack(">I4s", png[at : at + 8])
        names += [] if names[-1:] == [name] else [name]
        at += 12 + length
    return names


def image_traits(data: bytes) -> Traits:
    """Return the properties of an image file that do not depend on chance, or "no image"."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            alpha = image.convert("RGBA").getchannel("A").getextrema()
            rgb = image.convert("RGB")
            average = rgb.resize((1, 1), Image.Resampling.BOX).tobytes()
            blank = all(low == high for low, high in rgb.getextrema())  # type: ignore[misc] # pairs, in RGB
            kinds = chunk_names(data) if image.format == "PNG" else []
            unchanged = rgb.tobytes() in {RED.tobytes(), SMALL.resize(rgb.size).tobytes()}
            return image.format, image.mode, image.size, alpha, blank, unchanged, average[0] > average[2] + 50, kinds
    except (OSError, SyntaxError, ValueError):
        return "no image"


def fetched(link: str) -> tuple[Traits, bytes]:
    """Return the properties of the response to a fetch of a link, and its body. Redirects are followed."""
    try:
        response = httpx.get(link, follow_redirects=True, timeout=_TIMEOUT_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__, b""
    hosts = [str(each.url.host) for each in response.history]
    headers = {name: response.headers.get(name) for name in ("content-type", "content-disposition")}
    return (response.status_code, hosts, headers, image_traits(response.content)), response.content


def accepted(results: Sequence[Traits]) -> list[bool]:
    """Return which of the requests of a probe were answered 200."""
    return [isinstance(traits, tuple) and traits[0][1] == 200 for traits in results]


def _without_chance(text: str) -> str:
    return re.sub(r"(?<=:)\d{4,5}(?=/)", "PORT", re.sub(r"(at-)?(?<![\w-])[\w-]{32}(?![\w-])", r"\1TOKEN", text))


def text_traits(text: object) -> Traits:
    """Return the properties of a link or of base64 that do not depend on chance. A link is fetched twice."""
    if not isinstance(text, str) or not re.match(r"https?://(127\.0\.0\.1|localhost)", text, re.IGNORECASE):
        try:
            data = base64.b64decode(str(text), validate=True)
        except ValueError:
            return _without_chance(str(text)[:99])
        return image_traits(data), base64.b64encode(data).decode() == text
    return _without_chance(text), [fetched(text)[0] for _ in range(2)]


def _document_traits(document: object) -> Traits:
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        return document
    document = dict(document)
    items = [item if isinstance(item, dict) else {"": item} for item in document.pop("data")]
    texts = [str(text) for item in items for text in item.values()]
    created = document.get("created")
    if isinstance(created, int | float) and abs(created - time.time()) < 60:
        document["created"] = f"{type(created).__name__} now"
    item_traits = [{key: text_traits(value) for key, value in item.items()} for item in items]
    return list(document.items()), item_traits, len(set(texts)) == len(texts)


@frozen
class Response:
    """A response. `pairs` are the members of its document, with those that are there twice."""

    version: int
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def traits(self) -> Traits:
        """Return the properties that do not depend on chance. Its links are fetched."""
        chance = {"date": r"\d.*", "content-length": r"\d+", "x-debug-key": "$"}
        headers = [(name, re.sub(chance.get(name.lower(), "$"), "", value)) for name, value in self.headers]
        clock = dict(self.headers).get("date", "")
        head = self.version, self.status, self.reason, headers, bool(clock)
        try:
            pairs: list[str] = []
            document = json.loads(self.body, object_pairs_hook=lambda found: _recorded(found, pairs))
        except ValueError:
            return head, self.body[:50]
        framing = re.sub(rb'"[^"]*"|\d+', b"", self.body)
        return head, _document_traits(document), pairs, framing


def _recorded(found: Sequence[tuple[str, object]], into: list[str]) -> dict[str, object]:
    into.extend(name for name, _ in found)
    return dict(found)


def exchange(connection: socket.socket, request: Request, port: int) -> Response | str:
    """Send a request and return its response, or why there is none."""
    try:
        wire = request.wire(port)
        head, _, body = wire.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        if "Expect" in request.headers:
            connection.recv(65536, socket.MSG_PEEK)
        connection.sendall(body)
    except OSError:
        pass  # The server may answer before it has read everything.
    try:
        response = http.client.HTTPResponse(connection, method=request.method)
        response.begin()
        body = response.read()
        return Response(response.version, response.status, response.reason, tuple(response.getheaders()), body)
    except (OSError, http.client.HTTPException) as error:
        return "no response" if isinstance(error, ConnectionError) else type(error).__name__


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS)


def _alone(port: int, request: Request) -> Response | str:
    with connect(port) as connection:
        return exchange(connection, request, port)


def run(probe: Probe, port: int, age: Callable[[int], None] = lambda _: None) -> list[Traits]:
    """Send the requests of a probe and return the properties of the responses. `age` puts the clock forward."""
    if probe.parallel:
        with ThreadPoolExecutor(len(probe.requests)) as pool:
            responses = list(pool.map(lambda request: _alone(port, request), probe.requests))
    elif probe.kept:
        with connect(port) as connection:
            responses = [exchange(connection, request, port) for request in probe.requests]
    else:
        responses = [_alone(port, probe.requests[0])]
        links = re.findall(rb'"url": ?"(http[^"]*)"', getattr(responses[0], "body", b""))
        files = [fetched(link.decode())[1] for link in links if "IV-URL-" in probe.requirements]
        responses += [_alone(port, request) for request in probe.requests[1:]]
    traits: list[Traits] = [each if isinstance(each, str) else each.traits() for each in responses]
    if "IV-URL-" in probe.requirements:
        age(probe.ages)
        later = [fetched(link.decode()) for link in links]
        traits += [[each for each, _ in later], files == [content for _, content in later]]
    return traits
