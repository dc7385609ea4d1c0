"""Judges the images of responses: their encoding, format and size, and whether they are variations of the input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..contract.document import Contract
from ..media.pictures import Picture
from .base import Finding, Observation, judges, judges_run
from .content import is_canonical

# Smaller inputs have no thumbnail to compare with.
_MIN_INPUT_PIXELS = 16
MAX_RANK = 0.3
"""The maximum average share of other inputs that resemble an image more than its own input does.

It is about 0.5 for images that do not depend on the input.
"""
_MAX_COMPARED = 32
MAX_UNCHANGED = 1.5
"""The mean difference of a sample, 0 to 255, up to which an image may be the input, only resized.

A variation differs far more.
"""


@judges("IV-OUT-B64", "IV-OUT-B64-PNG", "IV-OUT-B64-CANONICAL")
def base64_is_an_image(observation: Observation, _: Contract) -> Iterator[Finding]:
    """The text of b64_json is strict base64 of one complete image, preferably a PNG."""
    if observation.expectation.validity == "invalid":
        return
    for (at, key), picture in observation.content.images.items():
        if key != "b64_json":
            continue
        if isinstance(picture, str):
            yield observation.finding("IV-OUT-B64", False, f"b64_json of item {at}: {picture}")
        else:
            yield observation.finding("IV-OUT-B64", True)
            message = f"b64_json of item {at}: expected PNG, got {picture.format}"
            yield observation.finding("IV-OUT-B64-PNG", picture.format == "png", message)
    for item, end in zip(observation.content.items, observation.content.endings, strict=True):
        if item.key == "b64_json" and isinstance(observation.content.images.get((item.at, item.key)), Picture):
            message = f"b64_json of item {item.at} ends in {end!a}, whose unused bits are not zero"
            yield observation.finding("IV-OUT-B64-CANONICAL", is_canonical(end), message)


@judges("IV-OUT-FORMAT", "IV-OUT-SIZE", "IV-SIZE-DEFAULT", "IV-OUT-BLANK")
def images_are_as_requested(observation: Observation, contract: Contract) -> Iterator[Finding]:
    """Each image has a known format and the requested size, and is not blank."""
    requested, document = observation.expectation.requested, observation.content.document
    if requested is None or observation.has_query:
        return
    declared = document.get("output_format") if isinstance(document, dict) else None
    known = contract.response_values("output_format")
    formats = (declared,) if declared in known else known
    requirement = "IV-OUT-SIZE" if "size" in requested.explicit else "IV-SIZE-DEFAULT"
    for at, picture in observation.content.pictures:
        message = f"item {at}: expected {' or '.join(formats)}, got {picture.format}"
        yield observation.finding("IV-OUT-FORMAT", picture.format in formats, message)
        message = f"item {at}: expected {requested.size}, got {picture.size}"
        if requested.size is not None:
            yield observation.finding(requirement, picture.size == requested.size, message)
        sent = observation.input
        if sent is not None and not sent.one_colour:
            yield observation.finding("IV-OUT-BLANK", not picture.one_colour, f"item {at} is of one colour")


@judges("IV-RES-SIZE-TRUE", "IV-RES-BACKGROUND-TRUE")
def members_are_true_of_the_images(observation: Observation, _: Contract) -> Iterator[Finding]:
    """The members size and background of a response, if they are there, say what the images are."""
    document = observation.content.document
    if not isinstance(document, dict) or observation.expectation.validity == "invalid":
        return
    size, background = document.get("size"), document.get("background")
    for at, picture in observation.content.pictures:
        message = f"size is {size!r:.40}, but item {at} is {picture.size}"
        # Another value than a size is reported by the schema.
        is_true = not isinstance(size, str) or not re.fullmatch(r"\d+x\d+", size) or size == picture.size
        yield observation.finding("IV-RES-SIZE-TRUE", is_true, message)
        shown = "transparent" if picture.is_transparent else "opaque"
        message = f"background is {background!r:.40}, but item {at} is {shown}"
        # A tuple, because a server may send what has no hash.
        is_true = background not in ("transparent", "opaque") or background == shown
        yield observation.finding("IV-RES-BACKGROUND-TRUE", is_true, message)


@judges("IV-OUT-DISTINCT", "IV-OUT-CHANGED")
def images_vary(observation: Observation, _: Contract) -> Iterator[Finding]:
    """The images of one response differ from each other and from the input."""
    if observation.expectation.requested is None:
        return
    content, sent = observation.content, observation.input
    shown = content.pictures
    links = [digest for item, digest in zip(content.items, content.digests, strict=True) if item.key == "url"]
    is_blank = sent is not None and sent.one_colour
    # Variations of a picture in which nothing is visible may all be like it.
    if not is_blank and (len(shown) > 1 or len(links) > 1):
        same = len({picture.pixels_sha256 for _, picture in shown}) < len(shown)
        message = f"{len(shown)} images, but not all different" if same else "the same link twice"
        yield observation.finding("IV-OUT-DISTINCT", not same and len(set(links)) == len(links), message)
    if sent is not None and not is_blank and min(sent.width, sent.height) >= _MIN_INPUT_PIXELS:
        for at, picture in shown:
            difference = picture.difference(sent)
            message = f"item {at} is the input, at most resized: samples differ by {difference:.1f} of 255 on average"
            yield observation.finding("IV-OUT-CHANGED", difference > MAX_UNCHANGED, message)


@judges_run("IV-OUT-RESEMBLES")
def images_resemble_their_own_input(observations: Sequence[Observation], _: Contract) -> Iterator[Finding]:
    """Over a run, images resemble the input that they were made from more than the inputs of other requests."""
    # A random input may be a picture of two greys, which resembles everything.
    alone = [each for each in observations if each.is_alone and not each.is_random]
    ranked = list(ranks(alone))
    if len(ranked) < 4:
        return
    average = sum(rank for _, rank in ranked) / len(ranked)
    message = f"on average {average:.0%} of the other inputs resemble an image more than its own input does"
    repeated = next(((it, other) for it, other in repeated_images(observations) if it.is_alone or other.is_alone), None)
    if repeated is not None and not any(picture.one_colour for _, picture in repeated[0].content.pictures):
        message = f"the image is that of {repeated[1].exchange.label}, which had another input"
        yield repeated[0].finding("IV-OUT-RESEMBLES", False, message)
        return
    for response_format in dict.fromkeys(_format_of(observation) for observation, _ in ranked):
        of_format = [pair for pair in ranked if _format_of(pair[0]) == response_format]
        worst = max(of_format, key=lambda pair: pair[1])[0]
        yield worst.finding("IV-OUT-RESEMBLES", average <= MAX_RANK, f"{message} ({len(ranked)} images)")


def repeated_images(observations: Sequence[Observation]) -> Iterator[tuple[Observation, Observation]]:
    """Yield each response with the same image as an earlier one for another input, and that earlier one."""
    first: dict[str, Observation] = {}
    for observation in observations:
        sent = observation.input
        if sent is None or sent.one_colour:
            continue
        for _, picture in observation.content.pictures:
            earlier = first.setdefault(picture.pixels_sha256, observation)
            if earlier.input is not None and earlier.input.pixels_sha256 != sent.pixels_sha256:
                yield observation, earlier
                break


def _format_of(observation: Observation) -> str | None:
    requested = observation.expectation.requested
    return None if requested is None else requested.response_format


def ranks(observations: Sequence[Observation]) -> Iterator[tuple[Observation, float]]:
    """Yield for each image the share of the other inputs, 0 to 1, that resemble it more than its own input does.

    Of many other inputs, an evenly spaced sample is compared.
    """
    inputs: dict[str, Picture] = {
        observation.exchange.label: sent
        for observation in observations
        # Servers that drop the alpha channel see something else in a wholly transparent picture.
        if (sent := observation.input) is not None
        and min(sent.width, sent.height) >= _MIN_INPUT_PIXELS
        and not sent.one_colour
    }
    for observation in observations:
        own = inputs.get(observation.exchange.label)
        others = [other for other in inputs.values() if other != own]
        if own is None or not others:
            continue
        others = others[:: -(-len(others) // _MAX_COMPARED)]
        for _, picture in observation.content.pictures:
            distance, *further = picture.distances([own, *others])
            yield observation, sum(other < distance for other in further) / len(others)
