"""A run of the suite on one subject, and its result in a form that can be sent between processes."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping

from attrs import evolve, frozen
from image_variations_conformance.cases.named_case import Depth
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reference.variants import FAULTS
from image_variations_conformance.reports.folder import files_of
from image_variations_conformance.reports.reasons import describe
from image_variations_conformance.wire.reasons import ReportedAs
from image_variations_conformance.wire.target import Target
from starlette.types import ASGIApp

from qualification.profiles import contract_of
from qualification.subjects import KEY, Subject


@frozen
class Spent:
    """The number of requests sent to the operation, and of the images they made."""

    requests: int
    images: int


@frozen
class Trial:
    """The result of the suite on one subject.

    `failed`, `warned`, `left_out` and `prevented` map the ids of requirements to messages. Requirements that were not
    tested are in `left_out` if the depth excludes them, and in `prevented` if something kept them from being tested.
    `passed` are the ids of the requirements that passed, of a pair without those that one fault hides.
    `first` is the cost up to and including the first request with a failure, or None if there is none. `error` is the
    traceback of an exception in the suite, or empty.
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
    passed: frozenset[str] = frozenset()

    @property
    def reported(self) -> set[str]:
        """The ids that were reported, as failures or warnings."""
        return {*self.failed, *self.warned}


def judge_app(app: ASGIApp, subject: Subject, depth: Depth = "standard", max_seconds: float | None = None) -> Run:
    """Run the suite on an ASGI app that accepts KEY, with the seed, the patience and the profile of a subject."""
    contract = contract_of(subject.profile)
    with running(app) as server:
        settings = Settings(
            seed=subject.seed, timeout=subject.patience, depth=depth, max_seconds=max_seconds, contract=contract
        )
        return check(Target.parse(server.base_url, KEY), settings, lambda *_: None)


def attempt(subject: Subject, depth: Depth) -> Trial:
    """Run the suite on a subject. An exception in the suite becomes the error of the trial."""
    started = time.monotonic()
    try:
        # Each fault must be reported by the plan, whatever is drawn at random; and nothing must be that is right.
        max_seconds = 0.0 if subject.kind in {"fault", "pair"} else None
        run = judge_app(subject.service(), subject, depth, max_seconds)
        for _ in files_of(run):
            pass  # whatever a server has sent, there is a report
        _require_reported_echoes(run)
    except Exception:  # noqa: BLE001 - a failure of the suite on one subject must not stop the others
        seconds = time.monotonic() - started
        return Trial(subject, "error", {}, {}, {}, {}, Spent(0, 0), None, seconds, depth, traceback.format_exc())

    def with_verdict(verdict: str) -> dict[str, str]:
        return {it.requirement.id: it.message for it in run.verdicts if it.result == verdict}

    untested = [it for it in run.verdicts if it.missing]
    return Trial(
        subject=subject,
        outcome=run.outcome,
        failed=with_verdict("fail"),
        warned=with_verdict("warn"),
        left_out={it.requirement.id: describe(it.reason) for it in untested if it.reason and not it.blocked},
        prevented={it.requirement.id: describe(it.reason) for it in untested if it.reason and it.blocked},
        passed=_passed(run, subject, depth),
        spent=Spent(run.cost.requests, run.cost.images),
        first=_cost_to_first_failure(run),
        seconds=time.monotonic() - started,
        depth=depth,
    )


def _require_reported_echoes(run: Run) -> None:
    """Raise AssertionError if a verdict only echoes requirements that are not reported themselves."""
    reported = {it.requirement.id for it in run.verdicts if it.result in {"fail", "warn"}}
    echoes = [
        (it.requirement.id, item.reason.ids)
        for it in run.verdicts
        for item in it.items
        if isinstance(item.reason, ReportedAs)
    ]
    while more := {name for name, ids in echoes if reported.intersection(ids)} - reported:
        reported |= more
    hidden = [f"{name} as {' or '.join(ids)}" for name, ids in echoes if name not in reported]
    if hidden:
        raise AssertionError(f"reported nowhere: {hidden}")


def _passed(run: Run, subject: Subject, depth: Depth) -> frozenset[str]:
    """Return the ids that passed; of a pair, without those of a fault that the other one hides.

    A fault is hidden if the server with both answers every request of the run like the server with the other alone.
    """
    passed = frozenset(verdict.requirement.id for verdict in run.verdicts if verdict.result == "pass")
    if subject.kind != "pair" or not passed & set(subject.breaks):
        return passed
    for name in subject.name.split("+"):
        alone = evolve(subject, kind="fault", name=name)
        other = judge_app(alone.service(), alone, depth, max_seconds=0.0)
        if _answers(other) == _answers(run):
            hidden = {it for it in subject.breaks if it not in FAULTS[name].breaks}
            passed -= hidden
    return passed


def _answers(run: Run) -> dict[str, tuple[str, int]]:
    return {label: (it.answer, it.exchange.image_count) for label, it in run.observations.items()}


def _cost_to_first_failure(run: Run) -> Spent | None:
    failing = {finding.label for finding in run.findings if finding.state == "contradicted"}
    requests = images = 0
    for label, observation in run.observations.items():
        if observation.exchange.sent:
            requests += 1 + observation.exchange.retries
            images += observation.exchange.image_count
        if label in failing:
            return Spent(requests, images)
    return None
