"""CSRF in the API: a change needs the session's token in a header, which no page but ours can set.

The guard of the pages is not used here: it would look into the body for a form field, and over HTTPS it
demands a `Referer`, which programs do not send. Both are needed only where a token travels in a form.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import current_app, request
from flask_wtf.csrf import CSRFError, validate_csrf
from wtforms import ValidationError

from app.web.access import is_public

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def protect() -> None:
    """Refuse a change that could have been sent by a foreign page. Raises CSRFError."""
    if request.method in SAFE_METHODS:
        return
    if is_public():
        # No session yet, so no token to compare: signing in asks the browser where it comes from.
        _refuse_foreign_page()
        return
    sent = (request.headers.get(name) for name in current_app.config["WTF_CSRF_HEADERS"])
    try:
        validate_csrf(next(filter(None, sent), None))
    except ValidationError:
        raise CSRFError from None


def _refuse_foreign_page() -> None:
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
