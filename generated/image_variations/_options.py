"""What a client is set up with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from .errors import ImageVariationsError

DEFAULT_TIMEOUT_SECONDS = 600.0
DEFAULT_MAX_RETRIES = 2
DEFAULT_MAX_RESPONSE_BYTES = 1 << 28
DEFAULT_BASE_URL = "http://127.0.0.1:8000/v1"
API_KEY_VARIABLE = "OPENAI_API_KEY"
BASE_URL_VARIABLE = "OPENAI_BASE_URL"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110: visible characters, with spaces and tabs between them.
_HEADER_VALUE = re.compile(r"([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")

# What says how the body is written, which only the one who writes it knows.
_FRAMING = frozenset({"content-length", "content-type", "transfer-encoding"})


def _frozen_mapping(values: Mapping[str, str] | None) -> Mapping[str, str]:
    return MappingProxyType(dict(values or {}))


@frozen(kw_only=True)
class Options:
    """The settings of a client, all checked. The API key is in no repr."""

    api_key: str = field(repr=False)
    base_url: str
    timeout: float | None = DEFAULT_TIMEOUT_SECONDS
    max_retries: int = DEFAULT_MAX_RETRIES
    default_headers: Mapping[str, str] = field(default=None, converter=_frozen_mapping, repr=False)
    default_query: Mapping[str, str] = field(default=None, converter=_frozen_mapping, repr=False)
    preflight: bool = True
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES

    def __attrs_post_init__(self) -> None:
        if not _HEADER_VALUE.fullmatch(self.api_key) or not self.api_key.isascii():
            raise ImageVariationsError(
                "api_key holds a character that cannot be sent in a header, such as a line break."
            )
        _require_base_url(self.base_url)
        require_timeout(self.timeout)
        if self.max_retries < 0:
            raise ImageVariationsError(f"max_retries must be at least 0, not {self.max_retries}.")
        if self.max_response_bytes < 1:
            raise ImageVariationsError(f"max_response_bytes must be at least 1, not {self.max_response_bytes}.")
        require_headers(self.default_headers)

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """A copy with other settings; headers and query parameters are added to those that there are.

        None for the key or the address stands for the environment again.
        """
        settings = dict(changes)
        for name in ("default_headers", "default_query"):
            if name in settings:
                settings[name] = {**getattr(self, name), **(settings[name] or {})}
        return evolve(self, **_from_environment(settings))


def resolve(settings: Mapping[str, Any]) -> Options:
    """The options that the settings of a client, and the environment where they leave it to that, come to."""
    return Options(**_from_environment({"api_key": None, "base_url": None, **settings}))


def _from_environment(settings: Mapping[str, Any]) -> dict[str, Any]:
    resolved = dict(settings)
    if "api_key" in resolved and resolved["api_key"] is None:
        resolved["api_key"] = os.environ.get(API_KEY_VARIABLE)
        if resolved["api_key"] is None:
            raise ImageVariationsError(
                f"There is no API key: pass api_key=, or set {API_KEY_VARIABLE}. For a server that asks for none, pass api_key=''."
            )
    if "base_url" in resolved:
        resolved["base_url"] = (resolved["base_url"] or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL).rstrip(
            "/"
        )
    return resolved


def require_headers(headers: Mapping[str, str]) -> None:
    """Raise where a header cannot be sent. The message never shows a value: it may be a secret."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ImageVariationsError(f"{name!r:.80} cannot be the name of a header.")
        if name.lower() in _FRAMING:
            raise ImageVariationsError(f"The header {name} is made for each request; leave it out.")
        if not _HEADER_VALUE.fullmatch(value):
            raise ImageVariationsError(f"The header {name} holds a character that cannot be sent.")


def require_timeout(timeout: object) -> None:
    """Raise where `timeout` is no time to wait."""
    if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
        raise ImageVariationsError(f"timeout must be a number of seconds above 0, or None for no limit, not {timeout}.")


def _require_base_url(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, is_address = urlsplit(""), False
    if not is_address or not base_url.isprintable() or " " in base_url:
        raise ImageVariationsError("base_url must be an address like http://127.0.0.1:8000/v1, with http or https.")
    if parts.query or parts.fragment or "?" in base_url or "#" in base_url:
        raise ImageVariationsError("base_url must end with a path. For what follows a '?', there is default_query.")
    if parts.username is not None or parts.password is not None:
        raise ImageVariationsError("base_url must not hold a user or a password.")
