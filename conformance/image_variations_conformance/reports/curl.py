"""The curl line of a case."""

from __future__ import annotations

import re
import shlex

from ..wire.exchange import Exchange
from ..wire.target import Target

# Headers that curl writes itself, and that say nothing of the case.
_CURLS_OWN = frozenset({"host", "content-length", "connection", "accept", "user-agent"})


def curl(exchange: Exchange, target: Target, body_file: str | None) -> str:
    """Return the command that sends the same request again, from the folder that `body_file` is relative to.

    The placeholders in the headers of the request (see `redaction`) take their values from the environment.
    """
    request = exchange.request
    origin = target.base_url[: len(target.base_url) - len(target.path.removesuffix("/images/variations"))]
    words = ["curl", "--silent", "--show-error", "--include", "--request", request.method, origin + request.target]
    quoted = [shlex.quote(word) for word in words]
    for name, value in request.headers:
        if name.lower() in _CURLS_OWN:
            continue
        text = f"{name}: {value}"
        # Double quotes where the shell is to put something in, single ones everywhere else.
        escaped = re.sub(r'([\\"`]|\$(?!\{IMAGE_VARIATIONS_))', r"\\\1", text)
        quoted += ["--header", f'"{escaped}"' if "${IMAGE_VARIATIONS_" in text else shlex.quote(text)]
    if body_file is not None:
        quoted += ["--data-binary", shlex.quote(f"@{body_file}")]
        if request.header("content-type") is None:
            quoted += ["--header", "Content-Type:"]
    return " ".join(quoted)
