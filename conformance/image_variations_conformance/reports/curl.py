"""The curl command that sends the request of a case again."""

from __future__ import annotations

import re
import shlex

from ..wire.exchange import Exchange
from ..wire.target import Target

# Headers that curl writes itself, and whose values do not matter for a case.
_CURLS_OWN = frozenset({"host", "content-length", "connection", "accept", "user-agent"})


def curl(exchange: Exchange, target: Target, body_file: str | None) -> str:
    """Return the command that sends the same request again, run in the folder that `body_file` is relative to.

    The values of placeholders in the headers (see `redaction`) are taken from environment variables.
    """
    request = exchange.request
    origin = target.base_url[: len(target.base_url) - len(target.path.removesuffix("/images/variations"))]
    words = ["curl", "--silent", "--show-error", "--include", "--request", request.method, origin + request.target]
    quoted = [shlex.quote(word) for word in words]
    for name, value in request.headers:
        if name.lower() in _CURLS_OWN:
            continue
        text = f"{name}: {value}"
        # Double quotes let the shell replace placeholders. Everything else is in single quotes.
        escaped = re.sub(r'([\\"`]|\$(?!\{IMAGE_VARIATIONS_))', r"\\\1", text)
        quoted += ["--header", f'"{escaped}"' if "${IMAGE_VARIATIONS_" in text else shlex.quote(text)]
    if body_file is not None:
        quoted += ["--data-binary", shlex.quote(f"@{body_file}")]
        if request.header("content-type") is None:
            quoted += ["--header", "Content-Type:"]
    return " ".join(quoted)
