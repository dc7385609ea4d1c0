"""Read the proxies of the environment, as httpx does, which fails for some values and does not say for which."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from urllib.request import getproxies

import httpx

from .errors import ImageVariationsError


def environment_proxies() -> dict[str, httpx.Proxy | None]:
    """Return the proxy of each pattern of URLs, or None for no proxy.

    Raises `ImageVariationsError`, which names the variable and its value, for what is no proxy or no host.
    """
    given = getproxies()
    hosts = [host.strip() for host in given.get("no", "").split(",") if host.strip()]
    if "*" in hosts:
        return {}
    proxies: dict[str, httpx.Proxy | None] = {}
    for scheme in ("http", "https", "all"):
        if given.get(scheme):
            proxies[f"{scheme}://"] = _proxy(f"{scheme.upper()}_PROXY", given[scheme])
    for host in hosts:
        pattern = _pattern(host)
        try:
            httpx.URL(pattern)
        except httpx.InvalidURL:
            raise ImageVariationsError(f"The variable NO_PROXY has {host!r:.200}, which is no host.") from None
        proxies[pattern] = None
    return proxies


def _proxy(variable: str, url: str) -> httpx.Proxy:
    with suppress(ValueError, httpx.InvalidURL):
        proxy = httpx.Proxy(url if "://" in url else f"http://{url}")
        if proxy.url.host and (proxy.url.port or 0) < 1 << 16:
            return proxy
    address = url.rpartition("@")[2]  # without a password
    raise ImageVariationsError(
        f"The variable {variable} must be an address like http://proxy.example:3128, not {address!r:.200}."
    )


def _pattern(host: str) -> str:
    """Return the pattern of URLs for a host of NO_PROXY. A name stands for the host and those below it."""
    if "://" in host:
        return host
    address = host.partition("/")[0].removeprefix("[").removesuffix("]")
    try:
        version = ip_address(address).version
    except ValueError:
        return f"all://{host}" if host.lower() == "localhost" else f"all://*{host}"
    return f"all://[{address}]" if version == 6 else f"all://{host}"
