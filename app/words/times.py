"""Times: an exact one in words, the same in pages and in mails."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

from flask_babel import format_datetime, get_locale

#: By language, where its usual form will not do: Unicode's for Korean has an English AM and PM in it.
FORMATS: Final = {"ko": "y. M. d. HH:mm:ss"}


def moment(value: datetime) -> str:
    """Return date and time to the second, in UTC, in the current language."""
    return _moment(value, str(get_locale()))


@lru_cache(maxsize=4096)
def _moment(value: datetime, language: str) -> str:
    """Return it from memory where a page has it again: Babel takes as long for one as a page for five rows.

    `language`: the current one.
    """
    return f"{format_datetime(value, FORMATS.get(language, 'medium'))} UTC"
