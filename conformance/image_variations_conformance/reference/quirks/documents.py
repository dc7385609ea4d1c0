"""JSON that is written differently, or that has additional members."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from ..app.service import Service, Wanted
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


@quirk("json-pretty", by=_ANY_WHITESPACE)
class JsonPretty(_Rewritten):
    """Writes indented JSON with CRLF line ends and whitespace around it."""

    def write(self, document: Any) -> bytes:
        return b"\r\n\t" + json.dumps(document, indent=4).replace("\n", "\r\n").encode() + b"\r\n\r\n"


@quirk("json-escaped", by="RFC 8259 section 7")
class JsonEscaped(_Rewritten):
    """Escapes every slash and every character of member names in JSON."""

    def write(self, document: Any) -> bytes:
        text = json.dumps(document, separators=(",", ":")).replace("/", r"\/")
        return re.sub(r'"([a-z_0-9]+)":', lambda found: f'"{_escaped(found[1])}":', text).encode()


def _escaped(name: str) -> str:
    return "".join(f"\\u{ord(letter):04X}" for letter in name)


@quirk("json-in-another-order", by="RFC 8259 section 4: objects are unordered")
class JsonInAnotherOrder(_Rewritten):
    """Reverses the order of the members of all JSON objects."""

    def write(self, document: Any) -> bytes:
        return super().write(_reversed_members(document))


def _reversed_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed_members(value[name]) for name in reversed(value)}
    return [_reversed_members(item) for item in value] if isinstance(value, list) else value


@quirk("extra-members", by=_MORE_MEMBERS)
class ExtraMembers(_Rewritten):
    """Adds unknown members to every JSON object, including errors."""

    def write(self, document: Any) -> bytes:
        return super().write(_extended(document))


def _extended(value: Any) -> Any:
    if isinstance(value, dict):
        more = {"id": "quirk-1", "x_quirk": {"list": [1, "two", {"three": 3}], "flag": True}, "": 0}
        return {name: _extended(member) for name, member in value.items()} | more
    return [_extended(item) for item in value] if isinstance(value, list) else value


@quirk("all-members", by="IV-RES-BACKGROUND, IV-RES-OUTPUT-FORMAT, IV-RES-QUALITY, IV-RES-SIZE, IV-RES-USAGE")
class AllMembers(Service):
    """Sends every optional member of the contract, with an empty revised_prompt and a usage of zeros."""

    def document(self, request: IncomingRequest, images: list[bytes], wanted: Wanted) -> object:
        tokens = {"image_tokens": 0, "text_tokens": 0}
        return {
            "usage": {
                "input_tokens": 0,
                "input_tokens_details": tokens,
                "output_tokens": 0,
                "output_tokens_details": tokens,
                "total_tokens": 0,
            },
            "background": "opaque",
            "output_format": "png",
            "quality": "high",
            **({"size": "{}x{}".format(*wanted.size)} if wanted.size else {}),
            "created": self.created(),
            "data": [{"revised_prompt": "", **self.item_object(request, image, wanted)} for image in images],
        }

    def item_object(self, request: IncomingRequest, image: bytes, wanted: Wanted) -> dict[str, object]:
        """Return an item of the list `data` as an object, empty if another variant made it something else."""
        item = self.item(request, image, wanted)
        return item if isinstance(item, dict) else {}


@quirk("created-with-point-zero", by="JSON Schema 2020-12, Core section 4.2.3: 1.0 is an integer")
class CreatedWithPointZero(Service):
    """Writes created as a number with a fraction of zero, such as 1700000000.0."""

    def created(self) -> object:
        return float(int(time.time()))


@quirk("created-minutes-ago", by="IV-RES-CREATED: within ten minutes")
class CreatedMinutesAgo(Service):
    """Sets created to eight minutes ago, as if the request had waited in a queue since then."""

    def created(self) -> object:
        return int(time.time()) - _QUEUED_SECONDS
