"""Decide whether a link of a response may be fetched, before each request for it.

A server can send any link, also one to a service that only this machine can reach. So links to private addresses are
fetched only where the API itself has one. The host is looked up here and again when it is connected to: a name server
that answers both differently is not detected.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from ._options import Options
from .errors import APIConnectionError

_MAX_PORT = 65_535
_NAT64 = IPv6Network("64:ff9b::/96")


def require_allowed(url: httpx.URL, options: Options) -> None:
    """Raise `APIConnectionError` if the link is not allowed. One to a host that cannot be found is.

    Raises `httpx.InvalidURL` for a port that does not exist, which some systems take for another one.
    """
    if (url.port or 0) > _MAX_PORT:
        raise httpx.InvalidURL("the port does not exist")
    host = url.raw_host
    if options.allow_private_links or not is_private(host):
        return
    if options.allow_private_links is None and is_private(httpx.URL(options.base_url).raw_host):
        return
    raise APIConnectionError(
        f"The link leads to {host.decode()}, which has a private address; "
        "allow_private_links=True fetches it all the same."
    )


def is_private(host: bytes) -> bool:
    """Return whether a host has an address that is not on the public internet: private, loopback or link-local.

    The host is the name that is connected to (`raw_host`): Python would encode a name beyond ASCII to another one.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return not all(_is_public(ip_address(str(entry[4][0]).partition("%")[0])) for entry in found)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
