"""Display: languages, and how times and numbers are written in pages."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from flask import Flask, current_app, request
from flask_babel import format_date, format_datetime, get_locale, gettext
from flask_login import current_user
from jinja2 import StrictUndefined

from app import clock
from app.extensions import babel
from babel.dates import format_timedelta

#: Languages that pages are written in; the first is for everyone whose language is missing.
LANGUAGES: Final = ("en",)


def init_app(app: Flask) -> None:
    """Add the language, the filters and strict templates: a name that is not there is an error."""
    babel.init_app(app, locale_selector=_locale)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters.update(ago=ago, moment=moment, day=format_date)
    app.jinja_env.globals["html_lang"] = lambda: str(get_locale()).replace("_", "-")
    app.url_defaults(_version_static)


def ago(value: datetime | None) -> str:
    """Return "3 days ago", or "Never" for None."""
    if value is None:
        return gettext("Never")
    return str(format_timedelta(value - clock.now(), add_direction=True, locale=get_locale()))


def moment(value: datetime) -> str:
    """Return date and time to the minute, in UTC."""
    return f"{format_datetime(value, 'medium')} UTC"


def _locale() -> str:
    chosen = getattr(current_user, "locale", None)
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def _version_static(endpoint: str, values: dict[str, str]) -> None:
    """Add a digest of the file to its URL, so that browsers may keep it for long."""
    if endpoint == "static" and "filename" in values:
        values["v"] = _digest(Path(current_app.static_folder or "") / values["filename"])


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8] if path.is_file() else "0"
