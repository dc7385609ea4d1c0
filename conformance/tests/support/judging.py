"""Run the suite on a server over loopback, without output."""

from typing import Any

from attrs import evolve
from image_variations_conformance.engine.check import Settings, check
from image_variations_conformance.engine.run import Run
from image_variations_conformance.reference.app.serving import running
from image_variations_conformance.reports.reasons import message
from image_variations_conformance.wire.exchange import Headers
from image_variations_conformance.wire.target import Target
from starlette.types import ASGIApp

KEY = "sk-test-0123456789abcdef"
UNLIMITED = 1_000_000


def judge_app(app: ASGIApp, *, api_key: str | None = KEY, headers: Headers = (), **settings: Any) -> Run:
    """Serve an ASGI app, run the suite on it, and return the run.

    `settings` override the fields of `Settings`; by default requests and images are practically unlimited, and there
    are no random requests.
    """
    with running(app) as server:
        return judge_url(server.base_url, api_key=api_key, headers=headers, **settings)


def judge_url(base_url: str, *, api_key: str | None = KEY, headers: Headers = (), **settings: Any) -> Run:
    """Run the suite on the server at a base URL and return the run. `settings` are as for `judge_app`."""
    defaults = Settings(seed=1, timeout=20.0, max_requests=UNLIMITED, max_images=UNLIMITED, max_seconds=0)
    return check(Target.parse(base_url, api_key, headers), evolve(defaults, **settings), lambda *_: None)


def verdicts(run: Run, *results: str) -> dict[str, str]:
    """Return the message of each verdict with one of these results, by the id of its requirement."""
    return {verdict.requirement.id: message(verdict) for verdict in run.verdicts if verdict.result in results}
