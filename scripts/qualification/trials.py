"""The suite, run on one subject, and what is kept of it: little, and able to go from process to process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping

from attrs import frozen
from image_variations_conformance.cases.plan import Depth
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reports.reasons import describe
from image_variations_conformance.wire.target import Target
from starlette.types import ASGIApp

from qualification.subjects import KEY, Subject


@frozen
class Spent:
    """Requests sent to the operation, and images that they made."""

    requests: int
    images: int


@frozen
class Trial:
    """What the suite said of one subject.

    `failed`, `warned` and `left_out` map ids to messages; left out is what the depth does without. `first` is what was
    spent up to and with the first request that showed something wrong, None where nothing was.
    """

    subject: Subject
    outcome: str
    failed: Mapping[str, str]
    warned: Mapping[str, str]
    left_out: Mapping[str, str]
    prevented: Mapping[str, str]
    spent: Spent
    first: Spent | None
    seconds: float
    depth: Depth = "standard"
    error: str = ""

    @property
    def reported(self) -> set[str]:
        """The ids that were reported, as failures or warnings."""
        return {*self.failed, *self.warned}


def judge_app(app: ASGIApp, *, seed: int, timeout: float, depth: Depth = "standard") -> Run:
    """Return the run of the suite on an ASGI app that takes KEY; `timeout` is in seconds, for one request."""
    with running(app) as server:
        settings = Settings(seed=seed, timeout=timeout, depth=depth)
        return check(Target.parse(server.base_url, KEY), settings, lambda *_: None)


def attempt(subject: Subject, depth: Depth) -> Trial:
    """Return the trial of the suite on a subject. An exception in the suite becomes the trial's error."""
    started = time.monotonic()
    try:
        run = judge_app(subject.service(), seed=subject.seed, timeout=subject.patience, depth=depth)
    except Exception:  # noqa: BLE001 - whatever it is, the suite has failed on this subject, and the others wait
        seconds = time.monotonic() - started
        return Trial(subject, "error", {}, {}, {}, {}, Spent(0, 0), None, seconds, depth, traceback.format_exc())

    def with_verdict(verdict: str) -> dict[str, str]:
        return {it.requirement.id: it.message for it in run.verdicts if it.result == verdict}

    untested = [it for it in run.verdicts if it.result == "not-tested" and it.requirement.level != "may"]
    return Trial(
        subject=subject,
        outcome=run.outcome,
        failed=with_verdict("fail"),
        warned=with_verdict("warn"),
        left_out={it.requirement.id: describe(it.reason) for it in untested if it.reason and not it.blocked},
        prevented={it.requirement.id: describe(it.reason) for it in untested if it.reason and it.blocked},
        spent=Spent(run.cost.requests, run.cost.images),
        first=_first(run),
        seconds=time.monotonic() - started,
        depth=depth,
    )


def _first(run: Run) -> Spent | None:
    shown = {finding.label for finding in run.findings if finding.result == "fail"}
    requests = images = 0
    for label, observation in run.observations.items():
        if observation.exchange.sent:
            requests += 1 + observation.exchange.retries
            images += observation.exchange.image_count
        if label in shown:
            return Spent(requests, images)
    return None
