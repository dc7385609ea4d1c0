"""What the contract says of a request, read off its bytes.

A test case does not say whether it is valid: the bytes do. So a request is judged alike whether it was written by hand,
drawn by Hypothesis, derived from the schema by Schemathesis (whose negative cases are often valid once they are text on
the wire), or sent by a client that we never saw.

An appraisal lists *offences* (the requirements under which the request is to be refused), *traits* (the requirements
under which it is to be accepted) and *open* matters, on which the contract is silent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal
from weakref import WeakKeyDictionary

from attrs import field, frozen

from ..media import png
from ..wire.exchange import Request
from ..wire.multipart import Malformed, NotMultipart, Part, boundary_of, decode, surrounded
from .document import Contract
from .fields import Schema, kind_of, standing
from .requirements import rules_of

# Bytes of an image that are always few enough, and those that are always too many. Between them nobody ever said.
ALWAYS_ACCEPTED_BYTES = 4_000_000
NEVER_ACCEPTED_BYTES = 4_194_304

Verdict = Literal["valid", "invalid", "open"]

DEFAULTS = {"n": "1", "size": "1024x1024", "response_format": "url"}

# The headers that a server has to read. How others are written shows nothing.
_READ_HEADERS = frozenset(
    {"host", "authorization", "content-type", "content-length", "transfer-encoding", "content-disposition"}
)

# RFC 7578 section 4.8: what forms know.
_HEADERS_OF_PARTS = frozenset({"content-disposition", "content-type", "content-transfer-encoding"})


@frozen
class Trait:
    """A requirement that a valid request puts to use, and with which value."""

    requirement: str
    value: str = ""


@frozen
class Offence:
    """A requirement that wants the request refused. `field` is the form field at fault, `what` says how."""

    requirement: str
    field: str | None
    what: str


@frozen
class Asked:
    """What a valid request asks for. `given` are the fields that say so; the rest goes by default."""

    n: int
    size: str
    response_format: str
    given: frozenset[str]


@frozen
class Appraisal:
    """What the contract says of one request."""

    traits: frozenset[Trait] = frozenset()
    offences: tuple[Offence, ...] = ()
    open: tuple[str, ...] = ()
    asked: Asked | None = None
    image: bytes | None = field(default=None, repr=False)
    # How many images a correct server may make for it: none where it is to be refused.
    price: int = 0

    @property
    def verdict(self) -> Verdict:
        """Whether the request is to be accepted, to be refused, or neither."""
        if self.offences:
            return "invalid"
        return "open" if self.open else "valid"

    @property
    def tests(self) -> frozenset[Trait | Offence]:
        """What the request puts to the test by itself: its offences if it is invalid, its traits if it is valid."""
        return frozenset(self.offences or (() if self.open else self.traits))


class _Notes:
    """Collects what the steps of an appraisal find."""

    def __init__(self) -> None:
        self.traits: set[Trait] = set()
        self.offences: list[Offence] = []
        self.open: list[str] = []

    def trait(self, requirement: str, value: str = "") -> None:
        self.traits.add(Trait(requirement, value))

    def offence(self, requirement: str, field: str | None, what: str) -> None:
        self.offences.append(Offence(requirement, field, what))


# The latest appraisal of each request that is still about: the plan, the price and the oracles ask for the same.
_KNOWN: WeakKeyDictionary[Request, tuple[Contract, str | None, Appraisal]] = WeakKeyDictionary()


def appraise(request: Request, contract: Contract, api_key: str | None) -> Appraisal:
    """Return what the contract says of a request; `api_key` is the right key, or None where none is asked for."""
    known = _KNOWN.get(request)
    if known is None or known[0] is not contract or known[1] != api_key:
        known = _KNOWN[request] = (contract, api_key, _appraised(request, contract, api_key))
    return known[2]


def _appraised(request: Request, contract: Contract, api_key: str | None) -> Appraisal:
    notes = _Notes()
    if request.method != "POST":
        notes.offence("IV-OP-METHOD", None, f"method {request.method}")
    _appraise_key(request, api_key, notes)
    try:
        parts = decode(request.header("content-type") or "", request.body)
    except Malformed as problem:
        return Appraisal(offences=tuple(notes.offences), open=(f"a form that is not whole: {problem}",))
    except NotMultipart as problem:
        notes.offence("IV-OP-MULTIPART", None, str(problem))
        return Appraisal(offences=tuple(notes.offences))
    _appraise_wire(request, parts, notes)
    values = _fields(parts, contract, notes)
    for name, schema in contract.fields.items():
        if name != "image":
            _appraise_field(name, schema, values.get(name), notes)
    image = values.get("image")
    if image is not None:
        _appraise_image(image, notes)
    elif not any(part.name == "image" for part in parts):
        notes.offence("IV-IMAGE-REQUIRED", "image", "no image")
    if set(values) == {"image"}:
        notes.trait("IV-OP-VALID")
    asked = None if notes.offences or notes.open else _asked(values)
    return Appraisal(
        frozenset(notes.traits),
        tuple(notes.offences),
        tuple(dict.fromkeys(notes.open)),
        asked,
        None if image is None else image.content,
        0 if notes.offences else max(_numbers(parts), default=1),
    )


def _appraise_key(request: Request, api_key: str | None, notes: _Notes) -> None:
    if api_key is None:
        return
    sent = request.header("authorization")
    if sent is None:
        notes.offence("IV-AUTH-REQUIRED", None, "no API key")
        return
    scheme, _, token = sent.partition(" ")
    if scheme.lower() != "bearer" or token.strip() != api_key:
        notes.offence("IV-AUTH-WRONG", None, "a wrong API key")
    elif scheme != "Bearer":
        notes.trait("IV-WIRE-HEADER-CASE", scheme)


def _appraise_wire(request: Request, parts: tuple[Part, ...], notes: _Notes) -> None:
    if request.chunked:
        notes.trait("IV-WIRE-CHUNKED")
    if "?" in request.target:
        notes.trait("IV-WIRE-QUERY")
    content_type = request.header("content-type") or ""
    boundary = boundary_of(content_type) or ""
    if '"' in content_type or len(boundary) == 70 or not re.fullmatch(r"[0-9A-Za-z-]+", boundary):
        notes.trait("IV-WIRE-BOUNDARY", _boundary_kind(content_type, boundary))
    names = [name for headers in (request.headers, *(part.headers for part in parts)) for name, _ in headers]
    if any(name.lower() in _READ_HEADERS and name != name.title() for name in names):
        notes.trait("IV-WIRE-HEADER-CASE", "names")
    unknown = {name.lower() for part in parts for name, _ in part.headers} - _HEADERS_OF_PARTS
    if unknown:
        notes.trait("IV-WIRE-PART-HEADERS")
    if surrounded(content_type, request.body):
        notes.trait("IV-WIRE-PREAMBLE")
    if len(parts) > 1 and parts[0].name != "image":
        notes.trait("IV-WIRE-ORDER")


def _boundary_kind(content_type: str, boundary: str) -> str:
    if '"' in content_type:
        return "quoted"
    return "70 characters" if len(boundary) == 70 else "punctuation"


def _fields(parts: tuple[Part, ...], contract: Contract, notes: _Notes) -> dict[str, Part]:
    """Return the one part of each known field; what is unknown or there twice is open."""
    counts = Counter(part.name for part in parts)
    values = {}
    for part in parts:
        name = part.name
        if name is None or name not in contract.fields:
            notes.open.append(f"unknown field {name!r}")
        elif counts[name] > 1:
            notes.open.append(f"{name} is there more than once")
        elif name != "image" and part.filename is not None:
            notes.open.append(f"{name} is sent as a file")
        else:
            values[name] = part
    return values


def _appraise_field(name: str, schema: Schema, part: Part | None, notes: _Notes) -> None:
    rules = rules_of(name)
    if part is None:
        if rules.absent is not None and kind_of(schema) is not None:
            notes.trait(rules.absent)
        return
    try:
        value = part.content.decode()
    except UnicodeDecodeError:
        notes.open.append(f"{name} is not UTF-8")
        return
    shown = f"{name}={value[:40]!r}"
    found = standing(schema, value)
    if found == "accepted":
        notes.trait(rules.accepted, _classes_of(value) if kind_of(schema) == "text" else value)
    elif found == "open":
        notes.open.append(f"nobody said how to read {shown}")
    else:
        said = {"refused": rules.refused, "beyond": rules.beyond, "lax": rules.lax}
        notes.offence(said[found] or rules.refused, name, shown)


def _classes_of(text: str) -> str:
    """Return what servers trip over in a text. Two plain names are one value."""
    classes = ("empty" if not text else "text", "long" * (len(text) > 100), "Unicode" * (not text.isascii()))
    return " ".join(filter(None, classes))


def _appraise_image(part: Part, notes: _Notes) -> None:
    content = part.content
    if len(content) >= NEVER_ACCEPTED_BYTES:
        notes.offence("IV-IMAGE-MAX-BYTES", "image", f"an image of {len(content)} bytes")
    elif len(content) > ALWAYS_ACCEPTED_BYTES:
        notes.open.append(f"an image of {len(content)} bytes")
    try:
        info = png.inspect(content)
    except png.NotPng:
        what = f"a file that begins with {content[:4]!r}" if content else "an empty file"
        notes.offence("IV-IMAGE-FORMAT" if content else "IV-IMAGE-INTACT", "image", what)
        return
    except png.Broken as problem:
        notes.offence("IV-IMAGE-INTACT", "image", f"a broken PNG: {problem}")
        return
    if info.pixels > png.MAX_PIXELS:
        notes.open.append(f"an image of {info.width}x{info.height}")
    if info.width != info.height:
        notes.offence("IV-IMAGE-SQUARE", "image", f"an image of {info.width}x{info.height}")
    plain = info.kind in {png.Kind(png.RGB), png.Kind(png.RGBA)} and info.width > 1
    kind = str(info.kind) if info.width > 1 else f"1x1, {info.kind}"
    notes.trait("IV-IMAGE-PNG" if plain else "IV-IMAGE-PNG-KINDS", kind)
    if len(content) > ALWAYS_ACCEPTED_BYTES // 2:
        notes.trait("IV-IMAGE-UP-TO-LIMIT")
    _appraise_labels(part, notes)


def _appraise_labels(part: Part, notes: _Notes) -> None:
    """Appraise the file name and the part type of an image."""
    # An empty file name is what browsers send for no file at all.
    if not part.filename:
        notes.trait("IV-IMAGE-NO-FILENAME")
    else:
        if not part.filename.lower().endswith(".png"):
            notes.trait("IV-IMAGE-BY-BYTES", part.filename)
        if not re.fullmatch(r"[\w.-]+", part.filename, re.ASCII):
            notes.trait("IV-WIRE-FILENAME", part.filename)
    media_type = (part.content_type or "").partition(";")[0].strip().lower()
    if media_type in {"", "application/octet-stream"}:
        notes.trait("IV-IMAGE-OCTET-STREAM", media_type or "no type")
    elif media_type != "image/png":
        notes.trait("IV-IMAGE-BY-BYTES", media_type)


def _numbers(parts: tuple[Part, ...]) -> Iterator[int]:
    """Yield what a server may take for the number of images. Where n is there twice, it may take either."""
    for part in parts:
        if part.name == "n" and re.fullmatch(rb"\s*[+]?[0-9]{1,6}\s*", part.content):
            yield int(part.content)


def _asked(values: dict[str, Part]) -> Asked:
    said = {name: part.content.decode("utf-8", "replace") for name, part in values.items() if name in DEFAULTS}
    wanted = DEFAULTS | said
    return Asked(int(wanted["n"]), wanted["size"], wanted["response_format"], frozenset(said))
