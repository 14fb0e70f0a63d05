"""Access: every view is private unless it says `@public`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlencode

from flask import Flask, abort, current_app, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError
from werkzeug.wrappers import Response

from app.errors import NotThereError, SecondFactorMissingError, SignedOutError
from app.extensions import csrf, login_manager
from app.models import User
from app.services import sessions
from app.services.audit import Action
from app.services.totp import has_second_factor
from app.web import current, origins
from app.web.large_bodies import allow_catalogue
from app.web.problems import answer_market_error, give_up_transaction, note_refusal
from app.web.urls import SAFE_METHODS, can_be_got, is_api

#: What an account that lacks its second factor can still do: set it up, ask who it is, and leave.
OPEN_WITHOUT_SECOND_FACTOR: Final = frozenset(
    {
        "settings.totp",
        "settings.disable_totp",
        "auth.sign_out",
        "api_session.show_session",
        "api_session.sign_out",
    }
)
#: Fields of forms that come back after a sign-in: choices, never anything typed.
KEPT_CHOICES: Final = ("expires_in", "expires_on")
View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Mark a view as open to everyone. Put it nearest to the function."""
    view.is_public = True  # type: ignore[attr-defined] # a type of functions has no such
    return view


def init_app(app: Flask) -> None:
    """Ask who it is first, then whether the form is ours: a stranger learns nothing of the second."""
    login_manager.session_protection = None
    # Without its context processor, which would ask the database for each page, error pages included.
    login_manager.init_app(app, add_context_processor=False)
    login_manager.user_loader(_load)
    app.before_request(_require_sign_in)
    app.before_request(allow_catalogue)
    app.before_request(_refuse_foreign_forms)
    csrf.init_app(app)
    app.register_error_handler(SignedOutError, _answer_signed_out)
    # Rows that the request had read are gone when it comes back to them.
    for error in (ObjectDeletedError, StaleDataError):
        app.register_error_handler(error, _answer_gone)


def _load(session_id: str) -> User | None:
    return sessions.find_signed_in(session_id, current.session_limits())


def _require_sign_in() -> Response | None:
    if is_public():
        return None
    if current_user.is_authenticated:
        request.environ["user_id"] = current_user.id
        return _require_second_factor()
    if is_api(request.path):
        abort(401)
    return _lead_to_sign_in()


def _answer_signed_out(error: SignedOutError) -> Response:
    """Answer whoever was signed in when this began, as anybody who is not."""
    if is_api(request.path):
        return answer_market_error(error)
    give_up_transaction()
    return _lead_to_sign_in()


def _answer_gone(_error: SQLAlchemyError) -> Response:
    """Answer whoever was deleted while this was under way as a stranger, and others that it is not there."""
    give_up_transaction()
    if current.viewer() is None:
        return _answer_signed_out(SignedOutError())
    return answer_market_error(NotThereError())


def _lead_to_sign_in() -> Response:
    if request.method not in SAFE_METHODS:
        flash(_("Your session has ended, so nothing was changed. Sign in and send the form again."), "info")
    back = _page_to_come_back_to()
    return redirect(url_for("auth.sign_in", next=back if back != "/" else None), code=303)


def _require_second_factor() -> Response | None:
    """Lead whoever must have a second factor, and has none yet, to setting one up."""
    if not current_user.totp_required or request.endpoint in OPEN_WITHOUT_SECOND_FACTOR:
        return None
    if has_second_factor(current.user()):
        return None
    if is_api(request.path):
        raise SecondFactorMissingError
    flash(_("Your account must have a second factor. Set it up to go on."), "info")
    return redirect(url_for("settings.totp"), code=303)


def _page_to_come_back_to() -> str | None:
    """Return the page that was asked for; of a form that was sent, the page that it stands on.

    What was typed is not kept for whoever signs in next, but the choices that say nothing of anybody.
    """
    if request.method in SAFE_METHODS:
        return request.full_path.rstrip("?")
    path = request.path
    while len(path) > 1 and not can_be_got(path):
        path = path.rpartition("/")[0] or "/"
    kept = {name: request.form[name] for name in KEPT_CHOICES if 0 < len(request.form.get(name, "")) <= 10}
    return f"{path}?{urlencode(kept)}" if kept and path == request.path else path


def _refuse_foreign_forms() -> None:
    """Raise CSRFError where a browser says that another site's page sends this, whatever token it has."""
    if request.method not in SAFE_METHODS:
        origins.refuse_foreign_page()


def is_public() -> bool:
    """Return whether anybody may come in here; what does not exist is nobody's secret."""
    if request.endpoint is None or request.endpoint == "static":
        return True
    return bool(getattr(current_app.view_functions[request.endpoint], "is_public", False))


def admins_only() -> None:
    """Let admins go on; to everyone else there is no such page."""
    if not current_user.is_admin:
        hide()
    current.act_by_role("admin")


def hide() -> NoReturn:
    """Answer as if there were no such page, which others need not know of; record that somebody asked."""
    note_refusal(Action.ACCESS_REFUSED)
    abort(404)
