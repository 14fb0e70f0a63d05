"""Foreign text: what servers and catalogues wrote, made fit to stand in a page of ours.

Templates escape it as they escape everything; this takes what escaping leaves: characters that reorder
what is read, that a terminal would obey, or that cannot be sent at all.
"""

from __future__ import annotations

import re
from typing import Final

#: Controls but tab and line feed, bidirectional controls, separators, lone surrogates, tag characters.
UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


#: All but printable ASCII, and the backslash, which announces what is written out.
NOT_PLAIN: Final = re.compile(r"[^\x21-\x5b\x5d-\x7e]")


def visible(text: str) -> str:
    """Return the text with each unsafe character written out, such as `\\u202e` (Trojan Source, 2021)."""
    return UNSAFE.sub(_written_out, text.replace("\r\n", "\n"))


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text, made visible; an ellipsis stands for the rest."""
    return visible(text if len(text) <= limit else f"{text[: limit - 1]}…")


def spelled(text: str) -> str:
    """Return the text with all but plain ASCII written out: no letter looks like another, none is unseen."""
    return NOT_PLAIN.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
