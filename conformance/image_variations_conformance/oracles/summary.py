"""A summary of a response, to compare it with the response to a request that asks for the same."""

from __future__ import annotations

from attrs import frozen

from .base import Observation


@frozen
class Summary:
    """Status (0 for no response), number of items, keys of the items, and sizes of the images."""

    status: int
    count: int
    keys: frozenset[str]
    sizes: frozenset[str]

    def __str__(self) -> str:
        if self.status != 200:
            return str(self.status or "no response")
        sizes = ", ".join(sorted(self.sizes)) or "no readable size"
        return f"{self.count} {'/'.join(sorted(self.keys)) or 'items'} of {sizes}"


def summarize(observation: Observation) -> Summary:
    """Return the summary of the response."""
    if observation.response is None:
        return Summary(0, 0, frozenset(), frozenset())
    content = observation.content
    sizes = frozenset(picture.size for _, picture in content.pictures)
    return Summary(
        observation.response.status, len(content.items), frozenset(item.key for item in content.items), sizes
    )
