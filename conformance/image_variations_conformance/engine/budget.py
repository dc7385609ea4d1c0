"""What a run may cost, in requests and in images, and what it has cost so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from attrs import define, field, frozen

from ..cases.case import Case
from ..wire.exchange import Exchange
from ..wire.json_body import images_made
from ..wire.reasons import InvalidAccepted, InvalidCostsImage, MaxFetches, MaxImages, MaxRequests, MaxSeconds, Reason


@frozen
class Limits:
    """The most requests, images, seconds and followed links of a run; None for as many as it takes."""

    max_requests: int | None = None
    max_images: int | None = None
    max_seconds: float | None = None
    max_fetches: int | None = None


@define
class Budget:
    """Grants cases, and never more than the limits.

    A case is granted with the images that a correct server makes for it, and with all the attempts that a server which
    limits the rate is given. What a server makes beyond that is counted when it is seen, and from then on expected.

    A server that takes wrong requests makes images for them, too. Where those would use up what is set aside for the
    right ones, each requirement is seen broken in that way once and not again; and where no image is left, none of
    them is granted any more.
    """

    limits: Limits = Limits()
    requests: int = 0
    images: int = 0
    fetches: int = 0
    started: float = field(factory=time.monotonic)
    # The prices of the cases of the plan that are still to come, by their labels.
    _set_aside: dict[str, int] = field(factory=dict, repr=False)
    # By what it offends: the first wrong request for which images were made all the same.
    _taken: dict[frozenset[str], str] = field(factory=dict, repr=False)
    # How many more images than were asked for the server has made at most for a right request.
    _beyond: int = 0
    # The images that the cases under way are expected to bring, by their labels.
    _expected: dict[str, int] = field(factory=dict, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def set_aside(self, cases: Iterable[Case]) -> None:
        """Set aside what these cases are going to cost."""
        self._set_aside |= {case.label: case.price for case in cases if case.price}

    def refusal(self, case: Case) -> Reason | None:
        """Count the case and return None; or return why there is no room for it."""
        with self._lock:
            over = self.over()
            if over is not None:
                return over
            self._set_aside.pop(case.label, None)
            # How many images this server is going to make for it, as far as it is known.
            expected = case.price + self._beyond if case.price else (1 + self._beyond if self._taken else 0)
            over = self._too_dear(case, expected) if case.price else self._too_often(case, expected)
            if over is not None:
                return over
            self.requests += 1
            self.images += expected
            self._expected[case.label] = expected
            return None

    def _too_dear(self, case: Case, expected: int) -> Reason | None:
        most = self.limits.max_images
        if most is None or self.images + expected <= most:
            return None
        return MaxImages(most, max(0, most - self.images), case.price)

    def _too_often(self, case: Case, expected: int) -> Reason | None:
        """Return why a case that a right server makes no image for is left out with this server."""
        most = self.limits.max_images
        if most is None or not self._taken:
            return None
        if self.images + expected > most:
            return InvalidCostsImage(most)
        shown = self._taken.get(case.offends) if case.offends else None
        if shown is None or self.images + expected + sum(self._set_aside.values()) <= most:
            return None
        return InvalidAccepted(shown, most)

    def over(self, wait_seconds: float = 0.0) -> Reason | None:
        """Return why not one more request is granted, now or after a wait, be it for nothing; or None."""
        if self.limits.max_requests is not None and self.requests + 1 > self.limits.max_requests:
            return MaxRequests(self.limits.max_requests)
        seconds = self.limits.max_seconds
        if seconds is not None and time.monotonic() + wait_seconds - self.started >= seconds:
            return MaxSeconds(seconds)
        return None

    def seconds_left(self) -> float | None:
        """Return how many seconds of the run are left, or None where there is no limit."""
        if self.limits.max_seconds is None:
            return None
        return max(0.0, self.started + self.limits.max_seconds - time.monotonic())

    def fetch_refusal(self) -> Reason | None:
        """Count a link that is to be followed and return None; or return why there is no room for it."""
        with self._lock:
            if self.seconds_left() == 0 and self.limits.max_seconds is not None:
                return MaxSeconds(self.limits.max_seconds)
            if self.limits.max_fetches is not None and self.fetches >= self.limits.max_fetches:
                return MaxFetches(self.limits.max_fetches)
            self.fetches += 1
            return None

    def retried(self, wait_seconds: float = 0.0) -> bool:
        """Take one more attempt at a granted case, after a wait, into account; return whether there is room for it."""
        with self._lock:
            if self.over(wait_seconds) is not None:
                return False
            self.requests += 1
            return True

    def settle(self, case: Case, exchange: Exchange) -> None:
        """Count what was really made for a granted case."""
        with self._lock:
            made = images_made(exchange)
            self.images += made - self._expected.pop(case.label, case.price)
            if case.price:
                self._beyond = max(self._beyond, made - case.price)
            elif made:
                self._taken.setdefault(case.offends, case.label)
