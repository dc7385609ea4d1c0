"""Addresses: those of a host, found within a deadline, and which of them the answer of a stranger may lead us to."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Iterator

from .resources import own_resources

PUBLIC, PRIVATE, NOWHERE = 0, 1, 2

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Other ways to write an IPv4 address into the last 32 bits of an IPv6 one: RFC 4291 2.5.5.1, and RFC 2765.
_IPV4_AT_THE_END = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("::ffff:0:0:0/96"))
# ISATAP (RFC 5214) puts it there too, after one of these.
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def addresses(host: str, port: int, seconds: float) -> tuple[str, ...]:
    """Return the addresses of a host, none if it is not known.

    Raises TimeoutError after so many seconds. The system's resolver takes no deadline, so it is left behind then.
    """
    if _is_address(host):
        # Nobody has to be asked; and a thread takes as long as a whole request on loopback.
        return (host,)
    found: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()
    with own_resources():
        threading.Thread(target=lambda: found.put(_looked_up(host, port)), daemon=True).start()
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


def _looked_up(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def reach(address: str) -> int:
    """Return PUBLIC, PRIVATE (loopback too), or NOWHERE for an address that no link ever leads to.

    An IPv6 address that stands for an IPv4 one is as private as that.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return _reach(ip)
    if ip.ipv4_mapped is not None:
        return _reach(ip.ipv4_mapped)
    if ip in _NAT64:
        # A network without IPv4 reaches all of it so. By itself, the prefix says nothing.
        return _reach(_last_bits(ip))
    if ip.sixtofour is not None:  # nor does this one, of which versions of Python think differently
        return _reach(ip.sixtofour)
    return max(_reach(ip), *map(_reach, _embedded(ip)), PUBLIC)


def _reach(ip: _Address) -> int:
    if ip.is_unspecified or ip.is_link_local or ip.is_multicast or (ip.is_reserved and not ip.is_loopback):
        return NOWHERE
    site_local = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    return PUBLIC if ip.is_global and not site_local else PRIVATE


def _embedded(ip: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """Yield the IPv4 addresses that packets to an IPv6 address may be handed on to."""
    if ip.is_loopback:
        return
    if ip.teredo is not None:
        yield from ip.teredo
    if any(ip in network for network in _IPV4_AT_THE_END) or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        yield _last_bits(ip)


def _last_bits(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
