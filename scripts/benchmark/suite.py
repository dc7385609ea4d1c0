"""The measure of the suite: cases per second of a deep check, compared with plain Schemathesis."""

from __future__ import annotations

import itertools
import time

from image_variations_conformance.cases.named_case import Depth
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.wire.target import Target as Server

from benchmark import plain_schemathesis
from benchmark.environments import Unavailable
from benchmark.figures import Figure, Target, figures
from benchmark.turns import rotate

SUITE, PLAIN = "check --depth deep", "schemathesis run"
_KEY = "sk-bench-0123456789abcdef"
_NO_LIMIT = 1_000_000


def cases_per_second(
    base_url: str, *, rounds: int = 3, depth: Depth = "deep", max_seconds: float = 20.0
) -> list[Figure]:
    """Return the cases per second of `check` and of `schemathesis run` against the server at `base_url`.

    A case of `check` is a request that is generated and sent, and whose response is judged by all oracles; the time is
    that of the whole run. The time of Schemathesis is the running time in its own report, which leaves out its imports.
    """
    seeds = itertools.count(1)

    def work(subject: str) -> float:
        if subject == PLAIN:
            # Without --continue-on-failure it would stop after a few cases.
            report = plain_schemathesis.report(base_url, _KEY, next(seeds), "--continue-on-failure")
            return float(report["test_cases"]["generated"] / report["running_time"])
        # The server sends images for invalid requests too, so there is no limit but the time.
        settings = Settings(
            seed=next(seeds), depth=depth, max_requests=_NO_LIMIT, max_images=_NO_LIMIT, max_seconds=max_seconds
        )
        return _check_rate(base_url, settings)

    targets = {SUITE: Target(3.0, "at least", beside=PLAIN)}
    return figures("cases per second", "cases/s", (SUITE, PLAIN), *rotate((SUITE, PLAIN), rounds, work), targets)


def _check_rate(base_url: str, settings: Settings) -> float:
    """Return the cases per second of a check. Raise Unavailable if a request had no response."""
    started = time.perf_counter()
    run = check(Server.parse(base_url, _KEY), settings, lambda *_: None)
    seconds = time.perf_counter() - started
    failures = [it.exchange.failure for it in run.observations.values() if it.exchange.failure is not None]
    if failures:
        raise Unavailable(f"{len(failures)} requests had no response: {failures[0].message}")
    return run.cost.requests / seconds
