"""Pages for signing up, in and out, and for a new password by a one-time link."""

from __future__ import annotations

from typing import Final

from flask import (
    Blueprint,
    Response,
    abort,
    after_this_request,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import refresh
from flask_login import current_user, login_user, logout_user

from app.errors import (
    InvalidInputError,
    MarketError,
    NotThereError,
    SignInFailedError,
    TooManyAttemptsError,
)
from app.models import User
from app.models.user import INVITED
from app.services import accounts, known_browsers, one_time_links, second_step, sessions
from app.services.own_language import choose_language
from app.services.sessions import SignedIn
from app.services.sign_in import authenticate
from app.services.totp import has_second_factor
from app.web import current, languages, messages, problems
from app.web.access import public
from app.web.forms import CodeForm, Form, NewPasswordForm, SignInForm, SignUpForm
from app.web.urls import own_path

auth = Blueprint("auth", __name__)

#: Name in the cookie of the random id of a sign-in that waits for its code.
PENDING: Final = "second_step"
#: Without "cookies": ours are dead on the server and emptied, and the one of a known browser stays,
#: so that a stranger cannot hold up who signs in here again.
CLEAR_SITE_DATA: Final = '"cache", "storage"'


@auth.route("/", methods=["GET"])
@public
def home() -> ResponseReturnValue:
    """Lead to the tokens, or to the sign-in."""
    return redirect(url_for("settings.tokens" if current_user.is_authenticated else "auth.sign_in"))


@auth.route("/login", methods=["GET", "POST"])
@public
def sign_in() -> ResponseReturnValue:
    """Sign in by email and password; then, where the account has a second factor, ask for its code."""
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(_next_page())
    form = SignInForm()
    if form.validate_on_submit():
        try:
            user = authenticate(form.email.data or "", form.password.data or "", current.visitor())
            if has_second_factor(user):
                session.clear()
                session[PENDING] = second_step.open_second_step(user)
                return redirect(url_for("auth.sign_in_code", next=request.args.get("next")), code=303)
            begin_session(user)
        except (SignInFailedError, TooManyAttemptsError) as error:
            return _refused("auth/sign_in.html", form, error)
        return redirect(_next_page(), code=303)
    return render_template("auth/sign_in.html", form=form), 422 if form.is_submitted() else 200


@auth.route("/login/code", methods=["GET", "POST"])
@public
def sign_in_code() -> ResponseReturnValue:
    """Take the code of a sign-in whose password was right."""
    pending_id = str(session.get(PENDING, ""))
    try:
        second_step.find_second_step(pending_id)
    except NotThereError:
        return redirect(url_for("auth.sign_in", next=request.args.get("next")), code=303)
    form = CodeForm()
    if form.validate_on_submit():
        code, keys = form.code.data or "", current.keys()
        try:
            user = second_step.finish_second_step(pending_id, code, keys=keys, visitor=current.visitor())
        except TooManyAttemptsError as error:
            return _refused("auth/code.html", form, error)
        except InvalidInputError as error:
            form.show(error)
        else:
            begin_session(user)
            return redirect(_next_page(), code=303)
    return render_template("auth/code.html", form=form), 422 if form.is_submitted() else 200


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
            _keep_language(user)
            begin_session(user)
            return redirect(url_for("settings.tokens"), code=303)
    return render_template("auth/sign_up.html", form=form), 422 if form.is_submitted() else 200


@auth.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End this session; every copy of its cookie is dead."""
    end_session()
    flash(_("You are signed out."), "success")
    answer = redirect(url_for("auth.sign_in"), code=303)
    answer.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
    return answer


@auth.route("/reset-password/<code>", methods=["GET", "POST"])
@public
def reset_password(code: str) -> ResponseReturnValue:
    """Set a password by a one-time link: a new one, or the first of who was invited."""
    user = one_time_links.find_by_link(code)
    is_invited = user.state == INVITED
    form = NewPasswordForm()
    if form.validate_on_submit():
        try:
            one_time_links.set_password(code, form.password.data or "", current.actor())
        except InvalidInputError as error:
            form.show(error)
        else:
            if is_invited:
                _keep_language(user)
            ready = _("Your account is ready. Sign in with your email address and this password.")
            flash(ready if is_invited else _("Your new password is set. Sign in with it."), "success")
            return redirect(url_for("auth.sign_in"), code=303)
    status = 422 if form.is_submitted() else 200
    page = render_template("auth/reset_password.html", form=form, email=user.email, is_invited=is_invited)
    return page, status


def begin_session(user: User) -> None:
    """Sign in: a new session row, nothing left of the cookie from before, and a browser that is known.

    Who never chose a language has from now on, mails included, the one chosen in this browser. Raises
    SignInFailedError for who was disabled or deleted at this moment.
    """
    if current_user.is_authenticated:
        sessions.end_session(current.user(), current.actor())
    visitor = current.visitor()
    # Which empties the form's own session once there is another, so that a refusal's form can be sent again.
    carry_on(user, sessions.start_session(user, visitor.actor, visitor.browser_id, current.session_limits()))
    chosen = languages.chosen_here()
    if user.locale is None and chosen:
        choose_language(user, chosen)


def carry_on(user: User, signed_in: SignedIn) -> None:
    """Give this browser the cookies of a session that has just begun."""
    session.clear()
    login_user(user)
    # What is said from here on is said in their language.
    refresh()

    @after_this_request
    def remember_browser(response: Response) -> Response:
        """Let the browser keep what tells a stranger's failures from its own."""
        response.set_cookie(
            current_app.config["BROWSER_COOKIE_NAME"],
            signed_in.browser_id,
            max_age=known_browsers.LASTS,
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
        return response


def end_session() -> None:
    """Sign out: delete the row, empty the cookie."""
    sessions.end_session(current.user(), current.actor())
    forget_session()


def forget_session() -> None:
    """Empty the cookie of a session that is over."""
    logout_user()
    session.clear()
    refresh()


def _keep_language(user: User) -> None:
    """Write to a new person in the language in which they read the page that gave them their account."""
    language = languages.read_here()
    if language:
        choose_language(user, language)


def _refused(template: str, form: Form, error: MarketError) -> ResponseReturnValue:
    """Show the form again, with the error's own status."""
    form.form_errors.append(messages.of_error(error))
    answer = make_response(render_template(template, form=form), problems.status_of(error))
    if isinstance(error, TooManyAttemptsError):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _next_page() -> str:
    return own_path(request.args.get("next")) or url_for("settings.tokens")
