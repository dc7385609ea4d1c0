"""The measures of the suite: how many cases it gets done in a second, and how well it keeps a slow server busy.

A case is counted when it is drawn, sent, answered, appraised and judged by all oracles: what is timed is a whole check,
each with a seed of its own, so that nothing is left from the one before. It is held against the same requests sent and
their answers read, by http.client and with nothing done about them; and against `schemathesis run`, by its own clock,
which starts after its imports, and with `--continue-on-failure`, since it would stop after a handful otherwise.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

from attrs import field, frozen
from image_variations_conformance.checking import Settings, check
from image_variations_conformance.exchange import Request
from image_variations_conformance.fuzzing import batches
from image_variations_conformance.plan import Depth
from image_variations_conformance.run import Run
from image_variations_conformance.transport import Target as Server
from qualification import plain
from qualification.subjects import KEY

from benchmark.environments import Unavailable
from benchmark.figures import Figure, Target, figures
from benchmark.turns import rotate

SUITE, REPLAY, PLAIN = "check --depth deep", "http.client", "schemathesis run"
IDEAL = "images x latency / slots"
_NO_LIMIT = 1_000_000
_LISTENS = re.compile(r"listens at (\S+) ")


@frozen
class Effort:
    """How many rounds each measure has, how long a deep run goes on fuzzing, and how slow the slow server is."""

    rounds: int = 3
    depth: Depth = "deep"
    deep_seconds: float = 20.0
    waits: int = 3
    waiting_depth: Depth = "standard"
    latency_seconds: float = 0.5
    slots: int = 4
    workers: Sequence[int] = (4, 8)


@frozen
class SuiteBench:
    """All that the measures need. `base_url` is the server that answers whatever comes with a picture, from memory."""

    base_url: str
    effort: Effort = Effort()
    _seeds: Iterator[int] = field(factory=lambda: itertools.count(1), repr=False)

    def cases_in_a_second(self) -> list[Figure]:
        """Each case judged, beside the same requests only replayed, and beside the cases of plain Schemathesis."""
        latest: list[Request] = []

        def work(subject: str) -> float:
            if subject == PLAIN:
                return _plain_rate(self.base_url, next(self._seeds))
            if subject == REPLAY:
                return len(latest) / replayed(self.base_url, latest)
            # The server makes images for wrong requests, too: no limit of a depth may be what ends the run.
            settings = Settings(
                seed=next(self._seeds),
                depth=self.effort.depth,
                max_requests=_NO_LIMIT,
                max_images=_NO_LIMIT,
                max_seconds=self.effort.deep_seconds,
            )
            run, seconds = _checked(self.base_url, settings)
            latest[:] = _requests(run)
            return run.cost.requests / seconds

        rounds, notes = rotate((SUITE, REPLAY, PLAIN), self.effort.rounds, work)
        targets = {REPLAY: Target(0.25, "at least", beside=REPLAY), PLAIN: Target(2.5, "at least", beside=PLAIN)}
        return [
            figure
            for beside, target in targets.items()
            for figure in figures(
                f"cases in a second, beside {'the same requests' if beside == REPLAY else beside}",
                "cases/s",
                (SUITE, beside),
                rounds,
                notes=notes,
                targets={SUITE: target},
                compared=False,
            )
        ]

    def waiting(self) -> list[Figure]:
        """The seconds of a whole check on a server that is slow and makes a few images at a time."""
        effort, made = self.effort, []
        with slow_server(effort.latency_seconds, effort.slots) as base_url:
            for workers in effort.workers:
                subject, ideal = f"check --workers {workers}", list[float]()

                def work(_: str, workers: int = workers, ideal: list[float] = ideal) -> float:
                    settings = Settings(seed=next(self._seeds), depth=effort.waiting_depth, workers=workers)
                    run, seconds = _checked(base_url, settings)
                    ideal.append(run.cost.images * effort.latency_seconds / effort.slots)
                    return seconds

                rounds, notes = rotate((subject,), effort.waits, work)
                made += figures(
                    f"{effort.waiting_depth}, at {effort.latency_seconds:g} s an image and {effort.slots} at a time",
                    "s",
                    (subject, IDEAL),
                    {**rounds, IDEAL: ideal[-effort.waits :]},
                    notes=notes,
                    targets={subject: Target(1.3, beside=IDEAL)},
                    compared=False,
                )
        return made


def replayed(base_url: str, requests: Sequence[Request]) -> float:
    """Send requests as they are, one after the other, read the answers, and return the seconds that it took."""
    host, port = urlsplit(base_url).hostname or "", urlsplit(base_url).port
    started = time.perf_counter()
    for request in requests:
        connection = HTTPConnection(host, port)
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value)
        connection.endheaders()
        for piece in request.framed_body():
            connection.send(piece)
        connection.getresponse().read()
        connection.close()
    return time.perf_counter() - started


@contextmanager
def slow_server(latency_seconds: float, slots: int) -> Iterator[str]:
    """Run the reference server in a process of its own for the length of a block; give its base URL."""
    options = ("--port", "0", "--api-key", KEY, "--latency", str(latency_seconds), "--slots", str(slots))
    command = (sys.executable, "-m", "image_variations_conformance", "serve", *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            said = process.stdout.readline() if process.stdout is not None else ""
            listens = _LISTENS.search(said)
            if listens is None:
                raise Unavailable(f"the reference server did not start: {said!r}")
            yield listens[1]
        finally:
            process.terminate()


def _checked(base_url: str, settings: Settings) -> tuple[Run, float]:
    """Check a server, and return the run and its seconds. Raises Unavailable where not all requests were answered."""
    started = time.perf_counter()
    run = check(Server.parse(base_url, KEY), settings, lambda *_: None)
    seconds = time.perf_counter() - started
    failures = [it.exchange.failure for it in run.observations.values() if it.exchange.failure is not None]
    if failures:
        raise Unavailable(f"{len(failures)} requests had no answer: {failures[0].message}")
    return run, seconds


def _plain_rate(base_url: str, seed: int) -> float:
    report = plain.report(base_url, seed, "--continue-on-failure")
    return float(report["test_cases"]["generated"] / report["running_time"])


def _requests(run: Run) -> list[Request]:
    """Return what a run sent, but for what it made smaller: the plan, and the batches of the fuzzing, drawn again."""
    planned = [it.exchange.request for it in run.observations.values() if it.exchange.label in run.cases]
    number = 0 if run.explored is None else run.explored.fuzzed
    drawn = (each.case.request for _, batch in batches(run.contract, run.target, run.seed) for each in batch)
    return planned + list(itertools.islice(drawn, number))
