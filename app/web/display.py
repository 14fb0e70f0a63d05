"""Display: languages, and how times and numbers are written in pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from babel.dates import format_timedelta
from flask import Flask
from flask_babel import format_date, format_decimal, get_locale, gettext
from jinja2 import StrictUndefined

from app import clock
from app.extensions import babel
from app.web import current, languages
from app.web.address_parts import shown_address
from app.web.foreign import visible
from app.web.sentences import agent_in_words, odd_sentence, outcome_word, sentence
from app.words import token_states
from app.words.checks import RESULTS as CHECK_RESULTS
from app.words.languages import NAMES
from app.words.times import moment

JUST_NOW_SECONDS: Final = 45


def init_app(app: Flask) -> None:
    """Add the language, the filters and strict templates: a name that is not there is an error."""
    babel.init_app(app, locale_selector=languages.of_request)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters.update(
        ago=ago,
        moment=moment,
        timespan=timespan,
        day=format_date,
        number=format_decimal,
        visible=visible,
        address=shown_address,
        web_link=web_link,
        agent=agent_in_words,
        sentence=sentence,
        odd_sentence=odd_sentence,
        outcome_word=outcome_word,
        token_help=token_states.help_of,
        token_remedy=token_states.remedy_of,
    )
    app.jinja_env.globals.update(
        html_lang=html_lang,
        languages=NAMES,
        viewer=current.viewer,
        token_states=token_states.STATES,
        remedies=token_states.REMEDIES,
        check_results=CHECK_RESULTS,
    )


def ago(value: datetime | None) -> str:
    """Return "3 days ago", "just now", or "Never" for None."""
    if value is None:
        return str(gettext("Never"))
    passed = clock.now() - value
    if abs(passed.total_seconds()) < JUST_NOW_SECONDS:
        return str(gettext("just now"))
    return str(format_timedelta(-passed, add_direction=True, locale=get_locale()))


def timespan(value: timedelta) -> str:
    """Return "2 hours"."""
    return str(format_timedelta(value, threshold=2, locale=get_locale()))


def web_link(address: str | None) -> str:
    """Return the address when it may stand in a link, else "": escaping does not stop `javascript:`."""
    return address if address and address.lower().startswith(("https://", "http://")) else ""


def html_lang() -> str:
    """Return the page's language as HTML wants it."""
    return str(get_locale()).replace("_", "-")
