"""The bytes of an exchange, fit to be kept: without the API key and the values of the user's own headers.

A curl line sends them again, and takes both from the environment: IMAGE_VARIATIONS_API_KEY, and for a header such as
X-Token, IMAGE_VARIATIONS_HEADER_X_TOKEN.
"""

from __future__ import annotations

import re
import shlex

from attrs import evolve

from ..exchange import Exchange, Headers, secrets_of
from ..transport import Target

# What stands for the key wherever it would have stood. A shell puts the key back in.
KEY = "${IMAGE_VARIATIONS_API_KEY}"
# Headers that curl writes itself, and that say nothing of the case.
_CURLS_OWN = frozenset({"host", "content-length", "connection", "accept", "user-agent"})


def without_key(content: bytes, target: Target) -> bytes:
    """Return bytes with a placeholder wherever the API key stood."""
    return content if target.api_key is None else content.replace(target.api_key.encode(), KEY.encode())


def without_secrets(content: bytes, target: Target) -> bytes:
    """Return bytes of an answer with a placeholder wherever it quotes the API key or a header of the user's."""
    content = without_key(content, target)
    for name, value in target.headers:
        for secret in secrets_of(value):
            content = content.replace(secret.encode("utf-8", "surrogateescape"), placeholder(name).encode())
    return content


def placeholder(name: str) -> str:
    """Return what stands for the value of one of the user's headers."""
    return f"${{IMAGE_VARIATIONS_HEADER_{re.sub('[^A-Z0-9]', '_', name.upper())}}}"


def request_head(exchange: Exchange, target: Target) -> bytes:
    """Return request line and headers as they were sent."""
    request = evolve(exchange.request, headers=_veiled(exchange.request.headers, target))
    return without_key(request.head(), target)


def _veiled(headers: Headers, target: Target) -> Headers:
    own = set(target.headers)
    return tuple((name, placeholder(name) if (name, value) in own else value) for name, value in headers)


def response_head(exchange: Exchange, target: Target) -> bytes:
    """Return status line and headers of the answer, or why there is none."""
    if exchange.failure is not None:
        return without_secrets(f"no answer: {exchange.failure.kind}, {exchange.failure.message}\n".encode(), target)
    if exchange.response is None:
        return b""
    lines = [f"HTTP/1.1 {exchange.response.status}", *(f"{name}: {value}" for name, value in exchange.response.headers)]
    return without_secrets("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"), target)


def curl(exchange: Exchange, target: Target, body_file: str | None) -> str:
    """Return the command that sends the same request again, from the folder that `body_file` is relative to.

    The key and the user's own headers come from the environment.
    """
    request = exchange.request
    origin = target.base_url[: len(target.base_url) - len(target.path.removesuffix("/images/variations"))]
    words = ["curl", "--silent", "--show-error", "--include", "--request", request.method, origin + request.target]
    quoted = [shlex.quote(word) for word in words]
    for name, value in _telling(_veiled(request.headers, target)):
        text = without_key(f"{name}: {value}".encode(), target).decode()
        # Double quotes where the shell is to put something in, single ones everywhere else.
        veiled = "${IMAGE_VARIATIONS_" in text
        escaped = re.sub(r'([\\"`]|\$(?!\{IMAGE_VARIATIONS_))', r"\\\1", text)
        quoted += ["--header", f'"{escaped}"' if veiled else shlex.quote(text)]
    if body_file is not None:
        quoted += ["--data-binary", shlex.quote(f"@{body_file}")]
        if request.header("content-type") is None:
            quoted += ["--header", "Content-Type:"]
    return " ".join(quoted)


def _telling(headers: Headers) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() not in _CURLS_OWN)
