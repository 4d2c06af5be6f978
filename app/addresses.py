"""IP addresses as text: as the kernel tells them, and as proxies pass them on."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse(text: str) -> Address | None:
    """None when it is no address; an IPv4 client of an IPv6 socket is an IPv4 address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def is_loopback(host: str) -> bool:
    address = parse(host)
    return host == "localhost" if address is None else address.is_loopback


def is_within(address: Address | None, networks: Iterable[Network]) -> bool:
    return address is not None and any(address in network for network in networks)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks, comma separated. Raises ValueError, naming the wrong one."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
