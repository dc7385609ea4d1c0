"""What a run may cost, in requests and in images, and what it has cost so far."""

from __future__ import annotations

import threading
import time

from attrs import define, field, frozen

from .cases import Case
from .exchange import Exchange
from .oracles.answer import images_made


@frozen
class Limits:
    """The most requests and images of a run, and after how many seconds none is begun; None for what it takes."""

    max_requests: int | None = None
    max_images: int | None = None
    max_seconds: float | None = None


@define
class Budget:
    """Grants cases, and never more than the limits.

    A case is granted with the images that a correct server makes for it, and with all the attempts that a server which
    limits the rate is given. What a server makes beyond that is counted when it is seen.
    """

    limits: Limits = Limits()
    requests: int = 0
    images: int = 0
    started: float = field(factory=time.monotonic)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def refusal(self, case: Case) -> str | None:
        """Take the case into account and return None; or return why it is left out."""
        with self._lock:
            over = self.over()
            if over is not None:
                return over
            if self.limits.max_images is not None and case.price and self.images + case.price > self.limits.max_images:
                images = f"{case.price} image{'' if case.price == 1 else 's'}"
                return f"no room for {images}: of --max-images {self.limits.max_images}, {self._left} left"
            self.requests += 1
            self.images += case.price
            return None

    def over(self, wait_seconds: float = 0.0) -> str | None:
        """Return why not one more request is granted, now or after a wait, be it for nothing; or None."""
        if self.limits.max_requests is not None and self.requests + 1 > self.limits.max_requests:
            return f"--max-requests {self.limits.max_requests} are used up"
        seconds = self.limits.max_seconds
        if seconds is not None and time.monotonic() + wait_seconds - self.started >= seconds:
            return f"--max-seconds {seconds:g} are over"
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
            self.images += images_made(exchange) - case.price

    @property
    def _left(self) -> int:
        return max(0, (self.limits.max_images or 0) - self.images)
