# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The options of a client."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from ._document import API_KEY_VARIABLE, BASE_URL_VARIABLE, DEFAULT_BASE_URL, KEY_IS_REQUIRED
from .errors import ImageVariationsError

DEFAULT_TIMEOUT_SECONDS = 600.0
DEFAULT_MAX_RETRIES = 2
DEFAULT_MAX_RESPONSE_BYTES = 1 << 26  # ten images of 1024x1024 in base64, which cannot be compressed, have 56 MB
DEFAULT_MAX_DOWNLOAD_BYTES = 1 << 26
_MAX_TIMEOUT_SECONDS = 2_147_483  # 24 days; sockets take no more

_EXAMPLE_URL = DEFAULT_BASE_URL or "https://api.example/v1"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110: visible characters, with spaces and tabs between them. Only ASCII, because servers differ on the rest.
_HEADER_VALUE = re.compile(r"([\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?)?")

# The headers that describe the encoding of the body, which the client sets.
_FRAMING = frozenset({"content-length", "content-type", "transfer-encoding"})

# An address without its scheme, such as localhost:8000/v1.
_BARE_ADDRESS = re.compile(r"(localhost|[\w-]+(\.[\w-]+)+|[\w-]+(?=:))(:[0-9]+)?(/[\w./~-]*)?", re.ASCII)


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
        self.api_key = _api_key(api_key)
        self.base_url = _base_url(base_url)
        self.timeout = timeout
        self.max_retries = max_retries
        self.default_headers = _mapping("default_headers", default_headers)
        self.default_query = _mapping("default_query", default_query)
        self.preflight = preflight
        self.max_response_bytes = max_response_bytes
        self.allow_private_links = allow_private_links
        require_timeout(timeout)
        _require_number("max_retries", max_retries, 0)
        _require_number("max_response_bytes", max_response_bytes, 1)
        _require_bool("preflight", preflight)
        if allow_private_links is not None:
            _require_bool("allow_private_links", allow_private_links)
        require_headers(self.default_headers)
        _require_query(self.default_query)

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """Return a copy with other options. The default headers and query parameters are added to the existing ones.

        None for `api_key` or `base_url` reads the environment variable again.
        """
        settings = {**vars(self), **changes}
        for name in ("default_headers", "default_query"):
            settings[name] = {**getattr(self, name), **_mapping(name, settings[name])}
        return Options(**settings)

    def __reduce__(self) -> NoReturn:
        # This ends the pickling of a client, too.
        raise ImageVariationsError("A client cannot be pickled, because it has the API key: create one per process.")


def _api_key(given: object) -> str:
    """Return the key that is given, or that of the environment. No message has a part of it."""
    key, name = given, "api_key"
    if key is None:
        key, name = os.environ.get(API_KEY_VARIABLE), API_KEY_VARIABLE
        if key is None and KEY_IS_REQUIRED:
            raise ImageVariationsError(
                f"There is no API key: pass api_key=, or set {API_KEY_VARIABLE}. "
                "For a server that asks for none, pass api_key=''."
            )
        key = key or ""
    if not isinstance(key, str):
        raise ImageVariationsError(f"api_key must be a str, not {type(key).__name__}.")
    for position, character in enumerate(key, 1):
        if not "!" <= character <= "~":
            kind = {" ": "a space", "\n": "a line break", "\r": "a line break"}.get(character, "none of them")
            raise ImageVariationsError(
                f"{name} must consist of visible ASCII characters, and character {position} is {kind}: "
                "it cannot be sent in a header."
            )
    return key


def _mapping(name: str, value: object) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ImageVariationsError(f"{name} must map names to values, and is of type {type(value).__name__}.")
    return dict(cast("Mapping[str, str]", value))


def require_headers(headers: Mapping[Any, Any]) -> None:
    """Raise `ImageVariationsError` if a header cannot be sent. The message has no value, which can be a secret."""
    for name, value in headers.items():
        if not isinstance(name, str):
            raise ImageVariationsError(f"The name of a header must be a str, not {type(name).__name__}.")
        if not _HEADER_NAME.fullmatch(name):
            raise ImageVariationsError(f"{name!r:.80} cannot be the name of a header.")
        if name.lower() in _FRAMING:
            raise ImageVariationsError(f"The header {name} is set by the client for each request; leave it out.")
        if not isinstance(value, str):
            raise ImageVariationsError(f"The header {name:.80} must be a str, not {type(value).__name__}.")
        if not _HEADER_VALUE.fullmatch(value):
            raise ImageVariationsError(f"The header {name} holds a character that cannot be sent.")


def _require_query(query: Mapping[Any, Any]) -> None:
    for name, value in query.items():
        for text in (name, value):
            if not isinstance(text, str):
                raise ImageVariationsError(
                    f"default_query must map str to str, and has {type(text).__name__} in {name!r:.80}."
                )
            try:
                text.encode()
            except UnicodeEncodeError:
                raise ImageVariationsError(f"default_query holds half a character in {name!r:.80}.") from None


def require_timeout(timeout: object) -> None:
    """Raise `ImageVariationsError` unless `timeout` is None or a possible number of seconds."""
    if timeout is None:
        return
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not is_number or not 0 < cast("float", timeout) <= _MAX_TIMEOUT_SECONDS:
        raise ImageVariationsError(
            f"timeout must be a number of seconds above 0 and up to {_MAX_TIMEOUT_SECONDS}, or None for no limit, "
            f"not {_came(timeout)}."
        )


def require_before_path(base_url: str, path: str) -> None:
    """Raise `ImageVariationsError` if the base URL already ends with the path of an operation.

    A path of one segment, such as `/search`, is also a likely name of a whole service, and is not looked for.
    """
    if path.count("/") > 1 and base_url.endswith(path):
        raise ImageVariationsError(
            f"base_url must end before {path:.200}, which the client appends: {base_url.removesuffix(path):.200}"
        )


def _require_number(name: str, value: object, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ImageVariationsError(f"{name} must be a whole number of at least {minimum}, not {_came(value)}.")


def _require_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ImageVariationsError(f"{name} must be True or False, not {_came(value)}.")


def _came(value: object) -> str:
    """Return what a message says of a wrong value: a number of few digits itself, the type of anything else."""
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 1 << 64):
        return repr(value)
    return f"a value of type {type(value).__name__}"


def _base_url(given: object) -> str:
    """Return the base URL that is given, or that of the environment or the contract, without slashes at its end."""
    if not isinstance(given, str | None):
        raise ImageVariationsError(f"base_url must be a str, not {type(given).__name__}.")
    name = "base_url" if given else BASE_URL_VARIABLE
    base_url = (given or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL).rstrip("/")
    if not base_url:
        raise ImageVariationsError(f"There is no base URL: pass base_url=, or set {BASE_URL_VARIABLE}.")
    reason = _why_not(base_url)
    if reason:
        raise ImageVariationsError(f"{name} {reason}.")
    return base_url


def _why_not(base_url: str) -> str:
    """Return why this cannot be a base URL, or an empty string. A user and a password are not repeated."""
    if any(character.isspace() or not character.isprintable() for character in base_url):
        return "must not hold spaces, line breaks or other invisible characters"
    scheme, separator, _ = base_url.partition("://")
    if not separator:
        example = f"http://{base_url}" if _BARE_ADDRESS.fullmatch(base_url[:200]) else _EXAMPLE_URL
        return f"must begin with http:// or https://, like {example}"
    if scheme.lower() not in {"http", "https"}:
        return f"must begin with http:// or https://, not {scheme[:20]}://"
    try:
        parts = urlsplit(base_url)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return f"must be an address like {_EXAMPLE_URL}: its host or its port is malformed"
    if not is_address:
        return f"must be an address like {_EXAMPLE_URL}: it has no host, or the port 0"
    if parts.query or parts.fragment or "?" in base_url or "#" in base_url:
        return "must end with a path. For what follows a '?', there is default_query"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or a password"
    return ""
