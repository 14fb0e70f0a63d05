"""Addresses: which URLs may stand in the catalogue.

Only the form is decided here. Whether an address may be reached is decided at each use (`app.mcp.egress`).
"""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

import idna

from app.errors import InvalidInputError

if TYPE_CHECKING:
    from app.mcp.egress import Egress

MAX_ADDRESS_CHARS: Final = 2048
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
#: Marks of a template that nobody filled in.
TEMPLATE_MARKS: Final = frozenset("{}<>")
#: RFC 3986 has none of these. A backslash before all: `http://good\@bad/` is read in two ways.
BAD_CHARACTERS: Final = frozenset('\\"^`|')
#: RFC 1123, with the underscore that container networks put into host names.
LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
MAX_HOST_CHARS: Final = 253
#: Last labels that resolvers take for a number: `127.1`, `2130706433`, `0x7f.1`.
NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


def read_address(text: str, egress: Egress) -> str:
    """Return the address as the catalogue keeps it: as written, the host in ASCII.

    It is not normalised further, because tokens are bound to its full text. Plain `http://` passes where
    `egress` allows it. Raises InvalidInputError("url", reason): `empty`, `too_long`, `template`,
    `characters`, `scheme`, `userinfo`, `fragment`, `host`, `port` or `plain_http`.
    """
    address = text.strip()
    _refuse_characters(address)
    try:
        parts = urlsplit(address)
    except ValueError:
        raise InvalidInputError("url", "host") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise InvalidInputError("url", "scheme")
    if "@" in parts.netloc:
        # Userinfo would replace the Authorization header, and hides where the address leads.
        raise InvalidInputError("url", "userinfo")
    if "#" in address:
        raise InvalidInputError("url", "fragment")
    rest = address[len(parts.scheme) + len("://") + len(parts.netloc) :]
    if not rest.isascii():
        raise InvalidInputError("url", "characters")
    host, port = _host(parts), _port(parts)
    if parts.scheme == "http" and not _may_be_plain(host, port, egress):
        raise InvalidInputError("url", "plain_http")
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{rest}"


def read_link(text: str) -> str | None:
    """Return a link that a page may show, or None: http(s) only, so never `javascript:`."""
    link = text.strip()
    try:
        _refuse_characters(link)
        parts = urlsplit(link)
        _host(parts)
    except (ValueError, InvalidInputError):
        return None
    if parts.scheme not in DEFAULT_PORTS or "@" in parts.netloc or not link.isascii():
        return None
    return link


def ascii_address(address: str) -> str:
    """Return an address, or a host, in ASCII alone, so that no letter can look like another one.

    What is in the catalogue is so already; what another hand put there may not be. A host becomes punycode,
    and whatever is not ASCII still is written out.
    """
    if address.isascii():
        return address
    start = address.find("://") + 3 if "://" in address else 0
    end = next((at for at in range(start, len(address)) if address[at] in "/?#:"), len(address))
    host = address[start:end]
    with suppress(idna.IDNAError):
        host = idna.encode(host, uts46=True).decode("ascii")
    return f"{address[:start]}{host}{address[end:]}".encode("ascii", "backslashreplace").decode("ascii")


def _refuse_characters(address: str) -> None:
    if not address:
        raise InvalidInputError("url", "empty")
    if len(address) > MAX_ADDRESS_CHARS:
        raise InvalidInputError("url", "too_long")
    if TEMPLATE_MARKS.intersection(address):
        raise InvalidInputError("url", "template")
    if BAD_CHARACTERS.intersection(address) or not address.isprintable() or " " in address:
        raise InvalidInputError("url", "characters")


def _may_be_plain(host: str, port: int | None, egress: Egress) -> bool:
    return egress.plain_http or f"{host.lower()}:{port or DEFAULT_PORTS['http']}" in egress.allow


def _port(parts: SplitResult) -> int | None:
    """Return the port that is written, or None for none."""
    if parts.netloc.endswith(":"):
        raise InvalidInputError("url", "port")
    try:
        port = parts.port
    except ValueError:
        raise InvalidInputError("url", "port") from None
    if port == 0:
        raise InvalidInputError("url", "port")
    return port


def _host(parts: SplitResult) -> str:
    """Return the host in ASCII: a name, a dotted quad or `[IPv6]`; nothing that is read in two ways."""
    try:
        if parts.netloc.startswith("["):
            return _ipv6(parts.netloc)
        host = parts.netloc.rpartition(":")[0] if ":" in parts.netloc else parts.netloc
        if not host.isascii():
            # UTS 46 as browsers do it, so that "①②⑦.⓪.⓪.①" is seen for what it is.
            host = idna.encode(host, uts46=True).decode("ascii")
        labels = host.split(".")
        if len(host) > MAX_HOST_CHARS or not all(LABEL.fullmatch(label) for label in labels):
            raise InvalidInputError("url", "host")
        return str(IPv4Address(host)) if NUMERIC_LABEL.fullmatch(labels[-1]) else host
    except (AddressValueError, idna.IDNAError):
        raise InvalidInputError("url", "host") from None


def _ipv6(netloc: str) -> str:
    text, _, after = netloc[1:].partition("]")
    # A zone (`%eth0`) means something on one machine only.
    if "%" in text or (after and not after.startswith(":")):
        raise InvalidInputError("url", "host")
    return f"[{IPv6Address(text)}]"
