"""Languages: the ones that there are words in, wherever these are read."""

from __future__ import annotations

from typing import Final

#: The first is for everyone whose language is missing.
LANGUAGES: Final = ("en", "ko")
#: What each calls itself: whoever looks for theirs may not read the page's.
NAMES: Final = {"en": "English", "ko": "한국어"}


def language_for(locale: str | None) -> str:
    """Return the person's language (`users.locale`) where there are words in it, else the first."""
    return locale if locale in LANGUAGES else LANGUAGES[0]
