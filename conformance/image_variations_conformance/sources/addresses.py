"""Host lookup within a deadline, and the classification of addresses that links may lead to."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Iterator

from .resources import own_resources

# In this order: a link may lead to addresses up to the class of the address of the target, never to NOWHERE.
PUBLIC, PRIVATE, NOWHERE = 0, 1, 2

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Other networks whose last 32 bits are an IPv4 address: RFC 4291, section 2.5.5.1, and RFC 2765.
_IPV4_IN_LAST_BITS = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("::ffff:0:0:0/96"))
# ISATAP (RFC 5214): these 32 bits precede an IPv4 address in the last 32 bits.
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def addresses(host: str, port: int, seconds: float) -> tuple[str, ...]:
    """Return the IP addresses of a host, or none if it is unknown. Raises TimeoutError and OutOfResources.

    The system's resolver has no timeout, so it runs in a thread, which is left running after `seconds`.
    """
    if _is_address(host):
        # An address needs no lookup, and starting a thread takes as long as a request on loopback.
        return (host,)
    found: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()
    with own_resources():
        threading.Thread(target=lambda: found.put(_resolve(host, port)), daemon=True).start()
    try:
        return found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolve(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def reach(address: str) -> int:
    """Return PUBLIC, PRIVATE (also for loopback), or NOWHERE for an address that no link may lead to.

    An IPv6 address that contains an IPv4 address is at least as private as that.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return _reach(ip)
    if ip.ipv4_mapped is not None:
        return _reach(ip.ipv4_mapped)
    if ip in _NAT64:
        # Networks without IPv4 reach all IPv4 addresses by this prefix, which is neither public nor private itself.
        return _reach(_last_bits(ip))
    if ip.sixtofour is not None:
        # Versions of Python differ on whether the prefix itself is public.
        return _reach(ip.sixtofour)
    return max(_reach(ip), *map(_reach, _embedded(ip)), PUBLIC)


def _reach(ip: _Address) -> int:
    if ip.is_unspecified or ip.is_link_local or ip.is_multicast or (ip.is_reserved and not ip.is_loopback):
        return NOWHERE
    site_local = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    return PUBLIC if ip.is_global and not site_local else PRIVATE


def _embedded(ip: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """Yield the IPv4 addresses to which packets for an IPv6 address may be forwarded."""
    if ip.is_loopback:
        return
    if ip.teredo is not None:
        yield from ip.teredo
    if any(ip in network for network in _IPV4_IN_LAST_BITS) or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        yield _last_bits(ip)


def _last_bits(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
