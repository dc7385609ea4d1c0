"""Runs of the suite on servers of ours, for the tests: over loopback, in this process, quietly."""

from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reports.reasons import message
from image_variations_conformance.wire.target import Target
from starlette.types import ASGIApp

KEY = "sk-test-0123456789abcdef"
_NO_LIMIT = 1_000_000


def judge_app(
    app: ASGIApp, *, seed: int = 1, timeout: float = 20.0, api_key: str | None = KEY, strict: bool = False
) -> Run:
    """Return the run of the suite on an ASGI app."""
    with running(app) as server:
        return judge_url(server.base_url, seed=seed, timeout=timeout, api_key=api_key, strict=strict)


def judge_url(
    base_url: str, *, seed: int = 1, timeout: float = 20.0, api_key: str | None = KEY, strict: bool = False
) -> Run:
    """Return the run of the suite on the server at a base URL, without limits: some make more than they should."""
    settings = Settings(seed=seed, timeout=timeout, strict=strict, max_requests=_NO_LIMIT, max_images=_NO_LIMIT)
    return check(Target.parse(base_url, api_key), settings, lambda *_: None)


def verdicts(run: Run, *wanted: str) -> dict[str, str]:
    """Return id and message of each requirement with one of these verdicts."""
    return {it.requirement.id: message(it) for it in run.verdicts if it.result in wanted}
