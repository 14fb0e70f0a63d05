"""Address parts: an address in pieces, with those marked that differ from another address."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit


class Part(NamedTuple):
    """A piece of an address. `kind`: scheme, host, port, path or query. `differs` from the other's."""

    kind: str
    text: str
    differs: bool


def parts_of(address: str | None, other: str | None) -> list[Part]:
    """Return the pieces that make up the address, in order; [] where there is none.

    Hosts are ASCII in the catalogue: a look-alike letter stands there as `xn--…`.
    """
    if not address:
        return []
    mine, theirs = _pieces(address), _pieces(other or address)
    return [Part(kind, text, text != theirs.get(kind, "")) for kind, text in mine.items() if text]


def _pieces(address: str) -> dict[str, str]:
    try:
        parts = urlsplit(address)
        host, colon, port = parts.netloc.rpartition(":")
    except ValueError:
        return {"path": address}
    if not colon or not port.isdigit():
        host, port = parts.netloc, ""
    return {
        "scheme": f"{parts.scheme}://",
        "host": host,
        "port": f":{port}" if port else "",
        "path": parts.path,
        "query": f"?{parts.query}" if parts.query else "",
    }
