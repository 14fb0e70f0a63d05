"""Pictures: known by their own first bytes, and measured before anything is decoded."""

from __future__ import annotations

import base64
import struct

import pytest

from app.web.pictures import MAX_PICTURE_BYTES, Picture, read_picture
from tests.mcp_servers.rich import png


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def jpeg(width: int, height: int) -> bytes:
    filler = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF" + b"\0" * 10
    tables = b"\xff\xc4" + struct.pack(">H", 4) + b"\0\0"
    frame = b"\xff\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width) + b"\0" * 12
    return b"\xff\xd8" + filler + tables + frame


def webp(kind: bytes, start: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", 10) + start.ljust(20, b"\0")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp(b"VP8X", b"\0\0\0\0" + sides)


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height))


def read(raw: bytes) -> Picture | None:
    return read_picture(base64.b64encode(raw).decode())


KINDS = {
    "image/png": png,
    "image/gif": gif,
    "image/jpeg": jpeg,
}


@pytest.mark.parametrize(
    ("media", "make"), [*KINDS.items(), *(("image/webp", one) for one in (extended, lossless, lossy))]
)
def test_a_picture_is_known_with_its_size(media: str, make: object) -> None:
    found = read(make(320, 200))  # type: ignore[operator]

    assert found is not None
    assert (found.media, found.width, found.height) == (media, 320, 200)


@pytest.mark.parametrize("make", [gif, jpeg, extended, lossless])
@pytest.mark.parametrize(("width", "height"), [(16_001, 1), (1, 16_001), (8000, 8000)])
def test_one_that_would_take_too_much_memory_is_none(make: object, width: int, height: int) -> None:
    assert read(make(width, height)) is None  # type: ignore[operator]


@pytest.mark.parametrize("make", [gif, jpeg])
def test_one_without_a_size_is_none(make: object) -> None:
    assert read(make(0, 10)) is None  # type: ignore[operator]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        b"<!doctype html><script>alert(1)</script>",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x00" * 1000,
        b"\xff\xd8" + b"\xff" * 5000,
        b"RIFF\0\0\0\0WEBP",
        b"RIFF\0\0\0\0WAVEVP8X" + b"\0" * 40,
        b"BM" + b"\0" * 60,
    ],
)
def test_anything_else_is_none(raw: bytes) -> None:
    assert read(raw) is None


@pytest.mark.parametrize("data", ["not base64", "AAA", "한국어", "data:image/png;base64,AAAA", '"><script>'])
def test_what_is_not_base64_is_none(data: str) -> None:
    assert read_picture(data) is None


def test_a_large_one_is_none_before_it_is_decoded() -> None:
    assert read(png(10, 10) + b"\0" * MAX_PICTURE_BYTES) is None
