"""Egress: which addresses a request may be sent to.

A name is resolved once, every address it has is checked, and the checked one is connected to: a name that
resolves otherwise a moment later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from app.errors import UpstreamError

#: Global unicast, RFC 4291: all that is given out of IPv6. What lies outside is something else in disguise:
#: IPv4 in `::/96` and `::ffff:0:0:0/96`, NAT64 in `64:ff9b::/32`, site-local `fec0::/10`, multicast.
GLOBAL_UNICAST: Final = ip_network("2000::/3")
#: Networks that Python calls global although a private IPv4 address hides in them, or nobody's host is.
TREACHEROUS: Final = tuple(
    ip_network(text)
    for text in (
        "2001::/32",  # Teredo, RFC 4380
        "2002::/16",  # 6to4, RFC 3056
        "3fff::/20",  # documentation, RFC 9637
        "100.64.0.0/10",  # shared address space, RFC 6598
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "224.0.0.0/4",  # multicast
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
        if (
            parts.scheme not in {"http", "https"}
            or not host
            or "@" in parts.netloc
            or "%" in host
            or port == 0
        ):
            raise UpstreamError(UNREACHABLE)
        found = Destination(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))
        allowed = found.host_port in self.allow
        if parts.scheme == "http" and not (self.plain_http or allowed):
            raise UpstreamError(UNREACHABLE)
        return found

    def admit(self, destination: Destination, addresses: list[str]) -> list[str]:
        """Return the addresses to try, when every one the name has may be reached.

        The first of each IP version, in the resolver's order: where one version has no route, the other has.
        Raises UpstreamError("unreachable").
        """
        private = destination.host_port in self.allow
        if not addresses or not all(private or is_public(address) for address in addresses):
            raise UpstreamError(UNREACHABLE)
        return list({":" in address: address for address in reversed(addresses)}.values())[::-1]


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
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in TREACHEROUS)


async def resolve(host: str, port: int) -> list[str]:
    """Return every address that a name has, in the resolver's order. Raises UpstreamError("unreachable")."""
    from anyio import to_thread

    def ask() -> list[str]:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

    try:
        # In a thread that may be left behind: the loop's own resolver would be waited for at the end,
        # and a name server that says nothing would outlast every time-out of ours.
        found = await to_thread.run_sync(ask, abandon_on_cancel=True)
    except (OSError, UnicodeError):
        raise UpstreamError(UNREACHABLE) from None
    return list(dict.fromkeys(found))
