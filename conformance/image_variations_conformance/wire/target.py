"""The server under test: where it is, and what every request to it carries."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from attrs import field, frozen

from ..version import suite_version
from .exchange import REQUEST_TARGET, Headers

USER_AGENT = f"image-variations/{suite_version()}"


class UnusableUrl(ValueError):
    """The URL is no base URL of a target. The message says what is expected; it does not quote the URL."""


@frozen
class Target:
    """The server under test: its base URL, its API key, and the user's headers for every request."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)
    headers: Headers = field(default=(), repr=False)

    @classmethod
    def parse(cls, url: str, api_key: str | None = None, headers: Headers = ()) -> Target:
        """Return the target at a base URL. Raises UnusableUrl."""
        hint = "expected the part before /images/variations, such as http://127.0.0.1:8000/v1"
        if not re.match("https?://", url, re.IGNORECASE):
            begins = "is empty" if not url else "does not begin with http:// or https://"
            raise UnusableUrl(f"the base URL {begins}: {hint}")
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
            (parts.hostname or "").encode("idna")
        except ValueError:
            usable = False
        if not usable or re.search(r"[^!-~]|[?#@]", url) or not REQUEST_TARGET.fullmatch(parts.path or "/"):
            raise UnusableUrl(f"not a base URL, which has no user name, query, fragment or space: {hint}")
        if parts.path.rstrip("/").endswith("/images/variations"):
            raise UnusableUrl(f"the base URL goes too far: {hint}")
        return cls(url.rstrip("/"), api_key, headers)

    @property
    def path(self) -> str:
        """The path of the operation."""
        return f"{urlsplit(self.base_url).path}/images/variations"

    @property
    def host(self) -> str:
        """The value of the Host header."""
        return urlsplit(self.base_url).netloc


def port_of(parts: SplitResult) -> int:
    """Return the TCP port of a URL of http or https."""
    return parts.port or (443 if parts.scheme == "https" else 80)
