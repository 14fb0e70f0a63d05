"""Session: signing in and out for programs."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_wtf.csrf import generate_csrf

from app.errors import SecondFactorRequiredError
from app.models import User
from app.services import second_step
from app.services.sign_in import authenticate
from app.services.totp import has_second_factor
from app.web import auth, current
from app.web.access import public
from app.web.api.blueprint import Blueprint, no_content
from app.web.api.schemas import Credentials, SignedIn

session = Blueprint("api_session", __name__, path="/session", description="Signing in and out")


@session.post("")
@session.doc(security=[])
@session.arguments(Credentials)
@session.response(200, SignedIn)
@session.problems(429, 503)
@public
def sign_in(credentials: dict[str, str]) -> dict[str, Any]:
    """Sign in by email and password; the answer sets the session cookie.

    After five failures in a row the next attempt has to wait: 429, Retry-After.
    """
    user = authenticate(credentials["email"], credentials["password"], current.visitor())
    if has_second_factor(user):
        if not credentials.get("code"):
            raise SecondFactorRequiredError
        second_step.check_code(user, credentials["code"], keys=current.keys(), visitor=current.visitor())
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
    answer = no_content()
    answer.headers["Clear-Site-Data"] = auth.CLEAR_SITE_DATA
    return answer


def _signed_in(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "display_name": user.display_name,
        "role": user.role,
        "csrf_token": generate_csrf(),
    }
