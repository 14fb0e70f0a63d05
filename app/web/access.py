"""Access: every view is private unless it says `@public`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.extensions import csrf, login_manager
from app.models import User
from app.services import sessions
from app.web.urls import is_api

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Mark a view as open to everyone. Put it nearest to the function."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def init_app(app: Flask) -> None:
    """Ask who it is first, then whether the form is ours: a stranger learns nothing of the second."""
    login_manager.session_protection = None
    # Without its context processor, which would ask the database for each page, error pages included.
    login_manager.init_app(app, add_context_processor=False)
    login_manager.user_loader(_load)
    app.before_request(_require_sign_in)
    csrf.init_app(app)


def _load(session_id: str) -> User | None:
    return sessions.find_signed_in(session_id)


def _require_sign_in() -> Response | None:
    if is_public():
        return None
    if current_user.is_authenticated:
        request.environ["user_id"] = current_user.id
        return None
    if is_api(request.path):
        abort(401)
    # Only a page can be come back to; what was typed into a form is not kept for strangers.
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.sign_in", next=back if back != "/" else None), code=303)


def is_public() -> bool:
    """Return whether anybody may come in here; what does not exist is nobody's secret."""
    if request.endpoint is None or request.endpoint == "static":
        return True
    return bool(getattr(current_app.view_functions[request.endpoint], "is_public", False))
