"""Following the links of a response, which may be hostile.

Links are followed without the API key, over http and https only, through a few redirects, before one deadline, and to
no address that is more private than those of the target. data: URLs are decoded.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import SplitResult, unquote_to_bytes, urljoin, urlsplit

from ..wire.exchange import MAX_LINK_CHARACTERS, Failure, Outcome, Request, Response
from ..wire.target import USER_AGENT
from .addresses import NOWHERE, PRIVATE, PUBLIC, reach
from .connector import Connector, Deadline
from .failed import ExchangeFailed
from .reader import Body

MAX_IMAGE_BYTES = 32 * 1024 * 1024
# As many as browsers follow.
_MAX_REDIRECTS = 20
_UNQUOTED_AT_ONCE_CHARACTERS = 1 << 16


def follow(connector: Connector, link: str, deadline: Deadline) -> Outcome:
    """Return the outcome of following a link."""
    try:
        if link[:5].lower() == "data:":
            with connector.body(MAX_IMAGE_BYTES) as body:
                return _from_data_url(link, body)
        return _through_redirects(connector, link, deadline)
    except ExchangeFailed as failed:
        return failed.outcome


def _through_redirects(connector: Connector, link: str, deadline: Deadline) -> Outcome:
    base, location = "", link
    for _ in range(_MAX_REDIRECTS + 1):
        parts, addresses = _resolve(connector, base, location, deadline)
        target = parts.path or "/"
        target = f"{target}?{parts.query}" if parts.query else target
        host = parts.netloc.rpartition("@")[2]
        agent = ("User-Agent", USER_AGENT)
        request = Request("GET", target, (("Host", host), agent, ("Accept", "image/*"), ("Connection", "close")))
        outcome = connector.exchange(request, parts, addresses, deadline, MAX_IMAGE_BYTES)
        following = _location(outcome)
        if following is None:
            return outcome
        base, location = parts.geturl(), following
    return Failure("malformed", f"more than {_MAX_REDIRECTS} redirects")


def _resolve(connector: Connector, base: str, link: str, deadline: Deadline) -> tuple[SplitResult, tuple[str, ...]]:
    """Return the parts of a link, relative to a base, and the addresses of its host that may be connected to."""
    if len(link) > MAX_LINK_CHARACTERS:
        raise ExchangeFailed.failed("too-large", f"a link of more than {MAX_LINK_CHARACTERS} characters")
    stray = re.search(r"[^!-~]", link)
    if stray is not None:
        raise ExchangeFailed.failed("malformed", f"not a URL: it holds {stray[0]!a}")
    try:
        parts = urlsplit(urljoin(base, link))
        _ = parts.port
    except ValueError as error:
        raise ExchangeFailed.failed("malformed", f"not a URL: {str(error)[:200]}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ExchangeFailed.failed("forbidden", "not a link of http or https")
    found = connector.look_up(parts, deadline)
    own = connector.look_up(urlsplit(connector.target.base_url), deadline)
    furthest = PRIVATE if any(reach(address) in {PRIVATE, NOWHERE} for address in own) else PUBLIC
    allowed = tuple(address for address in found if reach(address) <= furthest)
    if not allowed:
        raise ExchangeFailed.failed("forbidden", f"{found[0]} is not an address that a response may lead to")
    return parts, allowed


def _location(outcome: Outcome) -> str | None:
    """Return where a response redirects to, or None where it does not."""
    redirects = isinstance(outcome, Response) and outcome.status in {301, 302, 303, 307, 308}
    return outcome.header("location") if isinstance(outcome, Response) and redirects else None


def _from_data_url(link: str, body: Body) -> Response | Failure:
    before, _, data = link[5:].partition(",")
    media_type, _, coding = before[:MAX_LINK_CHARACTERS].partition(";")
    if not link.isascii():
        return Failure("malformed", "not a URL: it holds more than ASCII")
    is_base64 = coding.endswith("base64")
    content = _unquoted(data, MAX_IMAGE_BYTES * 4 // 3 + 4 if is_base64 else MAX_IMAGE_BYTES)
    if is_base64:
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            return Failure("malformed", f"not base64: {error}")
    body.write(content)
    return Response(200, (("Content-Type", media_type),), body.whole())


def _unquoted(text: str, limit: int) -> bytes:
    """Return a text with its percent-encoding decoded, at most `limit` bytes. Raises ExchangeFailed."""
    content, at = bytearray(), 0
    # In pieces, because the library makes an object for each escape.
    while at < len(text):
        end = at + _UNQUOTED_AT_ONCE_CHARACTERS
        cut = text.rfind("%", end - 2, end)
        end = cut if cut > at else end
        content += unquote_to_bytes(text[at:end])
        if len(content) > limit:
            raise ExchangeFailed.failed("too-large", f"a link that holds more than {limit} bytes")
        at = end
    return bytes(content)
