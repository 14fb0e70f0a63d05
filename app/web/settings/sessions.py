"""Settings → Sessions: where I am signed in, and signing out elsewhere."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.services import sessions
from app.services.session_hash import session_hash
from app.web import current
from app.web.auth import forget_session
from app.web.forms import ConfirmForm


def list_page() -> ResponseReturnValue:
    """Show where I am signed in, this browser first."""
    here = session_hash(current.user().get_id())
    rows = sessions.list_sessions(current.user(), current.session_limits())
    rows.sort(key=lambda row: row.session_hash != here)
    return render_template(
        "settings/sessions.html", rows=rows, here=here, limits=current.session_limits(), form=ConfirmForm()
    )


def end(session_id: int) -> ResponseReturnValue:
    """Sign one session out; this one too."""
    sessions.end_one_session(current.user(), session_id, current.actor())
    if sessions.find_signed_in(current.user().get_id(), current.session_limits()) is None:
        forget_session()
        flash(_("You are signed out."), "success")
        return redirect(url_for("auth.sign_in"), code=303)
    flash(_("Signed out there."), "success")
    return redirect(url_for("settings.sessions"), code=303)


def end_others() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    ended = sessions.end_other_sessions(current.user(), current.actor())
    flash(ngettext("Signed out in %(num)d place.", "Signed out in %(num)d places.", ended), "success")
    return redirect(url_for("settings.sessions"), code=303)
