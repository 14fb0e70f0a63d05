"""Pages for signing up, in and out, and for a new password by a one-time link."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user, login_user, logout_user

from app.errors import InvalidInputError, SignInFailedError
from app.models import User
from app.services import accounts, sessions
from app.web import current, messages
from app.web.access import public
from app.web.forms import NewPasswordForm, SignInForm, SignUpForm
from app.web.urls import own_path

auth = Blueprint("auth", __name__)


@auth.route("/", methods=["GET"])
@public
def home() -> ResponseReturnValue:
    """Lead to the tokens, or to the sign-in."""
    return redirect(url_for("settings.tokens" if current_user.is_authenticated else "auth.sign_in"))


@auth.route("/login", methods=["GET", "POST"])
@public
def sign_in() -> ResponseReturnValue:
    """Sign in by e-mail and password."""
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(_next_page())
    form = SignInForm()
    if form.validate_on_submit():
        try:
            user = accounts.authenticate(form.email.data or "", form.password.data or "", current.actor())
        except SignInFailedError as error:
            form.form_errors.append(messages.of_error(error))
            return render_template("auth/sign_in.html", form=form), 401
        begin_session(user)
        return redirect(_next_page(), code=303)
    return render_template("auth/sign_in.html", form=form), 422 if form.is_submitted() else 200


@auth.route("/sign-up", methods=["GET", "POST"])
@public
def sign_up() -> ResponseReturnValue:
    """Create an account and sign in to it, where registration is open."""
    if current_app.config["REGISTRATION"] != "open":
        abort(404)
    form = SignUpForm()
    if form.validate_on_submit():
        try:
            user = accounts.create_account(form.email.data or "", form.password.data or "", current.actor())
        except InvalidInputError as error:
            form.show(error)
        else:
            begin_session(user)
            return redirect(url_for("settings.tokens"), code=303)
    return render_template("auth/sign_up.html", form=form), 422 if form.is_submitted() else 200


@auth.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End this session; every copy of its cookie is dead."""
    end_session()
    flash(_("You are signed out."), "success")
    return redirect(url_for("auth.sign_in"), code=303)


@auth.route("/reset-password/<code>", methods=["GET", "POST"])
@public
def reset_password(code: str) -> ResponseReturnValue:
    """Set a new password by a one-time link."""
    user = accounts.find_password_reset(code)
    form = NewPasswordForm()
    if form.validate_on_submit():
        try:
            accounts.reset_password(code, form.password.data or "", current.actor())
        except InvalidInputError as error:
            form.show(error)
        else:
            flash(_("Your new password is set. Sign in with it."), "success")
            return redirect(url_for("auth.sign_in"), code=303)
    status = 422 if form.is_submitted() else 200
    return render_template("auth/reset_password.html", form=form, email=user.email), status


def begin_session(user: User) -> None:
    """Sign in: a new session row, and nothing left of the cookie from before."""
    session.clear()
    sessions.start_session(user, current.actor())
    login_user(user)


def end_session() -> None:
    """Sign out: delete the row, empty the cookie."""
    sessions.end_session(current.user(), current.actor())
    logout_user()
    session.clear()


def _next_page() -> str:
    return own_path(request.args.get("next")) or url_for("settings.tokens")
