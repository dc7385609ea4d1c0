"""The budget of a run, in requests, images, followed links and seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from attrs import define, field, frozen

from ..cases.case import MOST_IMAGES, Case
from ..contract.evidence import MANY_IMAGES
from ..wire.reasons import (
    InvalidAccepted,
    InvalidCostsImage,
    MakesAsMany,
    MaxFetches,
    MaxImages,
    MaxRequests,
    MaxSeconds,
    Reason,
    RequestsRepeated,
    TooManyImages,
)


@frozen
class Limits:
    """The most requests, images, seconds and followed links of a run; None for no limit."""

    max_requests: int | None = None
    max_images: int | None = None
    max_seconds: float | None = None
    max_fetches: int | None = None


@define
class Budget:
    """Grants cases, never beyond the limits.

    A case is granted with the images that a correct server makes for it. Images beyond that are counted when they are
    seen, and expected from then on.

    A case that is not set aside gets none of the images that are. A server that accepts invalid requests makes images
    for them, too. Where those would use up the images set aside, one invalid request is sent for each set of violated
    requirements; once no image is left but for the last valid request, none. After as many images as an invalid n asks
    for, no invalid request asks for many.
    """

    limits: Limits = Limits()
    requests: int = 0
    repeated: int = 0
    """How many of the requests were sent because others had been limited."""
    images: int = 0
    fetches: int = 0
    started: float = field(factory=time.monotonic)
    kept_back: int = 0
    """How many requests are not granted for now, so that they are left for the end."""
    fetches_kept_back: int = 0
    """How many links are not followed for now, so that they are left for the end."""
    # Images of the cases of the plan that are still to come, by label.
    _set_aside: dict[str, int] = field(factory=dict, repr=False)
    _last: str = ""
    # The first invalid request that was accepted, by the requirements that it violates.
    _accepted_invalid: dict[frozenset[str], str] = field(factory=dict, repr=False)
    # The invalid n that was accepted with as many images as it asks for.
    _as_many: str = ""
    # How many more images than requested the server has made at most for a valid request.
    _excess: int = 0
    # Images expected from the cases under way, by label.
    _expected: dict[str, int] = field(factory=dict, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def set_aside(self, images: Mapping[str, int], last: str = "") -> None:
        """Set aside so many images for cases, by label. No other case ever gets those of the case `last`."""
        self._set_aside |= images
        self._last = last

    @property
    def _reserved(self) -> int:
        """How many images this server is expected to make for the cases that images are set aside for."""
        return sum(self._set_aside.values()) + self._excess * len(self._set_aside)

    @property
    def _of_last(self) -> int:
        """How many images are kept for the last case until it is sent, from all others."""
        return self._set_aside[self._last] + self._excess if self._last in self._set_aside else 0

    def refusal(self, case: Case) -> Reason | None:
        """Count the case and return None, or return why it must not be sent."""
        with self._lock:
            over = self._too_many(case) or self.over()
            if over is not None:
                return over
            mine = self._set_aside.pop(case.label, 0)
            expected = self._expected_images(case)
            over = (
                self._no_image_left(expected, mine) if case.image_count else self._no_room_for_invalid(case, expected)
            )
            if over is not None:
                return over
            self.requests += 1
            self.images += expected
            self._expected[case.label] = expected
            return None

    def _too_many(self, case: Case) -> Reason | None:
        """Return why a case asks for more images than any run does, or None."""
        if case.image_count > MOST_IMAGES:
            return TooManyImages(case.image_count)
        many = not case.image_count and case.expectation.asked_images > MANY_IMAGES
        return MakesAsMany(self._as_many) if many and self._as_many else None

    def _expected_images(self, case: Case) -> int:
        """Return how many images this server is expected to make for a case."""
        if case.image_count:
            return case.image_count + self._excess
        return 1 + self._excess if self._accepted_invalid else 0

    def _no_image_left(self, expected: int, mine: int) -> Reason | None:
        """Return why a valid case gets no image, or None. `expected` are its images, `mine` those set aside for it."""
        limit = self.limits.max_images
        if limit is None:
            return None
        left = limit - self.images - (self._of_last if mine else self._reserved)
        return None if expected <= left else MaxImages(limit, max(0, left), expected)

    def _no_room_for_invalid(self, case: Case, expected: int) -> Reason | None:
        limit = self.limits.max_images
        if limit is None or not self._accepted_invalid:
            return None
        if self.images + expected + self._of_last > limit:
            return InvalidCostsImage(limit)
        violated = case.expectation.violated
        shown = self._accepted_invalid.get(violated) if violated else None
        if shown is None or self.images + expected + self._reserved <= limit:
            return None
        return InvalidAccepted(shown, limit)

    def over(self, wait_seconds: float = 0.0) -> Reason | None:
        """Return why no further request is granted, now or after a wait, even one without images; or None."""
        if self.limits.max_requests is not None and self.requests + 1 > self.limits.max_requests - self.kept_back:
            fewer = self.requests - self.repeated + 1 <= self.limits.max_requests - self.kept_back
            return RequestsRepeated(self.limits.max_requests) if fewer else MaxRequests(self.limits.max_requests)
        seconds = self.limits.max_seconds
        if seconds is not None and time.monotonic() + wait_seconds - self.started >= seconds:
            return MaxSeconds(seconds)
        return None

    def seconds_left(self) -> float | None:
        """Return how many seconds of the run are left, or None where there is no limit."""
        if self.limits.max_seconds is None:
            return None
        return max(0.0, self.started + self.limits.max_seconds - time.monotonic())

    def images_left(self) -> int | None:
        """Return how many images no case is waiting for, or None where there is no limit."""
        limit = self.limits.max_images
        return None if limit is None else max(0, limit - self.images - self._reserved)

    def fetch_refusal(self) -> Reason | None:
        """Count a link to follow and return None, or return why it must not be followed."""
        with self._lock:
            if self.seconds_left() == 0 and self.limits.max_seconds is not None:
                return MaxSeconds(self.limits.max_seconds)
            limit = self.limits.max_fetches
            if limit is not None and self.fetches >= limit - self.fetches_kept_back:
                return MaxFetches(limit)
            self.fetches += 1
            return None

    def retry_refusal(self, wait_seconds: float = 0.0) -> Reason | None:
        """Count one more attempt at a granted case, after a wait, and return None, or why there is no room for it."""
        with self._lock:
            over = self.over(wait_seconds)
            if over is None:
                self.requests += 1
                self.repeated += 1
            return over

    def settle(self, case: Case, images: int) -> None:
        """Replace the expected images of a granted case by the number of images in its response."""
        with self._lock:
            self.images += images - self._expected.pop(case.label, case.image_count)
            if case.image_count:
                self._excess = max(self._excess, images - case.image_count)
            elif images:
                # What a preparation breaks is still to be shown by a case of its own.
                violated = frozenset[str]() if case.is_preparation else case.expectation.violated
                self._accepted_invalid.setdefault(violated, case.label)
                if images == case.expectation.asked_images > 1 and "n" in {
                    it.field for it in case.expectation.violations
                }:
                    self._as_many = self._as_many or case.label
