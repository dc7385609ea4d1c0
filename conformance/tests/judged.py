"""Runs of the suite on servers of ours, for the tests: over loopback, in this process, quietly."""

import time

from image_variations_conformance import contract
from image_variations_conformance.plan import plan
from image_variations_conformance.reference import running
from image_variations_conformance.run import Run, conclude
from image_variations_conformance.runner import Runner
from image_variations_conformance.transport import Target, Transport
from starlette.types import ASGIApp

KEY = "sk-test-0123456789abcdef"


def judge_app(
    app: ASGIApp, *, seed: int = 1, timeout: float = 20.0, api_key: str | None = KEY, strict: bool = False
) -> Run:
    """Return the run of the suite on an ASGI app."""
    with running(app) as server:
        return judge_url(server.base_url, seed=seed, timeout=timeout, api_key=api_key, strict=strict)


def judge_url(
    base_url: str, *, seed: int = 1, timeout: float = 20.0, api_key: str | None = KEY, strict: bool = False
) -> Run:
    """Return the run of the suite on the server at a base URL."""
    target = Target.parse(base_url, api_key)
    cases = plan(contract.load(), target, seed)
    started = time.monotonic()
    exchanges = Runner(Transport(target, timeout), lambda *_: None).run(cases)
    seconds = time.monotonic() - started
    return conclude(contract.load(), target, cases, exchanges, seed=seed, seconds=seconds, strict=strict)


def verdicts(run: Run, *wanted: str) -> dict[str, str]:
    """Return id and message of each requirement with one of these verdicts."""
    return {it.requirement.id: it.message for it in run.judgements if it.verdict in wanted}
