"""Marks: texts that stand in for secrets, one for each request, so that an echo is seen and attributed."""

from __future__ import annotations

import base64
import hashlib
from itertools import count

from werkzeug.test import TestResponse

from tests.canary import readable

#: Begins every mark. Letters and digits alone: no escaping changes them.
PREFIX = "Mk7zQ"
_NUMBERS = count()


def new_mark() -> str:
    """Return a text of 40 characters that was never sent before, and that every run sends again."""
    digest = hashlib.sha256(str(next(_NUMBERS)).encode()).digest()
    return PREFIX + base64.b32encode(digest).decode().lower()[:35]


def is_echoed(mark: str, answer: TestResponse) -> bool:
    """Whether more than the hint of a mark came back: its beginning or its end, in body, header or cookie."""
    cookies = [readable(cookie) for cookie in answer.headers.getlist("Set-Cookie")]
    said = "\n".join((answer.get_data(as_text=True), str(answer.headers), *cookies))
    return any(part in said for part in (mark[:12], mark[-8:]))
