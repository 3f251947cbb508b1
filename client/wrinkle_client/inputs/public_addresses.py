"""Which IP addresses are somewhere on the public internet, and nowhere else.

``ipaddress`` knows the registries of its Python's release; what earlier releases lacked, and every range that carries
an IPv4 address inside an IPv6 one, stands here: a translator would take the packet to the embedded address.

Source: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 6052 and 8215 (NAT64), 3056 (6to4), 4380 (Teredo).
"""

from __future__ import annotations

import ipaddress
from typing import Final

__all__ = ["is_public"]

_REFUSED: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # a cloud's own services at a public-looking address
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # local NAT64
        "100::/64",  # discard
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)


def is_public(address: str) -> bool:
    """Return whether an address, as ``getaddrinfo`` writes it, is public; one with a zone is not."""
    if "%" in address:
        return False
    parsed = ipaddress.ip_address(address)
    return parsed.is_global and not any(parsed in network for network in _REFUSED)
