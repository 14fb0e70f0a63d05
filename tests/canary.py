"""A token that may appear nowhere, and the encodings in which it would be noticed."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote

#: Its characters are such that percent-encoding and JSON escaping change it.
CANARY = "canary+Zk3v9/Qm7Lw2&Xr8Ty5<nD4>a1b2"
#: What may be shown of it.
CANARY_HINT = "...a1b2"


def spellings() -> dict[str, str]:
    """Return name → text for each way in which the canary, or a telling part of it, could be written."""
    raw = CANARY.encode()
    # From each of the three alignments, the letters that do not depend on the neighbours.
    aligned = {f"base64 from {start}": base64.b64encode(raw[start:])[:40].decode() for start in range(3)}
    return {
        "plain": CANARY,
        "beginning": CANARY[:12],
        "end": CANARY[-12:],
        "more than the hint": CANARY[-5:],
        "reversed": CANARY[::-1],
        "percent-encoded": quote(CANARY, safe=""),
        "hex": raw.hex(),
        "html": CANARY.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        "json": CANARY.replace("/", "\\/"),
        "base64 url-safe": base64.urlsafe_b64encode(raw).decode().rstrip("=")[:40],
        **aligned,
    }


def readable(cookie: str) -> str:
    """Return what a signed cookie says, as whoever has it can read it."""
    payload = cookie.partition("=")[2].partition(";")[0]
    packed = payload.startswith(".")
    text = payload.removeprefix(".").partition(".")[0]
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return (zlib.decompress(raw) if packed else raw).decode(errors="replace")
    except (ValueError, zlib.error):
        return payload


def assert_no_canary(text: str, *, where: str) -> None:
    """Fail, naming the place and the spelling, when the text holds the canary."""
    found = [name for name, spelling in spellings().items() if spelling in text]
    assert not found, f"the canary token is in the {where} ({', '.join(found)})"
