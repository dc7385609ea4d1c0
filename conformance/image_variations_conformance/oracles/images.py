"""The images that come back: that they are images, of the right size and kind, and variations of what was sent."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from weakref import WeakKeyDictionary

from ..contract.document import Contract
from ..media.pictures import MAX_PICTURE_BYTES, Picture, Unreadable, look, look_into
from ..wire.exchange import Exchange
from ..wire.json_body import NotJson, items, parse_json
from .base import Finding, Observation, judges, judges_run, shortened

_FORMATS = frozenset({"png", "webp", "jpeg"})
# The smallest input whose thumbnail says something.
_TELLING_PIXELS = 16
# On average, at most this part of the other inputs may look more like an answer than its own input does. Pictures made
# without regard to the input come to one half.
MAX_RANK = 0.3
_MOST_COMPARED = 32
# What resizing alone does to a picture, as a mean difference of its samples, 0 to 255. A variation does far more.
MAX_UNCHANGED = 1.5


class NotBase64(ValueError):
    """The text is not strict base64; the message says where it departs."""


def decode_base64(text: str) -> bytes:
    """Return the bytes of a text in RFC 4648 base64: standard alphabet, padded, nothing else.

    Raises NotBase64; also for more than the bytes of any picture that is decoded.
    """
    if len(text) > MAX_PICTURE_BYTES * 4 // 3 + 4:
        raise NotBase64(f"{len(text)} characters are more than any picture takes")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        stray = re.search(r"[^A-Za-z0-9+/=]", text)
        why = f"{stray[0]!r} at {stray.start()} is not of the standard alphabet" if stray is not None else error
        raise NotBase64(f"{why}: {shortened(text, 30)}") from error


# Of each observation that is judged: five oracles ask for its pictures. By the place and the key of an item, so that no
# text of an answer is held for it.
_PICTURES: WeakKeyDictionary[Observation, dict[tuple[int, str], Picture]] = WeakKeyDictionary()


def _seen(it: Observation) -> dict[tuple[int, str], Picture]:
    if it not in _PICTURES:
        _PICTURES[it] = _looked_at(it.exchange)
    return _PICTURES[it]


def _looked_at(exchange: Exchange) -> dict[tuple[int, str], Picture]:
    """Return the images of an accepted answer that decode, whether they came in it or behind links."""
    found: dict[tuple[int, str], Picture] = {}
    if exchange.response is None or exchange.response.status != 200:
        return found
    fetched = {fetch.label: fetch.response for fetch in reversed(exchange.fetches)}
    for item in items(exchange.response):
        with suppress(NotBase64, Unreadable):
            if item.key == "b64_json":
                found[item.at, item.key] = look_into(item.text, decode_base64)
            elif (behind := fetched.get(f"{exchange.label}/{item.at}")) is not None and behind.status == 200:
                found[item.at, item.key] = look(behind.body)
    return found


def look_ahead(exchange: Exchange) -> None:
    """Look at the pictures of an answer, as the oracles will, while others are waited for: decoding takes its time."""
    _looked_at(exchange)


def pictures(it: Observation) -> list[tuple[int, Picture]]:
    """Return the images of an answer that decode, one an item, with the place of the item."""
    found: dict[int, Picture] = {}
    for (at, _), picture in _seen(it).items():
        found.setdefault(at, picture)
    return list(found.items())


@judges("IV-OUT-B64", "IV-OUT-B64-PNG")
def base64_is_an_image(it: Observation, _: Contract) -> Iterator[Finding]:
    """The text of b64_json is strict base64 of one complete image, best of all a PNG."""
    if it.response is None or not it.accepted or it.appraisal.verdict == "invalid":
        return
    for item in items(it.response):
        if item.key != "b64_json":
            continue
        try:
            picture = _seen(it).get((item.at, item.key)) or look_into(item.text, decode_base64)
        except (NotBase64, Unreadable) as problem:
            yield it.finding("IV-OUT-B64", False, f"b64_json of item {item.at}: {problem}")
        else:
            yield it.finding("IV-OUT-B64", True)
            message = f"b64_json of item {item.at}: expected PNG, got {picture.format}"
            yield it.finding("IV-OUT-B64-PNG", picture.format == "png", message)


@judges("IV-OUT-FORMAT", "IV-OUT-SIZE", "IV-SIZE-DEFAULT", "IV-OUT-BLANK")
def images_are_as_asked(it: Observation, _: Contract) -> Iterator[Finding]:
    """Each image is of a known format and of the size that was asked for, and shows something."""
    asked = it.appraisal.asked
    if asked is None or it.response is None or it.compared:
        return
    try:
        said = parse_json(it.response.body).get("output_format")
    except (NotJson, AttributeError):
        said = None
    formats = {said} & _FORMATS if isinstance(said, str) else set()
    requirement = "IV-OUT-SIZE" if "size" in asked.given else "IV-SIZE-DEFAULT"
    for at, picture in pictures(it):
        message = f"item {at}: expected {' or '.join(sorted(formats or _FORMATS))}, got {picture.format}"
        yield it.finding("IV-OUT-FORMAT", picture.format in (formats or _FORMATS), message)
        message = f"item {at}: expected {asked.size}, got {picture.size}"
        yield it.finding(requirement, picture.size == asked.size, message)
        yield it.finding("IV-OUT-BLANK", not picture.one_colour, f"item {at} is of one colour")


@judges("IV-OUT-DISTINCT", "IV-OUT-CHANGED")
def images_vary(it: Observation, _: Contract) -> Iterator[Finding]:
    """The images of one answer differ from each other and from what was sent."""
    if it.response is None or it.appraisal.asked is None:
        return
    shown = pictures(it)
    links = [item.text for item in items(it.response) if item.key == "url"]
    if len(shown) > 1 or len(links) > 1:
        same = len({picture.pixels_sha256 for _, picture in shown}) < len(shown)
        message = f"{len(shown)} images, but not all different" if same else "the same link twice"
        yield it.finding("IV-OUT-DISTINCT", not same and len(set(links)) == len(links), message)
    try:
        sent = look(it.appraisal.image or b"")
    except Unreadable:
        return
    if min(sent.width, sent.height) >= _TELLING_PIXELS:
        for at, picture in shown:
            changed = picture.difference(sent) > MAX_UNCHANGED
            yield it.finding("IV-OUT-CHANGED", changed, f"item {at} is the image that was sent, at most resized")


@judges_run("IV-OUT-RESEMBLES")
def images_resemble_their_own_input(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """Over a run, images look more like the input they were made from than like the inputs of other requests."""
    # What is drawn at random may be a picture of two greys, which looks like anything.
    ranked = list(ranks([it for it in observations if it.exchange.batch is None and not it.drawn]))
    if len(ranked) < 4:
        return
    average = sum(rank for _, rank in ranked) / len(ranked)
    message = f"on average {average:.0%} of the other inputs look more like an answer than its own input does"
    worst = max(ranked, key=lambda pair: pair[1])[0]
    yield worst.finding("IV-OUT-RESEMBLES", average <= MAX_RANK, f"{message} ({len(ranked)} images)")


def ranks(observations: Sequence[Observation]) -> Iterator[tuple[Observation, float]]:
    """Yield for each image the part of the other inputs, 0 to 1, that look more like it than its own input does.

    Of many others, every second is asked, or every third, and so on: that part is the same, and the time stays short.
    """
    inputs: dict[str, Picture] = {}
    for it in observations:
        if it.appraisal.asked is not None and it.appraisal.image is not None:
            try:
                picture = look(it.appraisal.image)
            except Unreadable:
                continue
            if min(picture.width, picture.height) >= _TELLING_PIXELS:
                inputs[it.exchange.label] = picture
    for it in observations:
        own = inputs.get(it.exchange.label)
        others = [other for label, other in inputs.items() if label != it.exchange.label and other != own]
        if own is None or not others:
            continue
        others = others[:: -(-len(others) // _MOST_COMPARED)]
        for _, picture in pictures(it):
            distance, *further = picture.distances([own, *others])
            yield it, sum(other < distance for other in further) / len(others)
