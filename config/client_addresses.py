"""The address of a request's client, by which attempts are counted and requests limited.

Each has one spelling, and IPv6 counts by network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

MOST = 50  # characters of what is no address


def address(meta: Mapping[str, Any], *, proxies: int) -> str:
    """Returns the client's address as our own proxies report it; an IPv4-mapped one as IPv4.

    `meta` is the environment of the request (PEP 3333). Each of the `proxies` appends the address of its
    client to X-Forwarded-For; entries before those are set by the client and ignored. If the entry is
    no address, it is that of the connection, so such clients count as one.
    """
    hops = str(meta.get("HTTP_X_FORWARDED_FOR") or "").split(",")
    direct = str(meta.get("REMOTE_ADDR") or "unknown")
    seen = hops[-proxies] if 0 < proxies <= len(hops) else direct
    return _spelt(seen) or _spelt(direct) or direct[:MOST]


def network(meta: Mapping[str, Any], *, proxies: int) -> str:
    """Returns `address`, or for IPv6 its /64 network: a subscriber can use any address in it."""
    found = address(meta, proxies=proxies)
    if ":" not in found:
        return found
    try:
        return str(ipaddress.IPv6Network((int(ipaddress.IPv6Address(found)), 64), strict=False))
    except ValueError:
        return found


def _spelt(seen: str) -> str | None:
    """The usual spelling of an address, without the port that some proxies append; None if it is none."""
    try:
        found = ipaddress.ip_address(_without_port(seen.strip()))
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        # A zone (RFC 4007) means something on one machine only, and anybody can write any.
        return str(found.ipv4_mapped or ipaddress.IPv6Address(int(found)))
    return str(found)


def _without_port(seen: str) -> str:
    """`192.0.2.1:5000` and `[2001:db8::1]:5000` without the port."""
    if seen.startswith("["):
        return seen[1:].split("]", 1)[0]
    return seen.split(":", 1)[0] if seen.count(":") == 1 else seen
