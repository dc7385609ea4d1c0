"""The links of an answer: what they look like, and what they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from urllib.parse import urlsplit

from ..contract.document import Contract
from ..media.pictures import Unreadable, look
from ..wire.exchange import MAX_LINK_CHARACTERS, Exchange, NotTested
from ..wire.json_body import items
from .base import Finding, Observation, judges, judges_run, shortened

# Two links of different answers whose one difference is a number, and that one this small, are a count.
_COUNTED_APART = 1000


@judges("IV-URL-ABSOLUTE", "IV-URL-HTTP")
def links_are_absolute(it: Observation, _: Contract) -> Iterator[Finding]:
    """A link is an absolute URL, best of all http or https."""
    if it.response is None or not it.accepted or it.appraisal.verdict == "invalid":
        return
    for item in items(it.response):
        if item.key != "url":
            continue
        scheme = scheme_of(item.text)
        message = f"item {item.at}: expected an absolute URL, got {shortened(item.text, 60)}"
        yield it.finding("IV-URL-ABSOLUTE", scheme is not None, message)
        if scheme is not None:
            message = f"item {item.at}: expected http or https, got {shortened(item.text, 60)}"
            yield it.finding("IV-URL-HTTP", scheme in {"http", "https"}, message)


def scheme_of(link: str) -> str | None:
    """Return the scheme of an absolute URL, or None where it is not one."""
    # A link may hold its image, and the library keeps what it has split.
    link = link[:MAX_LINK_CHARACTERS]
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    if re.search(r"[\s\\<>\"]", link) or not parts.scheme:
        return None
    return parts.scheme.lower() if parts.hostname or parts.scheme.lower() not in {"http", "https"} else None


@judges("IV-URL-FETCH", "IV-URL-TYPE")
def links_lead_to_images(it: Observation, _: Contract) -> Iterator[Finding]:
    """A link gives a complete image, as often as it is asked, without the key."""
    if it.appraisal.verdict == "invalid":
        return
    for fetch in it.exchange.fetches:
        if isinstance(fetch.outcome, NotTested):
            yield it.not_tested("IV-URL-FETCH", fetch.outcome.reason)
            continue
        problem = _problem(fetch)
        yield it.finding("IV-URL-FETCH", problem is None, f"{shortened(fetch.request.target, 60)}: {problem}")
        if problem is None and fetch.response is not None:
            media_type = fetch.response.media_type
            message = f"{shortened(fetch.request.target, 60)}: expected image/…, got {media_type or 'no content type'}"
            yield it.finding("IV-URL-TYPE", media_type.startswith("image/"), message)


def _problem(fetch: Exchange) -> str | None:
    if fetch.response is None:
        return f"no answer ({fetch.failure.message if fetch.failure is not None else ''})"
    if fetch.response.status != 200:
        return f"expected 200 with an image, got {fetch.response.status}"
    try:
        look(fetch.response.body)
    except Unreadable as error:
        return f"expected a complete image: {error}"
    return None


@judges_run("IV-URL-GUESS")
def links_cannot_be_counted(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """No link of one answer is that of another answer with a number counted up or down."""
    links = [(it, item.text) for it in observations if it.response and it.accepted for item in items(it.response)]
    links = [
        (it, text) for it, text in links if len(text) <= MAX_LINK_CHARACTERS and scheme_of(text) in {"http", "https"}
    ]
    by_shape: dict[str, list[tuple[Observation, str]]] = {}
    for it, text in links:
        by_shape.setdefault(re.sub(r"\d+", "#", text), []).append((it, text))
    counted = None
    for alike in by_shape.values():
        ordered = sorted(alike, key=lambda pair: [int(digits) for digits in re.findall(r"\d{1,30}", pair[1])])
        for (one, link), (other, following) in pairwise(ordered):
            if one is not other and _counted(link, following):
                counted = (one, link, following)
    if counted is not None:
        it, link, following = counted
        yield it.finding("IV-URL-GUESS", False, f"{shortened(link)} leads to {shortened(following)} by counting")
    elif len({it.exchange.label for it, _ in links}) > 1:
        yield links[0][0].finding("IV-URL-GUESS", True)


def _counted(link: str, following: str) -> bool:
    pairs = zip(re.findall(r"\d{1,30}", link), re.findall(r"\d{1,30}", following), strict=False)
    apart = [abs(int(one) - int(other)) for one, other in pairs if one != other]
    return len(apart) == 1 and apart[0] <= _COUNTED_APART
