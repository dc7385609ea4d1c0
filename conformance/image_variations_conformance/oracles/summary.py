"""A summary of a response, to compare it with the response to a request that asks for the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from .base import Observation, shortened

_WORDS_CHARACTERS = 120


@frozen
class Summary:
    """Status (0 for no response), number of items, keys of the items, and sizes of the images.

    `sizes` is None where an image was not fetched or cannot be read, and where the contract allows any size, so that
    the sizes are not compared.
    """

    status: int
    count: int
    keys: frozenset[str]
    sizes: frozenset[str] | None

    def matches(self, other: Summary) -> bool:
        """Return whether two summaries are equal, as far as both are known."""
        if None in {self.sizes, other.sizes}:
            return (self.status, self.count, self.keys) == (other.status, other.count, other.keys)
        return self == other

    def __str__(self) -> str:
        if not 200 <= self.status < 300:
            return str(self.status or "no response")
        sizes = "unknown size" if self.sizes is None else ", ".join(sorted(self.sizes)) or "no size"
        return f"{self.count} {'/'.join(sorted(self.keys)) or 'items'} of {sizes}"


def summarize(observation: Observation) -> Summary:
    """Return the summary of the response."""
    if observation.response is None:
        return Summary(0, 0, frozenset(), frozenset())
    content = observation.content
    keys = frozenset(item.key for item in content.items)
    requested = observation.expectation.requested
    are_known = len(content.pictures) == len(content.items) and (requested is None or requested.size is not None)
    sizes = frozenset(picture.size for _, picture in content.pictures) if are_known else None
    return Summary(observation.response.status, len(content.items), keys, sizes)


def differences(observation: Observation) -> frozenset[str]:
    """Return the fields, of n, size and response_format, that the images of a response are not as requested in."""
    requested, shown = observation.expectation.requested, summarize(observation)
    if requested is None:
        return frozenset()
    found = {
        "n": shown.count != requested.n,
        "response_format": shown.keys != {requested.response_format},
        "size": not (shown.sizes is None or requested.size is None or shown.sizes <= {requested.size}),
    }
    return frozenset(name for name, differs in found.items() if differs)


def is_as_in_query(observation: Observation) -> bool:
    """Return whether the images of a response are as the query string of the request asks, where not as the form."""
    query = dict(parse_qsl(urlsplit(observation.exchange.request.target).query))
    shown, different = summarize(observation), differences(observation)
    found = {"n": {str(shown.count)}, "response_format": shown.keys, "size": shown.sizes or frozenset()}
    return bool(different) and all({query.get(name)} == found[name] for name in different)


def words(document: Any) -> str:
    """Return what the server says of an error: the message of an error object, or what frameworks have in `detail`."""
    error = document.get("error", document.get("detail")) if isinstance(document, dict) else None
    if isinstance(error, list) and error:
        # FastAPI lists what is wrong, each with the place.
        error = error[0]
    if isinstance(error, dict):
        place = error.get("loc")
        text = error.get("message", error.get("msg"))
        if isinstance(text, str) and isinstance(place, list) and place:
            return f"{place[-1]}: {text}"
        return text if isinstance(text, str) else ""
    return error if isinstance(error, str) else ""


def quoted(observation: Observation) -> str:
    """Return the server's own words, shortened and in quotation marks; nothing if it has none."""
    text = shortened(words(observation.content.document), _WORDS_CHARACTERS)
    return f"\u201c{text}\u201d" if text else ""
