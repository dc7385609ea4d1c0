"""Faults in the structure of the JSON document of a 200, and in what it says about the images."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..app.service import Service, Wanted
from ..registry import Change, FaultFamily
from .factories import Document, answers, answers_items, member, sends_json, without

if TYPE_CHECKING:
    from ..app.incoming import IncomingRequest

fault = FaultFamily("schema")

_SCHEMA, _CREATED, _KEY, _USAGE = "IV-RES-SCHEMA", "IV-RES-CREATED", "IV-RES-KEY", "IV-RES-USAGE"
_ONCE = "IV-RES-MEMBERS-ONCE"


def _stamped(stamp: Callable[[float], object]) -> Change:
    """Send another `created`: `stamp` gets the time in seconds."""
    return answers(_CREATED, lambda document, _: {**document, "created": stamp(time.time())})


def _says(breaks: str, name: str, value: object) -> Change:
    """Send a member with a value."""
    return answers(breaks, member(name, value))


def _is(breaks: str, change: Callable[[Document], object]) -> Change:
    """Send what a function of the document returns."""
    return answers(breaks, lambda document, _: change(document))


def _first(document: Document) -> object:
    return next(iter(document["data"]), {})


def _usage(total: int, **other: object) -> Document:
    details = {"image_tokens": 5, "text_tokens": 0}
    return {"input_tokens": 5, "input_tokens_details": details, "output_tokens": 7, "total_tokens": total} | other


# --- created

# fmt: off
fault("created-missing", "Omits created.", answers(_SCHEMA, without("created")))
fault("created-null", "Sends null as created.", _says(_SCHEMA, "created", None))
fault("created-text", "Sends created as a string.", _stamped(lambda now: str(int(now))))
fault("created-date", "Sends created as a date.",
      _stamped(lambda now: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))))
fault("created-zero", "Sends 0 as created.", _says(_CREATED, "created", 0))
fault("created-milliseconds", "Sends created in milliseconds.", _stamped(lambda now: int(now * 1000)))
fault("created-hour-off", "Sends a created that is an hour in the future.", _stamped(lambda now: int(now) + 3600))
fault("created-quarter-hour-off", "Sends a created that is a quarter of an hour in the past.",
      _stamped(lambda now: int(now) - 900))
fault("created-fraction", "Sends created with a fraction.", _stamped(lambda now: int(now) + 0.25))
fault("created-random", "Sends a random number as created.", _stamped(lambda _: secrets.randbelow(1_000_000_000)))

# --- the document

fault("data-null", "Sends null as data.", _says(_SCHEMA, "data", None))
fault("data-missing", "Omits data.", answers(_SCHEMA, without("data")))
fault("data-an-object", "Sends a single item as data, not a list.",
      _is(_SCHEMA, lambda document: {**document, "data": _first(document)}))
fault("body-a-list", "Sends the list of images without the object around it.",
      _is(_SCHEMA, lambda document: document["data"]))
fault("body-a-text", "Encodes the JSON document twice, so that the body is a JSON string.", _is(_SCHEMA, json.dumps))
fault("body-null", "Sends null as the whole body of a 200.", _is(_SCHEMA, lambda _: None))
fault("body-todo", "Sends a 200 with a message that the operation is not implemented yet.",
      _is(_SCHEMA, lambda _: {"message": "TODO"}))
fault("body-in-result", "Wraps the document in a member result.",
      _is(_SCHEMA, lambda document: {"result": document, "success": True}))
fault("error-in-200", "Answers 200 with an error object to valid requests.",
      _is("IV-OP-VALID",
          lambda _: {"error": {"message": "Busy.", "type": "server_error", "param": None, "code": None}}))
fault("members-null", "Sends null for an unused member instead of omitting it.", _says(_SCHEMA, "usage", None))
fault("background-null", "Sends null as background instead of omitting it.", _says(_SCHEMA, "background", None))
fault("background-unknown", "Sends an unknown value as background.", _says("IV-RES-BACKGROUND", "background", "white"))
fault("output-format-unknown", "Sends an unknown value as output_format.",
      _says("IV-RES-OUTPUT-FORMAT", "output_format", "bmp"))
fault("output-format-a-media-type", "Sends a media type as output_format.",
      _says("IV-RES-OUTPUT-FORMAT", "output_format", "image/png"))
fault("quality-unknown", "Sends an unknown value as quality.", _says("IV-RES-QUALITY", "quality", "standard"))
fault("size-unknown", "Sends an unknown value as size.", _says("IV-RES-SIZE", "size", "auto"))
fault("usage-incomplete", "Sends a usage with total_tokens only.", _says(_USAGE, "usage", {"total_tokens": 0}))
fault("usage-of-chat", "Sends a usage with the members of chat completions.",
      _says(_USAGE, "usage", {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}))
fault("usage-texts", "Sends the numbers of tokens as strings.", _says(_USAGE, "usage", _usage(12, output_tokens="7")))
fault("usage-negative", "Sends a negative number of tokens.", _says(_USAGE, "usage", _usage(4, output_tokens=-1)))

# --- members that are not true

_TRUE_SIZE = "IV-RES-SIZE-TRUE"
fault("size-said-default", "Sends 1024x1024 as size, whatever the images are.", _says(_TRUE_SIZE, "size", "1024x1024"))
fault("size-said-256", "Sends 256x256 as size, whatever the images are.", _says(_TRUE_SIZE, "size", "256x256"))
fault("size-said-of-other-models", "Sends 1536x1024 as size.", _says(_TRUE_SIZE, "size", "1536x1024"))
fault("background-said-transparent", "Sends transparent as background, although the images are opaque.",
      _says("IV-RES-BACKGROUND-TRUE", "background", "transparent"))
fault("total-tokens-zero", "Sends a usage whose total is 0, although its parts are not.",
      _says("IV-RES-TOKENS", "usage", _usage(0)))
fault("total-tokens-of-output", "Sends a usage whose total is the number of output tokens.",
      _says("IV-RES-TOKENS", "usage", _usage(7)))

# --- members that are there twice

fault("created-twice", "Writes created twice, the first time as 0.",
      sends_json(_ONCE, lambda body: b'{"created":0,' + body[1:]))
fault("data-twice", "Writes data twice, the first time as an empty list.",
      sends_json(_ONCE, lambda body: b'{"data":[],' + body[1:]))
fault(
    "key-twice",
    "Writes url or b64_json of an item twice, the first time empty.",
    sends_json(
        _ONCE,
        lambda body: body.replace(b'{"url":', b'{"url":"","url":').replace(
            b'{"b64_json":', b'{"b64_json":"","b64_json":'
        ),
    ),
)

# --- the items

fault("items-bare", "Sends the items of data as strings, not objects.",
      answers_items(_SCHEMA, lambda item: next(iter(item.values()))))
fault("items-null", "Sends null in place of each item.", answers_items(_SCHEMA, lambda _: None))
fault("other-key-null", "Sends the key of the other response format as null.",
      answers_items(_SCHEMA, lambda item: {"url": None, "b64_json": None, **item}))
fault("prompt-null", "Sends null as revised_prompt.",
      answers_items(_SCHEMA, lambda item: {**item, "revised_prompt": None}))
fault("prompt-a-list", "Sends revised_prompt as a list.",
      answers_items("IV-RES-REVISED-PROMPT", lambda item: {**item, "revised_prompt": []}))
fault("key-empty", "Sends an empty string instead of the image.",
      answers_items(_KEY, lambda item: dict.fromkeys(item, "")))
fault("both-keys-empty", "Sends both url and b64_json as empty strings.",
      answers_items(_KEY, lambda _: {"url": "", "b64_json": ""}))
fault("other-key-empty", "Sends the key of the other response format as an empty string.",
      answers_items(_KEY, lambda item: {"url": "", "b64_json": "", **item}))
fault("key-renamed", "Sends the image under the key image.",
      answers_items(_KEY, lambda item: {"image": next(iter(item.values()))}))
# fmt: on


def _items(*breaks: str, formats: Callable[[str], tuple[str, ...]]) -> Change:
    """Send the image in each of the formats that a function of the requested one returns."""

    class Items(Service):
        def item(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> object:
            item: Document = {}
            for name in formats(wanted.response_format):
                sent = super().item(request, image, Wanted(wanted.count, wanted.size, name))
                item |= sent if isinstance(sent, dict) else {}
            return item

    return Change(Items, breaks)


# fmt: off
fault("both-keys", "Sends each image both as a link and in base64.",
      _items(_KEY, formats=lambda _: ("url", "b64_json")))
fault("format-ignored", "Ignores response_format and always sends links.", _items(_KEY, formats=lambda _: ("url",)))
fault("b64-json-always", "Ignores response_format and always sends base64.",
      _items(_KEY, "IV-FORMAT-DEFAULT", formats=lambda _: ("b64_json",)))
fault("data-empty", "Sends an empty list as data.", answers(("IV-RES-COUNT", "IV-N-DEFAULT"), member("data", [])))
