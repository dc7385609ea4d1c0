"""Judges whether responses, links and images reveal the API key or internal details of the server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from ..contract.document import Contract
from ..media.pictures import Picture
from ..wire.exchange import MAX_LINK_CHARACTERS, Response
from ..wire.redaction import in_base64
from .base import Finding, Observation, judges
from .leaks import leak_in_body, leak_in_head, unescaped

_MIN_KEY_CHARACTERS = 8
_MOST_SEARCHED = 1 << 16
_OF_LINKS = bytes.maketrans(b"+/", b"-_")


@judges("IV-ERR-SECRETS")
def responses_keep_secrets(observation: Observation, _: Contract) -> Iterator[Finding]:
    """No response reveals the API key or internal details of the server, in its body, its headers or its images."""
    response = observation.response
    if response is None:
        return
    key = _key_of(observation)
    head = "\n".join(f"{name}: {value}" for name, value in response.headers)
    for text, leak_in in ((_text_of(observation, response), leak_in_body), (head, leak_in_head)):
        found = leak_in(text, observation.exchange.request)
        if _holds(text.encode("utf-8", "surrogatepass"), key):
            found = "the API key that was sent"
        yield observation.finding("IV-ERR-SECRETS", found is None, f"the {response.status} response reveals {found}")
    if observation.accepted:
        followed = zip(observation.exchange.fetches, observation.content.targets, strict=True)
        # What is no image, such as an error, may quote the link.
        bodies = [
            it.response.body for it, target in followed if isinstance(target, Picture) and it.response is not None
        ]
        if all(item.key != "url" for item in observation.content.items):
            # Links are judged by themselves.
            bodies.append(response.body.replace(b"\\/", b"/"))
        is_kept = not any(_holds(body, key) for body in bodies)
        yield observation.finding("IV-ERR-SECRETS", is_kept, "an image reveals the API key that was sent")


@judges("IV-URL-NO-KEY")
def links_keep_the_key(observation: Observation, _: Contract) -> Iterator[Finding]:
    """A link does not have the API key in it, in plain text, percent-encoded or in base64."""
    if observation.expectation.validity == "invalid":
        return
    for item in observation.content.items:
        if item.key == "url":
            link = item.text[:MAX_LINK_CHARACTERS].encode("utf-8", "surrogatepass")
            is_kept = not _holds(unquote_to_bytes(link), _key_of(observation))
            yield observation.finding("IV-URL-NO-KEY", is_kept, f"item {item.at}: the link contains the API key")


def _key_of(observation: Observation) -> bytes:
    """Return the API key that was sent, without spaces and control characters, which an answer may write otherwise."""
    sent = (observation.exchange.request.header("authorization") or "").partition(" ")[2]
    return max(re.findall("[!-~]+", sent), key=len, default="").encode()


def _holds(content: bytes, key: bytes) -> bool:
    """Return whether a content has a key in it, as it is or in base64. Of short keys, that may be chance."""
    if len(key) < _MIN_KEY_CHARACTERS:
        return False
    encoded = list(in_base64(key))
    # Links have the other alphabet of base64, RFC 4648, section 5.
    return any(text in content for text in (key, *encoded, *(each.translate(_OF_LINKS) for each in encoded)))


def _text_of(observation: Observation, response: Response) -> str:
    """Return the text of a body: of the JSON of a success, without the links and images, which others judge."""
    document = observation.content.document
    if observation.accepted and isinstance(document, dict):
        rest = {name: value for name, value in document.items() if name != "data"}
        return unescaped(json.dumps(rest, ensure_ascii=False)[:_MOST_SEARCHED])
    text = response.body[:_MOST_SEARCHED].decode("utf-8", "replace")
    is_json = observation.content.json_error is None or response.media_type.endswith("json")
    return unescaped(text) if is_json else text
