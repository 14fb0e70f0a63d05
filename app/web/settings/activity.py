"""Settings → Activity: what was done with my account and my tokens, by me or by an admin."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.services import oddities
from app.services.audit_list import MAX_ID, EventFilter, list_own_events, own_servers
from app.web import current
from app.web.sentences import KINDS


def show() -> ResponseReturnValue:
    """Show my events, the newest first."""
    wanted = EventFilter(
        kind=request.args.get("kind", ""),
        server_id=number_in("server"),
        before=number_in("before"),
    )
    return render_template(
        "settings/activity.html",
        page=list_own_events(current.user(), wanted),
        wanted=wanted,
        servers=own_servers(current.user()),
        kinds={name: text for name, text in KINDS.items() if name not in {"server", "rotation", "audit"}},
    )


def number_in(name: str) -> int | None:
    """Return a number from the address, None for anything that is no id."""
    text = request.args.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID))
    return int(text) if is_number and int(text) <= MAX_ID else None


def dismiss(kind: str, event_id: int) -> ResponseReturnValue:
    """Hide something odd that I have looked at."""
    oddities.dismiss(current.user(), kind, event_id, current.actor())
    flash(_("The notice is gone. That you have seen it stands in your activity."), "success")
    return redirect(url_for("settings.tokens"), code=303)
