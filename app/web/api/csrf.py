"""CSRF in the API: a change needs the session's token in a header, which no page but ours can set.

The guard of the pages is not used here: it would look into the body for a form field, and over HTTPS it
demands a `Referer`, which programs do not send. Both are needed only where a token travels in a form.
"""

from __future__ import annotations

from flask import current_app, request
from flask_wtf.csrf import CSRFError, validate_csrf
from wtforms import ValidationError

from app.web.access import is_public
from app.web.urls import SAFE_METHODS


def protect() -> None:
    """Refuse a change that could have been sent by a foreign page. Raises CSRFError."""
    if request.method in SAFE_METHODS or is_public():
        # No session yet, so no token to compare: where a sign-in comes from was asked before.
        return
    sent = (request.headers.get(name) for name in current_app.config["WTF_CSRF_HEADERS"])
    try:
        validate_csrf(next(filter(None, sent), None))
    except ValidationError:
        raise CSRFError from None
