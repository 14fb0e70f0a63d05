"""Languages: the one that an answer is written in, and the switch that every page has."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import unquote, urlsplit

from flask import Blueprint, abort, current_app, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.services.own_language import choose_language
from app.web import current
from app.web.access import public
from app.web.requests import SECRET_NAMES
from app.web.urls import can_be_got, own_path
from app.words.languages import LANGUAGES

languages = Blueprint("languages", __name__)

#: Holds a word of `LANGUAGES` and nothing of anybody, so it outlives sessions and may be forged by its owner.
COOKIE: Final = "language"
COOKIE_LASTS: Final = timedelta(days=365)


def of_request() -> str:
    """Return the language to answer in: the account's, else this browser's choice, else what it asks for."""
    chosen = getattr(current.viewer(), "locale", None)
    # `app.web.headers` says it, on every answer that has words.
    g.language = (chosen if chosen in LANGUAGES else read_here()) or LANGUAGES[0]
    return str(g.language)


def chosen_here() -> str | None:
    """Return the language that somebody chose in this browser, None when nobody did."""
    language = request.cookies.get(COOKIE)
    return language if language in LANGUAGES else None


def read_here() -> str | None:
    """Return the language that somebody reads in this browser, None when it asks for none of ours.

    For who gets an account on a page that they read: mails have no browser to ask.
    """
    return chosen_here() or request.accept_languages.best_match(LANGUAGES)


@languages.post("/language")
@public
def choose() -> ResponseReturnValue:
    """Keep a choice of language, in the account and in this browser, and lead back to the page."""
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        abort(400)
    if current_user.is_authenticated:
        choose_language(current.user(), language)
    answer = make_response(redirect(_page_before(), code=303))
    answer.set_cookie(
        COOKIE,
        language,
        max_age=COOKIE_LASTS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return answer


def _page_before() -> str:
    """Return the page that the switch stood on, as the browser names it, else the first one.

    Not from a field of the form: an error page would have to repeat an address that holds who knows what.
    Of a page that is an answer to a form, the page that the form stood on.
    """
    referrer = urlsplit(request.referrer or "")
    path = own_path(referrer.path)
    if path is None or referrer.netloc != request.host:
        return url_for("auth.home")
    while path and not can_be_got(unquote(path)):
        path, referrer = path.rpartition("/")[0], referrer._replace(query="")
    names = {part.partition("=")[0].lower() for part in unquote(referrer.query).split("&")}
    if referrer.query and not names & SECRET_NAMES:
        return own_path(f"{path}?{referrer.query}") or url_for("auth.home")
    return path or url_for("auth.home")
