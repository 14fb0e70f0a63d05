"""Settings: the pages on which people keep what is theirs."""

from __future__ import annotations

from flask import Blueprint

from app.web.settings import tokens

settings = Blueprint("settings", __name__, url_prefix="/settings")
BOTH = ("GET", "POST")
settings.add_url_rule("/tokens", "tokens", tokens.list_page, methods=("GET",))
settings.add_url_rule("/tokens/<int:server_id>", "token", tokens.token_page, methods=BOTH)
settings.add_url_rule("/tokens/<int:server_id>/delete", "delete_token", tokens.delete_page, methods=BOTH)
