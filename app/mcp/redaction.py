"""Redaction: takes the token out of whatever a server sends back, in the spellings it could have there.

It keeps the echo of an honest server or of an error page from being shown or passed on. A server that means
to smuggle a token past us always finds a spelling, and gains nothing: it has the token.
"""

from __future__ import annotations

import base64
import math
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from html import unescape
from typing import Any, Final

REMOVED: Final = "[token removed]"
#: One more than a hint shows.
PIECE_CHARS: Final = 5
#: JSON nested deeper than this is cut: no tool needs it, and recursion has an end.
MAX_DEPTH: Final = 40
CUT: Final = "[nested too deeply]"
#: Values of one JSON document; the body cap alone would let a million empty lists through.
MAX_VALUES: Final = 100_000
LEFT_OFF: Final = "[the rest was left off]"
#: How many times over a text may be escaped: a link in JSON, JSON in JSON.
MAX_LAYERS: Final = 2
#: One character in other words: of URLs, JSON, source code and HTML. Each has an end, so matching is linear.
ESCAPE: Final = re.compile(
    r"%[0-9a-f]{2}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\[/\"\\]|&#(?:x[0-9a-f]{1,6}|[0-9]{1,7});|&(?:amp|lt|gt|quot|apos);",
    re.IGNORECASE,
)

Span = tuple[int, int]


class Redactor:
    """Replaces one token by a note. Without a token it changes nothing but depth and number."""

    def __init__(self, secret: str | None) -> None:
        self._spellings = _spellings(secret) if secret else set()

    def text(self, value: str) -> str:
        """Return the text without the token. Takes time in proportion to its length."""
        pieces: list[str] = []
        at = 0
        for start, end in sorted(self._spans(value, MAX_LAYERS)):
            if start >= at:
                pieces += (value[at:start], REMOVED)
            at = max(at, end)
        return "".join(pieces) + value[at:]

    def json(self, value: Any) -> Any:
        """Return JSON data without the token, in names and values alike, and with null for no number."""
        return self._json(value, MAX_DEPTH, iter(range(MAX_VALUES)))

    def _json(self, value: Any, depth: int, budget: Iterator[int]) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, float) and not math.isfinite(value):
            # The SDK reads NaN and Infinity, which no JSON can say again.
            return None
        if isinstance(value, dict | list | tuple) and not depth:
            return CUT
        if isinstance(value, dict):
            items: dict[str, Any] = {}
            for name, item in value.items():
                if next(budget, None) is None:
                    items[LEFT_OFF] = None
                    break
                items[self.text(str(name))] = self._json(item, depth - 1, budget)
            return items
        if isinstance(value, list | tuple):
            values: list[Any] = []
            for item in value:
                if next(budget, None) is None:
                    values.append(LEFT_OFF)
                    break
                values.append(self._json(item, depth - 1, budget))
            return values
        return value

    def _spans(self, text: str, layers: int) -> Iterator[Span]:
        """Yield from where to where the token stands, in any spelling, in any mixture of escapes."""
        for spelling in self._spellings:
            at = text.find(spelling)
            while at >= 0:
                yield at, at + len(spelling)
                at = text.find(spelling, at + len(spelling))
        if layers and self._spellings and ESCAPE.search(text):
            plain = _Unescaped(text)
            for start, end in self._spans(plain.text, layers - 1):
                yield plain.origin(start), plain.origin(end)


def shares_a_piece(text: str, secret: str) -> bool:
    """Whether `PIECE_CHARS` characters in a row of the secret stand in the text; case and direction aside."""
    folded, wanted = text.casefold(), secret.casefold()
    pieces = {wanted[at : at + PIECE_CHARS] for at in range(max(1, len(wanted) - PIECE_CHARS + 1))}
    return any(piece in folded or piece[::-1] in folded for piece in pieces)


class _Unescaped:
    """A text with one layer of escapes undone, that knows where its characters came from."""

    def __init__(self, source: str) -> None:
        pieces: list[str] = []
        #: Positions here and in the source, in step; between two of them both advance alike.
        self._here, self._there = array("q", [0]), array("q", [0])
        at = length = 0
        for match in ESCAPE.finditer(source):
            character = _character(match.group())
            pieces += (source[at : match.start()], character)
            length += match.start() - at
            at = match.end()
            self._here.extend((length, length + 1))
            self._there.extend((match.start(), at))
            length += 1
        self.text = "".join(pieces) + source[at:]

    def origin(self, position: int) -> int:
        """Return where in the source the character at a position came from."""
        step = bisect_right(self._here, position) - 1
        return self._there[step] + position - self._here[step]


def _character(escape: str) -> str:
    """Return the one character that an escape stands for."""
    if escape.startswith("&"):
        return unescape(escape)[:1] or "\0"
    if escape.startswith("%"):
        return chr(int(escape[1:], 16))
    return chr(int(escape[2:], 16)) if len(escape) > 2 else escape[1]


def _spellings(secret: str) -> set[str]:
    """Return the token as such, hexadecimal, reversed and in base64."""
    raw = secret.encode()
    # A token may itself hold what looks like an escape, which is undone with those around it.
    once = _Unescaped(secret).text
    found = {secret, once, _Unescaped(once).text, raw.hex(), raw.hex().upper(), secret[::-1]}
    for offset in range(3):
        # Behind 0, 1 or 2 other bytes its base64 differs; the letters at the seams are left out.
        encoded = base64.b64encode(b"\0" * offset + raw).decode("ascii").rstrip("=")
        inner = encoded[-(-offset * 4 // 3) :]
        inner = inner[: len(inner) - 1] if (offset + len(raw)) % 3 else inner
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found
