"""Documents of another shape than the contract's, in a 200."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..app.service import Service, Wanted
from .registry import FaultFamily

if TYPE_CHECKING:
    from ..app.incoming import IncomingRequest

fault = FaultFamily("schema")

Document = dict[str, object]


def reshaped(reshape: Callable[[Document], object]) -> type[Service]:
    """A Service that passes the document of a 200 through a function."""

    class Reshaped(Service):
        def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
            document = super().document(request, images, wanted)
            # Another fault may have made something else of it already.
            return reshape(document) if isinstance(document, dict) else document

    return Reshaped


def with_items(reshape: Callable[[Document], object]) -> type[Service]:
    """A Service that passes each item of `data` through a function."""

    class WithItems(Service):
        def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
            item = super().item(request, image, wanted)
            return reshape(item) if isinstance(item, dict) else item

    return WithItems


def _member(name: str, value: object) -> type[Service]:
    return reshaped(lambda document: {**document, name: value})


def _without(name: str) -> type[Service]:
    return reshaped(lambda document: {key: value for key, value in document.items() if key != name})


def _stamped(stamp: Callable[[float], object]) -> type[Service]:
    return reshaped(lambda document: {**document, "created": stamp(time.time())})


def _list(document: Document) -> list[object]:
    data = document.get("data")
    return data if isinstance(data, list) else []


_TOKENS = {"image_tokens": 0, "text_tokens": 0}
_USAGE = {"input_tokens": 0, "input_tokens_details": _TOKENS, "output_tokens": 0, "total_tokens": 0}

DOCUMENTS: tuple[tuple[str, str, str, type[Service]], ...] = (
    ("created-missing", "IV-RES-SCHEMA", "Leaves created out.", _without("created")),
    ("created-text", "IV-RES-CREATED", "Says created as a text.", _stamped(lambda now: str(int(now)))),
    ("created-zero", "IV-RES-CREATED", "Says created as 0.", _member("created", 0)),
    ("created-milliseconds", "IV-RES-CREATED", "Says created in ms.", _stamped(lambda now: int(now * 1000))),
    ("created-hour-off", "IV-RES-CREATED", "Is off by an hour in created.", _stamped(lambda now: int(now) + 3600)),
    ("created-null", "IV-RES-SCHEMA", "Says created as null.", _member("created", None)),
    ("created-fraction", "IV-RES-CREATED", "Says created with a fraction.", _stamped(lambda now: int(now) + 0.25)),
    (
        "created-random",
        "IV-RES-CREATED",
        "Says any number as created.",
        _stamped(lambda _: secrets.randbelow(1_000_000_000)),
    ),
    ("data-null", "IV-RES-SCHEMA", "Says data as null.", _member("data", None)),
    (
        "data-an-object",
        "IV-RES-SCHEMA",
        "Has the image itself under data, and no list.",
        reshaped(lambda document: {**document, "data": next(iter(_list(document)), {})}),
    ),
    ("body-a-list", "IV-RES-SCHEMA", "Answers with the list alone.", reshaped(_list)),
    ("body-a-text", "IV-RES-SCHEMA", "Answers with JSON in a JSON text.", reshaped(json.dumps)),
    ("data-missing", "IV-RES-SCHEMA", "Leaves data out.", _without("data")),
    ("members-null", "IV-RES-SCHEMA", "Says what it does not have as null.", _member("usage", None)),
    ("background-unknown", "IV-RES-BACKGROUND", "Says a background of no contract.", _member("background", "white")),
    ("output-format-unknown", "IV-RES-OUTPUT-FORMAT", "Says output_format as bmp.", _member("output_format", "bmp")),
    ("quality-unknown", "IV-RES-QUALITY", "Says quality as standard.", _member("quality", "standard")),
    ("size-unknown", "IV-RES-SIZE", "Says size as auto.", _member("size", "auto")),
    ("usage-incomplete", "IV-RES-USAGE", "Counts tokens in total only.", _member("usage", {"total_tokens": 0})),
    ("body-null", "IV-RES-SCHEMA", "Answers null.", reshaped(lambda _: None)),
    (
        "body-todo",
        "IV-RES-SCHEMA",
        "Answers that it is not done yet, with 200.",
        reshaped(lambda _: {"message": "TODO"}),
    ),
    (
        "error-in-200",
        "IV-RES-SCHEMA",
        "Answers valid requests with an error object, and 200.",
        reshaped(lambda _: {"error": {"message": "Busy.", "type": "server_error", "param": None, "code": None}}),
    ),
)

ITEMS: tuple[tuple[str, str, str, type[Service]], ...] = (
    ("items-bare", "IV-RES-SCHEMA", "Lists bare texts.", with_items(lambda item: next(iter(item.values())))),
    (
        "other-key-null",
        "IV-RES-SCHEMA",
        "Says the other key as null.",
        with_items(lambda item: {"url": None, "b64_json": None, **item}),
    ),
    (
        "key-empty",
        "IV-RES-KEY",
        "Says the asked key as an empty text.",
        with_items(lambda item: dict.fromkeys(item, "")),
    ),
    (
        "both-keys-empty",
        "IV-RES-KEY",
        "Gives both keys, with empty texts.",
        with_items(lambda _: {"url": "", "b64_json": ""}),
    ),
    (
        "key-renamed",
        "IV-RES-KEY",
        "Puts the image under another key.",
        with_items(lambda item: {"image": next(iter(item.values()))}),
    ),
    (
        "prompt-a-list",
        "IV-RES-REVISED-PROMPT",
        "Says revised_prompt as a list.",
        with_items(lambda item: {**item, "revised_prompt": []}),
    ),
)

for _name, _breaks, _summary, _service in DOCUMENTS + ITEMS:
    fault(_name, breaks=(_breaks,), summary=_summary)(_service)


@fault("both-keys", breaks=("IV-RES-KEY",))
class BothKeys(Service):
    """Gives each image as a link and in base64."""

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        return {"url": self.link(request, self.hang(image)), "b64_json": self.encoded(image)}


@fault("format-ignored", breaks=("IV-RES-KEY",))
class FormatIgnored(Service):
    """Answers with links, whatever was asked for."""

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        return {"url": self.link(request, self.hang(image))}


@fault("b64-json-always", breaks=("IV-RES-KEY", "IV-FORMAT-DEFAULT"))
class B64JsonAlways(Service):
    """Answers with base64, whatever was asked for."""

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        return {"b64_json": self.encoded(image)}


@fault("data-empty", breaks=("IV-RES-COUNT", "IV-N-DEFAULT"))
class DataEmpty(Service):
    """Answers every valid request with an empty list."""

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        return super().document(request, [], wanted)
