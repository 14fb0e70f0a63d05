"""Session hash: what is kept of the random id that a cookie names a session by."""

from __future__ import annotations

import hashlib


def session_hash(session_id: str) -> str:
    """Return what is kept of a session's id."""
    return hashlib.sha256(session_id.encode(errors="surrogatepass")).hexdigest()
