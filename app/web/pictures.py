"""Pictures: what kind of picture some bytes are and how large, read from their first bytes alone.

Nothing is decoded here, and our pages never load one: a script draws it on a canvas. What that costs depends
on width and height, so they are known before, from the picture itself and not from what a server says of it.
SVG is a document that can hold scripts: it is no picture here.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

MAX_PICTURE_BYTES: Final = 1_000_000
#: Four bytes each are what a decoder needs: 64 MiB at most.
MAX_PIXELS: Final = 16_000_000
MAX_SIDE: Final = 16_000
#: JPEG's markers that begin a frame (ITU-T T.81, table B.1); the others from C0 to CF mean something else.
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Picture:
    """A picture that may be drawn."""

    media: str
    width: int
    height: int
    #: Base64, in the standard alphabet.
    data: str


def read_picture(data: str) -> Picture | None:
    """Return the PNG, JPEG, GIF or WebP in base64, None for anything else and for one too large to draw."""
    if len(data) > MAX_PICTURE_BYTES * 4 // 3 + 4:
        return None
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    found = _png(raw) or _gif(raw) or _webp(raw) or _jpeg(raw)
    if found is None:
        return None
    media, width, height = found
    fits = 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS
    return Picture(media, width, height, data) if fits else None


def _png(raw: bytes) -> tuple[str, int, int] | None:
    """W3C PNG, 11.2.1: the header is the first chunk."""
    if not raw.startswith(b"\x89PNG\r\n\x1a\n") or raw[12:16] != b"IHDR" or len(raw) < 24:
        return None
    return "image/png", int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big")


def _gif(raw: bytes) -> tuple[str, int, int] | None:
    """GIF89a, 18: the logical screen, which is what browsers make room for."""
    if raw[:6] not in {b"GIF87a", b"GIF89a"} or len(raw) < 10:
        return None
    return "image/gif", int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")


def _webp(raw: bytes) -> tuple[str, int, int] | None:
    """RFC 9649, 2.5 to 2.7: three ways to begin."""
    if raw[:4] != b"RIFF" or raw[8:12] != b"WEBP" or len(raw) < 30:
        return None
    kind, start = raw[12:16], raw[20:30]
    if kind == b"VP8X":
        sides = int.from_bytes(start[4:7], "little") + 1, int.from_bytes(start[7:10], "little") + 1
    elif kind == b"VP8L" and start[0] == 0x2F:
        bits = int.from_bytes(start[1:5], "little")
        sides = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 " and start[3:6] == b"\x9d\x01\x2a":
        sides = (
            int.from_bytes(start[6:8], "little") & 0x3FFF,
            int.from_bytes(start[8:10], "little") & 0x3FFF,
        )
    else:
        return None
    return "image/webp", *sides


def _jpeg(raw: bytes) -> tuple[str, int, int] | None:
    """ITU-T T.81, B.1: segments, each with its length, up to the one that begins the frame."""
    at = 2
    while raw.startswith(b"\xff\xd8\xff") and raw[at : at + 1] == b"\xff" and at + 9 <= len(raw):
        marker, length = raw[at + 1], int.from_bytes(raw[at + 2 : at + 4], "big")
        if marker in FRAMES:
            sides = int.from_bytes(raw[at + 7 : at + 9], "big"), int.from_bytes(raw[at + 5 : at + 7], "big")
            return "image/jpeg", *sides
        # 0xFF alone fills; a length counts itself, so that each step goes on.
        at += 1 if marker == 0xFF else 2 + max(length, 2)
    return None
