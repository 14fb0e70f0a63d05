"""Redaction: takes the token out of whatever a server sends back, in the spellings it could have there."""

from __future__ import annotations

import base64
import json
import math
from typing import Any, Final
from urllib.parse import quote

REMOVED: Final = "[token removed]"
#: JSON nested deeper than this is cut: no tool needs it, and recursion has an end.
MAX_DEPTH: Final = 40
CUT: Final = "[nested too deeply]"


class Redactor:
    """Replaces one token by a note. Without a token it changes nothing but depth."""

    def __init__(self, secret: str | None) -> None:
        self._spellings = sorted(_spellings(secret), key=len, reverse=True) if secret else []

    def text(self, value: str) -> str:
        """Return the text without the token."""
        for spelling in self._spellings:
            if spelling in value:
                value = value.replace(spelling, REMOVED)
        return value

    def json(self, value: Any, depth: int = 0) -> Any:
        """Return JSON data without the token, in names and values alike, and with null for no number."""
        if depth > MAX_DEPTH:
            return CUT
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(name)): self.json(item, depth + 1) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(item, depth + 1) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            # The SDK reads NaN and Infinity, which no JSON can say again.
            return None
        return value


def _spellings(secret: str) -> set[str]:
    """Return the token as such, percent-encoded, escaped, hexadecimal, reversed and in base64."""
    raw = secret.encode()
    found = {
        secret,
        quote(secret),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        raw.hex(),
        raw.hex().upper(),
        secret[::-1],
    }
    for offset in range(3):
        # Behind 0, 1 or 2 other bytes its base64 differs; the letters at the seams are left out.
        encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii").rstrip("=")
        inner = encoded[-(-offset * 4 // 3) :]
        inner = inner[: len(inner) - 1] if (offset + len(raw)) % 3 else inner
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found
