"""The transport: sends the requests of a run to its target and fetches the links of the responses.

Each request has a connection of its own, unless it names one that is kept, so that no exchange influences the next. It
is sent exactly as it is, since it may be invalid on purpose. One deadline covers the whole exchange: host lookup, TLS,
the response, and all redirects of a link. A failed exchange is an outcome, and not an exception.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from ..wire.exchange import MAX_LINK_CHARACTERS, Exchange, Failure, NotTested, Outcome, Request
from ..wire.reasons import LinksTimedOut
from .connector import Connector
from .failed import ExchangeFailed
from .links import follow

# Ten RGBA images of 1024x1024, uncompressed and in base64, are 56 MiB.
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
# Ten links per response that time out after a minute each would take days.
_MAX_TIMED_OUT_LINKS = 5


@frozen
class Transport(Connector):
    """The transport of one run: it knows how much memory the responses take together, and which links timed out."""

    _timed_out_links: list[str] = field(factory=list, repr=False)

    def branch(self) -> Transport:
        """Return a transport of the same run for responses that are not kept."""
        return evolve(self, memory=self._memory.branch())

    def send(
        self,
        label: str,
        request: Request,
        concurrent_with: str | None = None,
        most_seconds: float | None = None,
        connection: str | None = None,
    ) -> Exchange:
        """Send a request to the target and return the exchange, within the timeout and within `most_seconds`.

        With `connection`, it is sent on the kept connection of that name.
        """
        started, clock = time.time(), time.monotonic()
        deadline = self.deadline(most_seconds)
        parts = urlsplit(self.target.base_url)
        outcome = self.exchange(request, parts, None, deadline, MAX_RESPONSE_BYTES, connection)
        seconds = time.monotonic() - clock
        after = self._had.get(connection, ())
        if connection is not None:
            self._had[connection] = (*after, label)
        return Exchange(label, request, outcome, started, seconds, concurrent_with, connection, after=after)

    def reachable(self) -> bool:
        """Return whether the target accepts connections. Nothing is sent."""
        try:
            self.connect(urlsplit(self.target.base_url), None, self.deadline(None)).close()
        except ExchangeFailed as failed:
            # A server that resets connections is running.
            return isinstance(failed.outcome, Failure) and failed.outcome.kind == "dropped"
        return True

    def fetch(self, label: str, link: str, most_seconds: float | None = None) -> Exchange:
        """Follow a link of a response and return the exchange, within the timeout and within `most_seconds`.

        The target of its request is the link, cut to MAX_LINK_CHARACTERS. Once some links have timed out, further ones
        are not followed.
        """
        started, clock = time.time(), time.monotonic()
        outcome: Outcome
        if len(self._timed_out_links) >= _MAX_TIMED_OUT_LINKS and link[:5].lower() != "data:":
            outcome = NotTested(LinksTimedOut(_MAX_TIMED_OUT_LINKS, self._timed_out_links[-1]))
        else:
            outcome = follow(self, link, self.deadline(most_seconds))
            if isinstance(outcome, Failure) and outcome.kind == "timeout":
                self._timed_out_links.append(label)
        request = Request("GET", link[:MAX_LINK_CHARACTERS], ())
        return Exchange(label, request, outcome, started, time.monotonic() - clock)
