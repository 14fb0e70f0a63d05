"""Settings: the pages on which people keep what is theirs."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

from app.web.settings import account, activity, sessions, token_checks, tokens, totp

settings = Blueprint("settings", __name__, url_prefix="/settings")
READ: Final = ("GET",)
CHANGE: Final = ("POST",)
BOTH: Final = ("GET", "POST")
for path, name, view, methods in (
    ("/tokens", "tokens", tokens.list_page, READ),
    ("/tokens/<int:server_id>", "token", tokens.token_page, BOTH),
    ("/tokens/<int:server_id>/delete", "delete_token", tokens.delete_page, BOTH),
    ("/tokens/<int:server_id>/check", "check_token", token_checks.check, CHANGE),
    ("/tokens/<int:server_id>/confirm-address", "confirm_address", token_checks.confirm, BOTH),
    ("/tokens/<int:server_id>/expiry", "token_expiry", token_checks.expiry, CHANGE),
    ("/tokens/delete-all", "delete_all_tokens", tokens.delete_all_page, BOTH),
    ("/sessions", "sessions", sessions.list_page, READ),
    ("/sessions/<int:session_id>/end", "end_session", sessions.end, CHANGE),
    ("/sessions/end-others", "end_other_sessions", sessions.end_others, CHANGE),
    ("/activity", "activity", activity.show, READ),
    ("/activity/<kind>/<int:event_id>/dismiss", "dismiss", activity.dismiss, CHANGE),
    ("/account", "account", account.show, READ),
    ("/account/email", "email", account.email, BOTH),
    ("/account/password", "password", account.password, BOTH),
    ("/account/delete", "delete_account", account.delete, BOTH),
    ("/account/storing", "storing", account.storing, CHANGE),
    ("/account/totp", "totp", totp.page, BOTH),
    ("/account/totp/recovery-codes", "recovery_codes", totp.recovery_codes, BOTH),
    ("/account/totp/disable", "disable_totp", totp.disable, BOTH),
):
    settings.add_url_rule(path, name, view, methods=methods)
