"""The options of a client."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ._document import API_KEY_VARIABLE, BASE_URL_VARIABLE, DEFAULT_BASE_URL, KEY_IS_REQUIRED
from .errors import ImageVariationsError

DEFAULT_TIMEOUT_SECONDS = 600.0
DEFAULT_MAX_RETRIES = 2
DEFAULT_MAX_RESPONSE_BYTES = 1 << 26  # ten images of 1024x1024 in base64, which cannot be compressed, have 56 MB
DEFAULT_MAX_DOWNLOAD_BYTES = 1 << 26

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110: visible characters, with spaces and tabs between them. Only ASCII, because servers differ on the rest.
_HEADER_VALUE = re.compile(r"([\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?)?")

# The headers that describe the encoding of the body, which the client sets.
_FRAMING = frozenset({"content-length", "content-type", "transfer-encoding"})


class Options:
    """The options of a client, which are validated and never change.

    Raises `ImageVariationsError` for an invalid option.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_SECONDS,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, str] | None = None,
        preflight: bool = True,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        allow_private_links: bool | None = None,
    ) -> None:
        self.api_key = _api_key() if api_key is None else api_key
        self.base_url = (base_url or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL).rstrip("/")
        self.timeout = timeout
        self.max_retries = max_retries
        self.default_headers: Mapping[str, str] = dict(default_headers or {})
        self.default_query: Mapping[str, str] = dict(default_query or {})
        self.preflight = preflight
        self.max_response_bytes = max_response_bytes
        self.allow_private_links = allow_private_links
        if not _HEADER_VALUE.fullmatch(self.api_key):
            raise ImageVariationsError(
                "api_key holds a character that cannot be sent in a header, such as a line break."
            )
        _require_base_url(self.base_url)
        require_timeout(timeout)
        _require_number("max_retries", max_retries, 0)
        _require_number("max_response_bytes", max_response_bytes, 1)
        require_headers(self.default_headers)

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """Return a copy with other options. The default headers and query parameters are added to the existing ones.

        None for `api_key` or `base_url` reads the environment variable again.
        """
        settings = {**vars(self), **changes}
        for name in ("default_headers", "default_query"):
            settings[name] = {**getattr(self, name), **(settings[name] or {})}
        return Options(**settings)


def _api_key() -> str:
    key = os.environ.get(API_KEY_VARIABLE)
    if key is None and KEY_IS_REQUIRED:
        raise ImageVariationsError(
            f"There is no API key: pass api_key=, or set {API_KEY_VARIABLE}. "
            "For a server that asks for none, pass api_key=''."
        )
    return key or ""


def require_headers(headers: Mapping[str, str]) -> None:
    """Raise `ImageVariationsError` if a header cannot be sent. The message has no value, which can be a secret."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ImageVariationsError(f"{name!r:.80} cannot be the name of a header.")
        if name.lower() in _FRAMING:
            raise ImageVariationsError(f"The header {name} is set by the client for each request; leave it out.")
        if not _HEADER_VALUE.fullmatch(value):
            raise ImageVariationsError(f"The header {name} holds a character that cannot be sent.")


def require_timeout(timeout: object) -> None:
    """Raise `ImageVariationsError` unless `timeout` is None or a positive number of seconds."""
    if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
        raise ImageVariationsError(f"timeout must be a number of seconds above 0, or None for no limit, not {timeout}.")


def _require_number(name: str, value: object, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ImageVariationsError(f"{name} must be a whole number of at least {minimum}, not {value!r:.80}.")


def _require_base_url(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, is_address = urlsplit(""), False
    if not is_address or not base_url.isprintable() or " " in base_url:
        raise ImageVariationsError(f"base_url must be an address like {DEFAULT_BASE_URL}, with http or https.")
    if parts.query or parts.fragment or "?" in base_url or "#" in base_url:
        raise ImageVariationsError("base_url must end with a path. For what follows a '?', there is default_query.")
    if parts.username is not None or parts.password is not None:
        raise ImageVariationsError("base_url must not hold a user or a password.")
