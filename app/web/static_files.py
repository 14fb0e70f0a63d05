"""Static files: a digest in every URL, and permission to keep for a year what the digest names."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, current_app, request

KEPT_FOR_A_YEAR: Final = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Put the digest into URLs, and let caches keep an answer that matches its own."""
    app.url_defaults(_add_digest)
    app.after_request(_allow_keeping)


def _add_digest(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static" and "filename" in values:
        values["v"] = _digest_of(values["filename"])


def _allow_keeping(response: Response) -> Response:
    """Allow it only when the URL names this very content: an old page may ask a new server for it."""
    asked = request.args.get("v")
    if request.endpoint == "static" and asked and response.status_code == 200:
        filename = (request.view_args or {}).get("filename", "")
        if asked == _digest_of(filename):
            response.headers["Cache-Control"] = KEPT_FOR_A_YEAR
    return response


def _digest_of(filename: str) -> str:
    """Return 8 hex digits of the file's SHA-256, or "0" when there is no such file."""
    path = Path(current_app.static_folder or "") / filename
    return _digest(path, path.stat().st_mtime_ns) if path.is_file() else "0"


@lru_cache(maxsize=64)
def _digest(path: Path, _changed_at: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]
