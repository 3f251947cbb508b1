from __future__ import annotations

import pytest

from wrinkle_client.inputs.public_addresses import is_public

SPECIAL = {
    "this host": "0.0.0.0",
    "loopback": "127.0.0.1",
    "loopback, further up": "127.255.255.254",
    "private 10": "10.1.2.3",
    "private 172": "172.31.255.255",
    "private 192": "192.168.0.1",
    "link-local, metadata service": "169.254.169.254",
    "a cloud's host services": "168.63.129.16",
    "carrier-grade NAT": "100.64.0.1",
    "carrier-grade NAT, end": "100.127.255.255",
    "benchmark": "198.19.0.1",
    "documentation": "203.0.113.7",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "6to4 relay": "192.88.99.1",
    "unspecified v6": "::",
    "loopback v6": "::1",
    "unique local": "fd00::1",
    "link-local v6": "fe80::1",
    "link-local v6 with a zone": "fe80::1%eth0",
    "public v6 with a zone": "2606:4700::1111%eth0",
    "site-local": "fec0::1",
    "multicast v6": "ff0e::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped public": "::ffff:1.1.1.1",
    "compatible": "::127.0.0.1",
    "translated": "::ffff:0:127.0.0.1",
    "NAT64 of a private one": "64:ff9b::10.0.0.1",
    "NAT64 of a public one": "64:ff9b::1.1.1.1",
    "local NAT64": "64:ff9b:1::1",
    "6to4 of a private one": "2002:a00:1::",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "documentation v6": "2001:db8::1",
    "discard": "100::1",
}


@pytest.mark.parametrize("address", SPECIAL.values(), ids=SPECIAL)
def test_an_address_for_a_special_purpose_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111"])
def test_an_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)
