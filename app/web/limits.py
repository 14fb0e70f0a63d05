"""Limits: how often one person and one client address may do what costs us, or others, something.

Counted by Flask-Limiter, in Redis for all processes together where `REDIS_URL` is set. Without it, or while
Redis does not answer, each process counts for itself. Failed sign-ins are counted in the database besides
(`app.services.sign_in`), because that count is what protects an account on every installation.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from flask import Flask, g, request
from flask_limiter import Limiter, RequestLimit
from flask_login import current_user

from app.services.sign_in import network_of


class Limit(NamedTuple):
    """What one address and one person may do. `scope`: routes of one scope count together."""

    scope: str
    of_address: str
    #: None: nobody is signed in there.
    of_person: str | None = None


#: Wide enough for an office behind one address on Monday morning, and for a script that fills a new account.
SIGN_IN: Final = Limit("sign-in", "300 per minute")
SIGN_UP: Final = Limit("sign-up", "100 per hour")
LANGUAGE: Final = Limit("language", "300 per minute")
RESET: Final = Limit("reset", "100 per hour")
PASSWORD: Final = Limit("password", "300 per minute", "60 per minute")
SAVE: Final = Limit("save", "2400 per minute", "600 per minute")
CALL: Final = Limit("call", "1200 per minute", "300 per minute")
CATALOGUE: Final = Limit("catalogue", "1200 per minute", "300 per minute")
#: Each may be a mail.
RENEW: Final = Limit("renew", "600 per minute", "120 per minute")
#: Reading a large one takes seconds.
IMPORT: Final = Limit("import", "120 per minute", "30 per minute")
#: Endpoint → its limit, for every method that changes something.
LIMITS: Final = {
    "auth.sign_in": SIGN_IN,
    "auth.sign_in_code": SIGN_IN,
    "api_session.sign_in": SIGN_IN,
    "auth.sign_up": SIGN_UP,
    "auth.reset_password": RESET,
    "languages.choose": LANGUAGE,
    "settings.email": PASSWORD,
    "settings.password": PASSWORD,
    "settings.delete_account": PASSWORD,
    "settings.totp": PASSWORD,
    "settings.recovery_codes": PASSWORD,
    "settings.disable_totp": PASSWORD,
    "admin.reset_totp": PASSWORD,
    "admin.require_totp": PASSWORD,
    "admin.invite": PASSWORD,
    "admin.renew_invitation": PASSWORD,
    "admin.password_link": PASSWORD,
    "admin.disable_user": PASSWORD,
    "admin.enable_user": PASSWORD,
    "admin.user_role": PASSWORD,
    "admin.delete_user": PASSWORD,
    "api_admin_users.invite_person": PASSWORD,
    "api_admin_users.change_person": PASSWORD,
    "api_admin_users.delete_person": PASSWORD,
    "api_admin_users.renew_invitation": PASSWORD,
    "settings.token": SAVE,
    "settings.delete_token": SAVE,
    "api_mcp_servers.save_token": SAVE,
    "api_mcp_servers.delete_token": SAVE,
    "settings.token_expiry": SAVE,
    "settings.storing": SAVE,
    "settings.confirm_address": PASSWORD,
    "settings.delete_all_tokens": PASSWORD,
    "settings.check_token": CALL,
    "api_mcp_servers.check_token": CALL,
    "admin.server": CATALOGUE,
    "admin.new_server": CATALOGUE,
    "admin.enable_server": CATALOGUE,
    "admin.disable_server": CATALOGUE,
    "admin.delete_server": CATALOGUE,
    "admin.try_server": CALL,
    "api_admin_servers.add_server": CATALOGUE,
    "api_admin_servers.change_server": CATALOGUE,
    "admin.ask_token": RENEW,
    "admin.delete_token": CATALOGUE,
    "api_admin_tokens.ask_to_renew": RENEW,
    "api_admin_tokens.delete_token_of": CATALOGUE,
    "api_admin_servers.delete_server": CATALOGUE,
    "api_admin_servers.try_server": CALL,
    "admin.import_servers": IMPORT,
    "admin.import_reviewed": IMPORT,
    "api_admin_import.import_servers": IMPORT,
    "playground.server": CALL,
    "api_playground.list_tools": CALL,
    "api_playground.call_tool": CALL,
}
CHANGES: Final = ["POST", "PATCH", "DELETE"]
#: A Redis that says nothing costs a request no longer than this, and then others less and less often.
REDIS_WAIT_SECONDS: Final = 0.5


def init_app(app: Flask) -> None:
    """Put a limit before each view that has one. Last: the views have to be there."""
    if not app.config["RATELIMIT_ENABLED"]:
        return
    redis = app.config["REDIS_URL"]
    waits: dict[str, Any] = {
        "socket_timeout": REDIS_WAIT_SECONDS,
        "socket_connect_timeout": REDIS_WAIT_SECONDS,
    }
    # One of its own for each app: two apps in a process must not count together.
    limiter = Limiter(
        _address,
        app=app,
        storage_uri=redis or "memory://",
        storage_options=waits if redis else {},
        # A fixed window lets twice as much through at its edge.
        strategy="moving-window",
        in_memory_fallback_enabled=bool(redis),
        # Of requests at once that find Redis gone, the fallback takes the first; the others go on unlimited.
        swallow_errors=bool(redis),
        on_breach=_note_wait,
        key_prefix="mcp-market",
    )
    for endpoint, limit in LIMITS.items():
        app.view_functions[endpoint] = _limited(limiter, limit, app.view_functions[endpoint])


def _limited(limiter: Limiter, limit: Limit, view: Callable[..., Any]) -> Callable[..., Any]:
    view = limiter.shared_limit(limit.of_address, limit.scope, key_func=_address, methods=CHANGES)(view)
    if limit.of_person:
        view = limiter.shared_limit(limit.of_person, limit.scope, key_func=_person, methods=CHANGES)(view)
    return view


def _note_wait(breached: RequestLimit) -> None:
    """Keep for `app.web.problems` after how many seconds there is room again."""
    # Its own headers would also say so where nothing was refused, and overrule what others say.
    g.retry_after = max(1, math.ceil(breached.reset_at - time.time()))


def _address() -> str:
    return f"address:{network_of(request.remote_addr or '')}"


def _person() -> str:
    return f"person:{current_user.id}"
