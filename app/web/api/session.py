"""Session: signing in and out for programs."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_login import current_user
from flask_wtf.csrf import generate_csrf

from app.models import User
from app.services import accounts
from app.web import auth, current
from app.web.access import public
from app.web.api.blueprint import Blueprint, no_content
from app.web.api.schemas import Credentials, SignedIn

session = Blueprint("api_session", __name__, path="/session", description="Signing in and out")


@session.post("")
@session.doc(security=[])
@session.arguments(Credentials)
@session.response(200, SignedIn)
@public
def sign_in(credentials: dict[str, str]) -> dict[str, Any]:
    """Sign in by e-mail and password; the answer sets the session cookie."""
    user = accounts.authenticate(credentials["email"], credentials["password"], current.actor())
    if current_user.is_authenticated:
        auth.end_session()
    auth.begin_session(user)
    return _signed_in(user)


@session.get("")
@session.response(200, SignedIn)
def show_session() -> dict[str, Any]:
    """Say who is signed in."""
    return _signed_in(current.user())


@session.delete("")
@session.response(204)
def sign_out() -> Response:
    """Sign out: every copy of the cookie is dead."""
    auth.end_session()
    return no_content()


def _signed_in(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "display_name": user.display_name,
        "role": user.role,
        "csrf_token": generate_csrf(),
    }
