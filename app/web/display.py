"""Display: languages, and how times and numbers are written in pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from babel.dates import format_timedelta
from flask import Flask, g
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
#: Seconds that have passed, and to how many of them the time since is rounded.
_STEPS: Final = ((86_400, 3600), (3600, 60), (0, 1))


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
        token_help=token_help,
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


def token_help(row: Any, not_stored: str | None = None) -> str:
    """Return `token_states.help_of`, put together once a page for rows of which the same is said."""
    said: dict[Any, str] = g.setdefault("token_help", {})
    alike = (*token_states.told_by(row), not_stored)
    if alike not in said:
        said[alike] = token_states.help_of(row, not_stored)
    return said[alike]


def ago(value: datetime | None) -> str:
    """Return "3 days ago", "just now", or "Never" for None."""
    if value is None:
        return str(gettext("Never"))
    passed = (clock.now() - value).total_seconds()
    if abs(passed) < JUST_NOW_SECONDS:
        return str(gettext("just now"))
    # No word of it changes within such a step.
    step = next(seconds for longer_than, seconds in _STEPS if abs(passed) >= longer_than)
    return _ago(round(passed / step) * step, str(get_locale()))


@lru_cache(maxsize=4096)
def _ago(seconds: int, language: str) -> str:
    return str(format_timedelta(timedelta(seconds=-seconds), add_direction=True, locale=language))


def timespan(value: timedelta) -> str:
    """Return "2 hours"."""
    return str(format_timedelta(value, threshold=2, locale=get_locale()))


def web_link(address: str | None) -> str:
    """Return the address when it may stand in a link, else "": escaping does not stop `javascript:`."""
    return address if address and address.lower().startswith(("https://", "http://")) else ""


def html_lang() -> str:
    """Return the page's language as HTML wants it."""
    return str(get_locale()).replace("_", "-")
