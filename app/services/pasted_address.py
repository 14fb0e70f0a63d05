"""Pasted addresses: whether the address that a paste names is the server's own."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from app.mcp.redaction import shares_a_piece

#: What is said instead of a host that is none, or that holds a piece of the token.
UNNAMED: Final = "another server"
HOST: Final = re.compile(r"[a-z0-9._:-]{1,253}")
DEFAULT_PORTS: Final = {"http": 80, "https": 443, "": 443}
#: The same server over another transport: `/sse` for `/mcp`, or neither.
TRANSPORTS: Final = frozenset({"mcp", "sse", "http", "stream", "streamable-http"})


def is_same_server(stated: str, address: str) -> bool:
    """Whether both lead to one server: host, port and path are the same, but for the transport at its end.

    Not the host alone: many hosts carry the servers of many people.
    """
    place = _place(stated)
    return place is not None and place == _place(address)


def is_same_host(stated: str, address: str) -> bool:
    """Whether both name one host and port; either may lack a scheme and a path."""
    one, other = _place(stated), _place(address)
    return one is not None and other is not None and one[:2] == other[:2]


def elsewhere(stated: str, address: str, secret: str) -> str | None:
    """Return the host that a token was kept for, None for the server at this address.

    Nothing else of the stated address is repeated: its query and path may be secrets themselves. `UNNAMED`
    where even the host may not.
    """
    if is_same_server(stated, address):
        return None
    place = _place(stated)
    host = place[0] if place else ""
    return host if HOST.fullmatch(host) and not shares_a_piece(host, secret) else UNNAMED


def _place(address: str) -> tuple[str, int, tuple[str, ...]] | None:
    """Return host, port and the parts of the path; None for what is no address."""
    text = address.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return None
    if not host:
        return None
    path = [part for part in parts.path.split("/") if part]
    if path and path[-1] in TRANSPORTS:
        path.pop()
    return host, port or DEFAULT_PORTS.get(parts.scheme, 0), tuple(path)
