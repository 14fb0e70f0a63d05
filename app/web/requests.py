"""Requests: an id for each, one log line for each, and no secret in any query string."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Final

from flask import Flask, Response, abort, request

from app.web import current
from app.web.https_only import METRICS, PROBES, require_https
from app.web.urls import is_api

logger = logging.getLogger(__name__)

#: Names under which people and programs put a secret into a URL, where proxies and histories keep it.
SECRET_NAMES: Final = frozenset(
    {
        "token",
        "mcp_auth_token",
        "auth_token",
        "access_token",
        "api_key",
        "apikey",
        "authorization",
        "password",
        "code",
    }
)

FORM_TYPES: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def init_app(app: Flask) -> None:
    """Give each request its id first, and write its line last."""
    app.before_request(_begin)
    app.before_request(_refuse_secrets_in_query)
    app.before_request(require_https)
    app.before_request(_refuse_other_bodies)
    app.before_request(_prepare_ledger)
    app.after_request(_end)


def _begin() -> None:
    request.environ["request_id"] = secrets.token_hex(8)
    request.environ["request_started"] = time.monotonic()


def _prepare_ledger() -> None:
    """Have the ledger's key at hand before the first event; a probe, a reading and a picture need none."""
    if request.endpoint not in PROBES | {METRICS, "static"}:
        current.audit_key().prepare()


def _refuse_secrets_in_query() -> None:
    if any(name.lower() in SECRET_NAMES for name in request.args):
        abort(400, "secret_in_url")


def _refuse_other_bodies() -> None:
    """Let pages take forms alone, of a length that is said. The API looks at its bodies itself.

    A form in pieces would be cut at the limit without a word, and Flask-WTF reads JSON where it finds some.
    """
    if is_api(request.path):
        return
    if request.content_length is None and "Transfer-Encoding" in request.headers:
        abort(411)
    if request.content_length and request.mimetype not in FORM_TYPES:
        abort(415)


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = request.environ.get("request_id", "")
    started = request.environ.get("request_started", time.monotonic())
    logger.info(
        "request",
        extra={
            "method": request.method,
            # The rule, not the path: a path may hold a one-time code.
            "route": request.url_rule.rule if request.url_rule else None,
            "status": response.status_code,
            "milliseconds": round((time.monotonic() - started) * 1000),
            # Set by the sign-in guard; None for strangers and public pages.
            "user_id": request.environ.get("user_id"),
        },
    )
    return response
