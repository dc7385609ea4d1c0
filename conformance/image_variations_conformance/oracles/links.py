"""Judges the links of responses: their form, their targets, and whether they can be guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..contract.document import Contract
from ..media.pictures import Picture
from ..wire.exchange import MAX_LINK_CHARACTERS, Exchange, NotTested
from ..wire.reasons import RateLimited
from .base import Finding, Observation, is_limit, judges, judges_run, shortened
from .content import STATUSES_OF_FILES

# Links of different responses that differ in one number, by at most so much, can be guessed.
_GUESSABLE_DIFFERENCE = 1000
_LOSSY, _LOSS = frozenset({"jpeg", "webp"}), 2.0
"""The formats that lose something, and the mean difference of samples (0 to 255) that their loss stays below."""
AT_THE_END = "/end"
"""The end of the label of a fetch at the end of a run."""


@judges("IV-URL-ABSOLUTE", "IV-URL-HTTP")
def links_are_absolute(observation: Observation, _: Contract) -> Iterator[Finding]:
    """A link is an absolute URL, preferably of http or https."""
    if observation.expectation.validity == "invalid":
        return
    for item in observation.content.items:
        if item.key != "url":
            continue
        message = f"item {item.at}: expected an absolute URL, got {shortened(item.text, 60)}"
        yield observation.finding("IV-URL-ABSOLUTE", item.scheme is not None, message)
        if item.scheme is not None:
            message = f"item {item.at}: expected http or https, got {shortened(item.text, 60)}"
            yield observation.finding("IV-URL-HTTP", item.scheme in {"http", "https"}, message)


@judges("IV-URL-FETCH", "IV-URL-END", "IV-URL-TYPE")
def links_lead_to_images(observation: Observation, _: Contract) -> Iterator[Finding]:
    """A link leads to a complete image each time that it is followed, without the API key."""
    if observation.expectation.validity == "invalid":
        return
    for fetch, target in zip(observation.exchange.fetches, observation.content.targets, strict=True):
        requirement = "IV-URL-END" if fetch.label.endswith(AT_THE_END) else "IV-URL-FETCH"
        if isinstance(fetch.outcome, NotTested):
            yield observation.not_tested(requirement, fetch.outcome.reason)
            continue
        if is_limit(fetch.response):
            yield observation.not_tested(requirement, RateLimited())
            continue
        problem = _problem(fetch, target) or _other_image(fetch, target, observation)
        link = shortened(fetch.request.target, 60)
        yield observation.finding(requirement, problem is None, f"{link}: {problem}")
        if problem is None and link[:5].lower() == "data:":
            # Nothing of it is kept on the server.
            yield observation.finding("IV-URL-END", True)
        if problem is None and fetch.response is not None:
            media_type = fetch.response.media_type
            message = f"{link}: expected image/…, got {media_type or 'no content type'}"
            yield observation.finding("IV-URL-TYPE", media_type.startswith("image/"), message)


def _other_image(fetch: Exchange, target: Picture | str | None, observation: Observation) -> str | None:
    """Return what is wrong with an image at the end of a run that is not the one that the link returned at first."""
    if not fetch.label.endswith(AT_THE_END) or not isinstance(target, Picture):
        return None
    pairs = zip(observation.exchange.fetches, observation.content.targets, strict=True)
    first = next((it for other, it in pairs if other.request.target == fetch.request.target), None)
    return None if not isinstance(first, Picture) or _is_same(first, target) else "another image than at first"


def _is_same(first: Picture, later: Picture) -> bool:
    """Return whether two pictures are the same, perhaps compressed again on the way with a loss that nobody sees."""
    compressed = not _LOSSY.isdisjoint({first.format, later.format}) and later.size == first.size
    return first.pixels_sha256 == later.pixels_sha256 or (compressed and first.difference(later) < _LOSS)


def _problem(fetch: Exchange, target: Picture | str | None) -> str | None:
    if fetch.response is None:
        return f"no response ({fetch.failure.message if fetch.failure is not None else ''})"
    if fetch.response.status not in STATUSES_OF_FILES:
        return f"expected 200 with an image, got {fetch.response.status}"
    return f"expected a complete image: {target}" if isinstance(target, str) else None


@judges_run("IV-URL-END")
def links_are_given_once(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """No response has the link of an earlier one, unless it leads to the same image still."""
    given: dict[str, tuple[Observation, Picture]] = {}
    for observation in observations:
        for fetch, target in zip(observation.exchange.fetches, observation.content.targets, strict=True):
            link = fetch.request.target
            # A longer link is cut, as a data: URL can be.
            is_whole = len(link) < MAX_LINK_CHARACTERS
            if not isinstance(target, Picture) or fetch.label.endswith(AT_THE_END) or not is_whole:
                continue
            earlier, picture = given.setdefault(link, (observation, target))
            if earlier is not observation and not _is_same(picture, target):
                of_earlier = f"that of {earlier.exchange.label}, to another image"
                message = f"{shortened(link, 60)}: expected a link of its own, got {of_earlier}"
                yield observation.finding("IV-URL-END", False, message)


@judges_run("IV-URL-GUESS")
def links_cannot_be_guessed(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """No link differs from a link of another response by a small change of one number alone."""
    links = [
        (observation, item.text)
        for observation in observations
        for item in observation.content.items
        if item.key == "url" and item.scheme in {"http", "https"} and len(item.text) <= MAX_LINK_CHARACTERS
    ]
    by_pattern: dict[str, list[tuple[Observation, str]]] = {}
    for observation, link in links:
        by_pattern.setdefault(re.sub(r"\d+", "#", link), []).append((observation, link))
    for alike in by_pattern.values():
        ordered = sorted(alike, key=lambda pair: [int(digits) for digits in re.findall(r"\d{1,30}", pair[1])])
        for (one, link), (other, following) in pairwise(ordered):
            if one is not other and _can_be_counted(link, following):
                message = f"{shortened(link)} leads to {shortened(following)} by counting"
                yield one.finding("IV-URL-GUESS", False, message)
                return
    if len({observation.exchange.label for observation, _ in links}) > 1:
        yield links[0][0].finding("IV-URL-GUESS", True)


def _can_be_counted(link: str, following: str) -> bool:
    pairs = zip(re.findall(r"\d{1,30}", link), re.findall(r"\d{1,30}", following), strict=False)
    differences = [abs(int(one) - int(other)) for one, other in pairs if one != other]
    return len(differences) == 1 and differences[0] <= _GUESSABLE_DIFFERENCE
