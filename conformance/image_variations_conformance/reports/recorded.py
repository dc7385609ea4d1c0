"""The bytes of an exchange, fit to be kept: without the API key, and with a curl line that sends them again."""

from __future__ import annotations

import shlex

from ..exchange import Exchange, Headers
from ..transport import Target

# What stands for the key wherever it would have stood. A shell puts the key back in.
KEY = "${IMAGE_VARIATIONS_API_KEY}"
# Headers that curl writes itself, and that say nothing of the case.
_CURLS_OWN = frozenset({"host", "content-length", "connection", "accept", "user-agent"})


def without_key(content: bytes, target: Target) -> bytes:
    """Return bytes with a placeholder wherever the API key stood."""
    return content if target.api_key is None else content.replace(target.api_key.encode(), KEY.encode())


def request_head(exchange: Exchange, target: Target) -> bytes:
    """Return request line and headers as they were sent."""
    return without_key(exchange.request.head(), target)


def response_head(exchange: Exchange, target: Target) -> bytes:
    """Return status line and headers of the answer, or why there is none."""
    if exchange.failure is not None:
        return f"no answer: {exchange.failure.kind}, {exchange.failure.message}\n".encode()
    if exchange.response is None:
        return b""
    lines = [f"HTTP/1.1 {exchange.response.status}", *(f"{name}: {value}" for name, value in exchange.response.headers)]
    return without_key("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"), target)


def curl(exchange: Exchange, target: Target, body_file: str | None) -> str:
    """Return the command that sends the same request again, from the folder that `body_file` is relative to.

    The key comes from the environment variable IMAGE_VARIATIONS_API_KEY.
    """
    request = exchange.request
    origin = target.base_url[: len(target.base_url) - len(target.path.removesuffix("/images/variations"))]
    words = ["curl", "--silent", "--show-error", "--include", "--request", request.method, origin + request.target]
    quoted = [shlex.quote(word) for word in words]
    for name, value in _telling(request.headers):
        text = without_key(f"{name}: {value}".encode(), target).decode()
        # Double quotes where the shell is to put the key in, single ones everywhere else.
        quoted += ["--header", f'"{text}"' if KEY in text else shlex.quote(text)]
    if body_file is not None:
        quoted += ["--data-binary", shlex.quote(f"@{body_file}")]
        if request.header("content-type") is None:
            quoted += ["--header", "Content-Type:"]
    return " ".join(quoted)


def _telling(headers: Headers) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() not in _CURLS_OWN)
