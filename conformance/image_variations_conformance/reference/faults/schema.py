"""Faults in the structure of the JSON document of a 200."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..app.service import Service, Wanted
from ..registry import FaultFamily

if TYPE_CHECKING:
    from ..app.incoming import IncomingRequest

fault = FaultFamily("schema")

Document = dict[str, object]


def reshaped(reshape: Callable[[Document], object]) -> type[Service]:
    """Return a Service that passes the document of a 200 through `reshape`."""

    class Reshaped(Service):
        def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
            document = super().document(request, images, wanted)
            # Another fault may have replaced the object already.
            return reshape(document) if isinstance(document, dict) else document

    return Reshaped


def with_items(reshape: Callable[[Document], object]) -> type[Service]:
    """Return a Service that passes each item of `data` through `reshape`."""

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
    ("created-missing", "IV-RES-SCHEMA", "Omits created.", _without("created")),
    ("created-text", "IV-RES-CREATED", "Sends created as a string.", _stamped(lambda now: str(int(now)))),
    ("created-zero", "IV-RES-CREATED", "Sends 0 as created.", _member("created", 0)),
    ("created-milliseconds", "IV-RES-CREATED", "Sends created in milliseconds.", _stamped(lambda now: int(now * 1000))),
    (
        "created-hour-off",
        "IV-RES-CREATED",
        "Sends a created that is an hour in the future.",
        _stamped(lambda now: int(now) + 3600),
    ),
    ("created-null", "IV-RES-SCHEMA", "Sends null as created.", _member("created", None)),
    ("created-fraction", "IV-RES-CREATED", "Sends created with a fraction.", _stamped(lambda now: int(now) + 0.25)),
    (
        "created-random",
        "IV-RES-CREATED",
        "Sends a random number as created.",
        _stamped(lambda _: secrets.randbelow(1_000_000_000)),
    ),
    ("data-null", "IV-RES-SCHEMA", "Sends null as data.", _member("data", None)),
    (
        "data-an-object",
        "IV-RES-SCHEMA",
        "Sends a single item as data, not a list.",
        reshaped(lambda document: {**document, "data": next(iter(_list(document)), {})}),
    ),
    ("body-a-list", "IV-RES-SCHEMA", "Sends the list of images without the object around it.", reshaped(_list)),
    (
        "body-a-text",
        "IV-RES-SCHEMA",
        "Encodes the JSON document twice, so that the body is a JSON string.",
        reshaped(json.dumps),
    ),
    ("data-missing", "IV-RES-SCHEMA", "Omits data.", _without("data")),
    (
        "members-null",
        "IV-RES-SCHEMA",
        "Sends null for an unused member instead of omitting it.",
        _member("usage", None),
    ),
    (
        "background-unknown",
        "IV-RES-BACKGROUND",
        "Sends an unknown value as background.",
        _member("background", "white"),
    ),
    (
        "output-format-unknown",
        "IV-RES-OUTPUT-FORMAT",
        "Sends an unknown value as output_format.",
        _member("output_format", "bmp"),
    ),
    ("quality-unknown", "IV-RES-QUALITY", "Sends an unknown value as quality.", _member("quality", "standard")),
    ("size-unknown", "IV-RES-SIZE", "Sends an unknown value as size.", _member("size", "auto")),
    (
        "usage-incomplete",
        "IV-RES-USAGE",
        "Sends a usage with total_tokens only.",
        _member("usage", {"total_tokens": 0}),
    ),
    ("body-null", "IV-RES-SCHEMA", "Sends null as the whole body of a 200.", reshaped(lambda _: None)),
    (
        "body-todo",
        "IV-RES-SCHEMA",
        "Sends a 200 with a message that the operation is not implemented yet.",
        reshaped(lambda _: {"message": "TODO"}),
    ),
    (
        "error-in-200",
        "IV-RES-SCHEMA",
        "Answers 200 with an error object to valid requests.",
        reshaped(lambda _: {"error": {"message": "Busy.", "type": "server_error", "param": None, "code": None}}),
    ),
)

ITEMS: tuple[tuple[str, str, str, type[Service]], ...] = (
    (
        "items-bare",
        "IV-RES-SCHEMA",
        "Sends the items of data as strings, not objects.",
        with_items(lambda item: next(iter(item.values()))),
    ),
    (
        "other-key-null",
        "IV-RES-SCHEMA",
        "Sends the key of the other response format as null.",
        with_items(lambda item: {"url": None, "b64_json": None, **item}),
    ),
    (
        "key-empty",
        "IV-RES-KEY",
        "Sends an empty string instead of the image.",
        with_items(lambda item: dict.fromkeys(item, "")),
    ),
    (
        "both-keys-empty",
        "IV-RES-KEY",
        "Sends both url and b64_json as empty strings.",
        with_items(lambda _: {"url": "", "b64_json": ""}),
    ),
    (
        "key-renamed",
        "IV-RES-KEY",
        "Sends the image under the key image.",
        with_items(lambda item: {"image": next(iter(item.values()))}),
    ),
    (
        "prompt-a-list",
        "IV-RES-REVISED-PROMPT",
        "Sends revised_prompt as a list.",
        with_items(lambda item: {**item, "revised_prompt": []}),
    ),
)

for _name, _breaks, _summary, _service in DOCUMENTS + ITEMS:
    fault(_name, breaks=(_breaks,), summary=_summary)(_service)


@fault("both-keys", breaks=("IV-RES-KEY",))
class BothKeys(Service):
    """Sends each image both as a link and in base64."""

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        return {"url": self.link(request, self.hang(image)), "b64_json": self.encoded(image)}


@fault("format-ignored", breaks=("IV-RES-KEY",))
class FormatIgnored(Service):
    """Ignores response_format and always sends links."""

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        return {"url": self.link(request, self.hang(image))}


@fault("b64-json-always", breaks=("IV-RES-KEY", "IV-FORMAT-DEFAULT"))
class B64JsonAlways(Service):
    """Ignores response_format and always sends base64."""

    def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
        return {"b64_json": self.encoded(image)}


@fault("data-empty", breaks=("IV-RES-COUNT", "IV-N-DEFAULT"))
class DataEmpty(Service):
    """Sends an empty list as data."""

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        return super().document(request, [], wanted)
