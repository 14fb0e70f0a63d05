"""Egress: which addresses a request may be sent to.

A name is resolved once, every address it has is checked, and the checked one is connected to: a name that
resolves otherwise a moment later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from app.errors import UpstreamError

#: Networks that Python calls global although a private IPv4 address hides in them, or nobody's host is.
TREACHEROUS: Final = tuple(
    ip_network(text)
    for text in (
        "64:ff9b::/96",  # NAT64, RFC 6052
        "64:ff9b:1::/48",  # NAT64 for local use, RFC 8215
        "2002::/16",  # 6to4, RFC 3056
        "2001::/32",  # Teredo, RFC 4380
        "224.0.0.0/4",  # multicast
        "ff00::/8",  # multicast
        "100.64.0.0/10",  # shared address space, RFC 6598
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
    )
)
#: What an address that may not be reached looks like: a closed port, so that nobody can scan with us.
UNREACHABLE: Final = "unreachable"


@dataclass(frozen=True)
class Egress:
    """The rules of this installation.

    `allow`: exact `host:port` pairs, as written in addresses, that may be private or plain HTTP.
    `plain_http`: whether `http://` is allowed to public hosts too (development).
    """

    allow: frozenset[str]
    plain_http: bool

    def destination(self, address: str) -> Destination:
        """Return where an address leads. Raises UpstreamError("unreachable") for one that may not be used."""
        if not address.isascii() or not address.isprintable() or set(address) & set(' \\"^`|<>{}'):
            # urlsplit and clients disagree on where such an address leads.
            raise UpstreamError(UNREACHABLE)
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise UpstreamError(UNREACHABLE) from None
        if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or "%" in host:
            raise UpstreamError(UNREACHABLE)
        found = Destination(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))
        allowed = found.host_port in self.allow
        if parts.scheme == "http" and not (self.plain_http or allowed):
            raise UpstreamError(UNREACHABLE)
        return found

    def pick(self, destination: Destination, addresses: list[str]) -> str:
        """Return the address to connect to, when every one the name has may be reached.

        Raises UpstreamError("unreachable").
        """
        private = destination.host_port in self.allow
        if not addresses or not all(private or is_public(address) for address in addresses):
            raise UpstreamError(UNREACHABLE)
        return addresses[0]


@dataclass(frozen=True)
class Destination:
    """Scheme, host in lower case, and port of an address."""

    scheme: str
    host: str
    port: int

    @property
    def host_port(self) -> str:
        """Return `host:port`, as `EGRESS_ALLOW` lists it; an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public Internet, in whatever spelling it hides another."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not any(_holds(network, address) for network in TREACHEROUS)


def _holds(network: object, address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is in the network; networks of the other version hold none."""
    is_six = isinstance(network, IPv6Network)
    return is_six == isinstance(address, IPv6Address) and address in network  # type: ignore[operator]


async def resolve(host: str, port: int) -> list[str]:
    """Return every address that a name has, in the resolver's order. Raises UpstreamError("unreachable")."""
    import anyio

    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UpstreamError(UNREACHABLE) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
