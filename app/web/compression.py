"""Compression: pages and static files are sent in gzip to whoever takes that.

A page holds a form token, and some repeat what was asked for. Whoever can make a browser ask for pages with
texts of their choice, and watch how long the answers are, could guess the token letter by letter if they were
compressed (BREACH). So a page is, only where the browser says that nobody else's page led there.
"""

from __future__ import annotations

import gzip
from typing import Final

from flask import Flask, Response, request

TYPES: Final = frozenset({"text/html", "text/css", "text/javascript", "image/svg+xml"})
#: In less, the header of gzip outweighs what is saved.
LEAST_BYTES: Final = 1000
#: Beyond this, a page takes longer to compress than to send.
LEVEL: Final = 5
#: `Sec-Fetch-Site` of what another site cannot bring about: our own links and forms; the address bar.
OWN_DOING: Final = frozenset({"same-origin", "none"})


def init_app(app: Flask) -> None:
    """Compress what leaves. First, so that it runs last and meets the whole answer."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.mimetype not in TYPES or response.status_code in {204, 206, 304}:
        return response
    is_static = request.endpoint == "static"
    response.vary.add("Accept-Encoding")
    if not is_static:
        response.vary.add("Sec-Fetch-Site")
    if not request.accept_encodings["gzip"] or "Content-Encoding" in response.headers:
        return response
    if not is_static and request.headers.get("Sec-Fetch-Site") not in OWN_DOING:
        return response
    # Files are passed through by name, which leaves nothing to compress.
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) < LEAST_BYTES:
        return response
    response.set_data(gzip.compress(body, LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    etag, _is_weak = response.get_etag()
    if etag:
        # The same content in other bytes (RFC 9110, 8.8.1).
        response.set_etag(etag, weak=True)
    return response
