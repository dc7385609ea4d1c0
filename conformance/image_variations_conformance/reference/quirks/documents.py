"""JSON that is written differently, or that has additional members."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ..app.service import Service, Wanted
from ..faults.factories import Document, answers, member
from ..registry import QuirkFamily
from .rewriting import is_json, rewritten

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("documents")

_ANY_WHITESPACE = "RFC 8259 section 2"
_MORE_MEMBERS = "reading: additional members are allowed"
_QUEUED_SECONDS = 480


class _Rewritten(Service):
    """A Service that serializes all its JSON in another way."""

    async def respond(self, request: IncomingRequest) -> Response:
        response = await super().respond(request)
        return rewritten(response, self.write(json.loads(bytes(response.body)))) if is_json(response) else response

    def write(self, document: Any) -> bytes:
        """Return a JSON document as bytes."""
        return json.dumps(document).encode()


@quirk.service("json-pretty", _ANY_WHITESPACE)
class JsonPretty(_Rewritten):
    """Writes indented JSON with CRLF line ends and whitespace around it."""

    def write(self, document: Any) -> bytes:
        return b"\r\n\t" + json.dumps(document, indent=4).replace("\n", "\r\n").encode() + b"\r\n\r\n"


@quirk.service("json-escaped", "RFC 8259 section 7")
class JsonEscaped(_Rewritten):
    """Escapes every slash and every character of member names in JSON."""

    def write(self, document: Any) -> bytes:
        text = json.dumps(document, separators=(",", ":")).replace("/", r"\/")
        return re.sub(r'"([a-z_0-9]+)":', lambda found: f'"{_escaped(found[1])}":', text).encode()


def _escaped(name: str) -> str:
    return "".join(f"\\u{ord(letter):04X}" for letter in name)


@quirk.service("json-in-another-order", "RFC 8259 section 4: objects are unordered")
class JsonInAnotherOrder(_Rewritten):
    """Reverses the order of the members of all JSON objects."""

    def write(self, document: Any) -> bytes:
        return super().write(_reversed_members(document))


def _reversed_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed_members(value[name]) for name in reversed(value)}
    return [_reversed_members(item) for item in value] if isinstance(value, list) else value


@quirk.service("extra-members", _MORE_MEMBERS)
class ExtraMembers(_Rewritten):
    """Adds unknown members to every JSON object, including errors."""

    def write(self, document: Any) -> bytes:
        return super().write(_extended(document))


def _extended(value: Any) -> Any:
    if isinstance(value, dict):
        more = {"id": "quirk-1", "x_quirk": {"list": [1, "two", {"three": 3}], "flag": True}, "": 0}
        return {name: _extended(member) for name, member in value.items()} | more
    return [_extended(item) for item in value] if isinstance(value, list) else value


_TOKENS = {"image_tokens": 0, "text_tokens": 0}
_NO_USAGE = {
    "input_tokens": 0,
    "input_tokens_details": _TOKENS,
    "output_tokens": 0,
    "output_tokens_details": _TOKENS,
    "total_tokens": 0,
}


def _all_members(document: Document, wanted: Wanted) -> object:
    size = {"size": "{}x{}".format(*wanted.size)} if wanted.size else {}
    data = [{"revised_prompt": "", **item} if isinstance(item, dict) else item for item in document["data"]]
    said = {"background": "opaque", "output_format": "png", "quality": "high"}
    return {"usage": _NO_USAGE, **said, **size, **document, "data": data}


# fmt: off
quirk("all-members", "IV-RES-BACKGROUND, IV-RES-OUTPUT-FORMAT, IV-RES-QUALITY, IV-RES-SIZE, IV-RES-USAGE",
      "Sends every optional member of the contract, with an empty revised_prompt and a usage of zeros.",
      answers((), _all_members))
quirk("usage-counted", "IV-RES-USAGE, IV-RES-TOKENS",
      "Sends a usage without details of the output, whose total is the sum of its parts.",
      answers((), member("usage", {**_NO_USAGE, "input_tokens": 300, "output_tokens": 4096, "total_tokens": 4396})))
quirk("created-with-point-zero", "JSON Schema 2020-12, Core section 4.2.3: 1.0 is an integer",
      "Writes created as a number with a fraction of zero, such as 1700000000.0.",
      answers((), lambda document, _: {**document, "created": float(document["created"])}))
quirk("created-minutes-ago", "IV-RES-CREATED: within ten minutes",
      "Sets created to eight minutes ago, as if the request had waited in a queue since then.",
      answers((), lambda document, _: {**document, "created": document["created"] - _QUEUED_SECONDS}))
