"""Carried files: the texts of a review, as they travel through its page to the import and are parsed again.

Nothing of them is stored here meanwhile. They are packed because a page would be ten times as long otherwise;
they are not signed, for they are whatever an admin wants to import anyway, and the plan is made anew.
"""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

from app.errors import InvalidInputError
from app.web.large_bodies import MAX_CATALOGUE_BYTES

#: What may come out of one, however little it looks: a quote or a line break takes two characters in there.
MAX_PACKED_BYTES: Final = 2 * MAX_CATALOGUE_BYTES + 4096


def pack(texts: Sequence[str]) -> str:
    """Return the texts as one line of ASCII that no form has to escape."""
    return urlsafe_b64encode(zlib.compress(json.dumps(list(texts), ensure_ascii=False).encode())).decode(
        "ascii"
    )


def unpack(line: str) -> list[str]:
    """Return the texts again. Raises InvalidInputError("file", `not_json` or `too_large`)."""
    unpacking = zlib.decompressobj()
    try:
        packed = urlsafe_b64decode(line.encode("ascii"))
        content = unpacking.decompress(packed, MAX_PACKED_BYTES)
        texts = json.loads(content) if unpacking.eof else None
    except (ValueError, zlib.error, RecursionError):
        raise InvalidInputError("file", "not_json") from None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InvalidInputError("file", "not_json")
    if sum(map(len, texts)) > MAX_CATALOGUE_BYTES:
        raise InvalidInputError("file", "too_large")
    return texts
