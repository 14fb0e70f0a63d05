"""Origins: whether a change was sent by a page of this site, as browsers say it of themselves."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request
from flask_wtf.csrf import CSRFError


def refuse_foreign_page() -> None:
    """Raise CSRFError when a browser says that another site's page sends this. Programs say nothing."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise CSRFError
    origin = request.headers.get("Origin")
    if origin is not None and _host_of(origin) != request.host.lower():
        raise CSRFError


def _host_of(origin: str) -> str | None:
    # The scheme is left out: behind a proxy that ends TLS, and is not yet named in TRUSTED_PROXIES,
    # the page's is https and ours is not.
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None
